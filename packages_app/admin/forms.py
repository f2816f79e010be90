"""Forms of the admin. Each asks one service; what the service refuses is shown on the form with its remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from packages_app.core.errors import RepomgrError
from packages_app.models import Job
from packages_app.services import adapters
from packages_app.services.intake.build_bootstrap import PARTS, next_version
from packages_app.services.intake.uploads import stage_upload, upload_targets
from packages_app.services.requests import request_build


class UploadForm(forms.Form):
    """A build to take in."""

    file = forms.FileField(label="Package", widget=UnfoldAdminFileFieldWidget)
    suite = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget)
    component = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget)

    def __init__(self, *, request: HttpRequest) -> None:
        data, files = (request.POST, request.FILES) if request.method == "POST" else (None, None)
        super().__init__(data, files)
        self._user = request.user
        self.job: Job | None = None
        suites = adapters.repository().suites
        components = sorted({component for suite in suites for component in suite.components})
        as_defined = ("", "as the definition says")
        self.fields["suite"].choices = [as_defined, *((s.name, s.name) for s in suites)]  # type: ignore[attr-defined]
        self.fields["component"].choices = [as_defined, *((c, c) for c in components)]  # type: ignore[attr-defined]
        names = ", ".join(definition.name for definition in upload_targets()) or "none is defined"
        self.fields["file"].help_text = f"A .deb of a package that takes uploads: {names}."

    def clean(self) -> dict[str, Any]:
        """Stage the upload; a refusal is the field's error."""
        cleaned: dict[str, Any] = super().clean() or {}
        upload = cleaned.get("file")
        if not isinstance(upload, TemporaryUploadedFile) or self.errors:
            return cleaned
        if (upload.size or 0) > settings.UPLOAD_LIMIT_BYTES:
            self.add_error("file", f"The file is larger than {settings.UPLOAD_LIMIT_BYTES} bytes.")
            return cleaned
        try:
            self.job = stage_upload(
                Path(upload.temporary_file_path()),
                upload.name or "",
                suite=cleaned["suite"],
                component=cleaned["component"],
                user=self._user,
            )
        except RepomgrError as error:
            self.add_error("file", str(error))
        return cleaned


class BuildForm(forms.Form):
    """A version of a bootstrap package to build: the next one, or one that is written."""

    name = forms.ChoiceField(label="Package", widget=UnfoldAdminSelectWidget)
    part = forms.ChoiceField(label="Version", required=False, widget=UnfoldAdminSelectWidget)
    version = forms.CharField(
        label="Or this version", required=False, max_length=256, widget=UnfoldAdminTextInputWidget
    )

    def __init__(self, *, request: HttpRequest) -> None:
        super().__init__(request.POST if request.method == "POST" else None)
        self._user = request.user
        self.job: Job | None = None
        names = [definition.name for definition in adapters.definitions().bootstrap_packages()]
        self.fields["name"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]
        parts = [(part, f"the next {part} version") for part in reversed(PARTS)]
        self.fields["part"].choices = parts  # type: ignore[attr-defined]
        newest = (adapters.package_table().newest_of(name) for name in names)
        there = ", ".join(f"{record.package_name} {record.version}" for record in newest if record)
        self.fields["part"].help_text = f"Newest now: {there}." if there else "There is no version yet."

    def clean(self) -> dict[str, Any]:
        """Ask for the build; a refusal is the field's error."""
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors:
            return cleaned
        name, version = cleaned["name"], cleaned["version"]
        try:
            self.job = request_build(name, version or next_version(name, cleaned["part"] or PARTS[-1]), self._user)
        except RepomgrError as error:
            self.add_error("version" if version else "part", str(error))
        return cleaned
