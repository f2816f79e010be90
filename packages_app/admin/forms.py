"""Forms of the admin: what they ask for and check. The page that shows one asks the service once it is valid."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from packages_app.core.builds import LONGEST_BUILD
from packages_app.core.errors import PackageRefused
from packages_app.core.rollout import steps_in
from packages_app.services import adapters
from packages_app.services.intake.admit import upload_targets
from packages_app.services.intake.build_bootstrap import PARTS
from packages_app.services.jobs.rights import may_hotfix, may_publish


class UploadForm(forms.Form):
    """A build to take in."""

    file = forms.FileField(label="Package", widget=UnfoldAdminFileFieldWidget)
    suite = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget)
    component = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget)
    rollout = forms.CharField(
        label="Percent of clients, a day each", required=False, max_length=300, widget=UnfoldAdminTextInputWidget,
        help_text="Such as 10, 25, 50, 100; empty: as the definition says.",
    )  # fmt: skip

    build = forms.CharField(
        required=False, max_length=LONGEST_BUILD, widget=UnfoldAdminTextInputWidget,
        help_text="The label of one of several builds of a version, such as noble; empty: as the definition says.",
    )  # fmt: skip

    def __init__(self, *, request: HttpRequest) -> None:
        data, files = (request.POST, request.FILES) if request.method == "POST" else (None, None)
        super().__init__(data, files)
        if getattr(request, "upload_was_too_large", False):  # it was not read to its end
            self.fields["file"].error_messages["required"] = _too_large()
        if (fault := getattr(request, "upload_fault", None)) is not None:
            self.fields["file"].error_messages["required"] = str(fault)
        # The place is the definition's for those who may not publish; the service holds to that, whatever is posted.
        user = getattr(request, "user", AnonymousUser())
        publisher = may_publish(user)
        suites = adapters.repository().suites if publisher else ()
        components = sorted({component for suite in suites for component in suite.components})
        as_defined = ("", "as the definition says")
        self.fields["suite"].choices = [as_defined, *((s.name, s.name) for s in suites)]  # type: ignore[attr-defined]
        self.fields["component"].choices = [as_defined, *((c, c) for c in components)]  # type: ignore[attr-defined]
        if not publisher:
            del self.fields["rollout"], self.fields["build"]
        targets = upload_targets()
        offered = [name for name, d in targets.items() if d.bootstrap is None or publisher]
        names = ", ".join(offered) or "none is defined"
        by_hand = upload_targets(hotfixes=True).keys() - targets.keys() if may_hotfix(user) else ()
        beside = f" By hand, beside what their source brings: {', '.join(sorted(by_hand))}." if by_hand else ""
        self.fields["file"].help_text = f"A .deb of a package that takes uploads: {names}.{beside}"

    def clean_rollout(self) -> tuple[int, ...]:
        """Return the steps; refuse what are none."""
        try:
            return steps_in(self.cleaned_data["rollout"])
        except PackageRefused as error:
            raise forms.ValidationError(str(error), code=error.code) from error

    def clean_file(self) -> UploadedFile[Any]:
        """Return the file; refuse one that is larger than the settings allow."""
        upload: UploadedFile[Any] = self.cleaned_data["file"]
        if (upload.size or 0) > settings.UPLOAD_LIMIT_BYTES:
            raise forms.ValidationError(_too_large())
        return upload

    @property
    def refused_field(self) -> str:
        """The field that a refusal of the service is shown at."""
        return "file"


def _too_large() -> str:
    return f"The file is larger than {settings.UPLOAD_LIMIT_BYTES} bytes."


class BuildForm(forms.Form):
    """A version of a bootstrap package to build: the next one, or one that is written."""

    name = forms.ChoiceField(label="Package", widget=UnfoldAdminSelectWidget)
    part = forms.ChoiceField(label="Version", required=False, widget=UnfoldAdminSelectWidget)
    version = forms.CharField(
        label="Or this version", required=False, max_length=256, widget=UnfoldAdminTextInputWidget
    )

    def __init__(self, *, request: HttpRequest) -> None:
        super().__init__(request.POST if request.method == "POST" else None)
        names = [definition.name for definition in adapters.definitions().bootstrap_packages()]
        self.fields["name"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]
        parts = [(part, f"the next {part} version") for part in reversed(PARTS)]
        self.fields["part"].choices = parts  # type: ignore[attr-defined]
        newest = (adapters.package_table().newest_of(name) for name in names)
        there = ", ".join(f"{record.package_name} {record.version}" for record in newest if record)
        self.fields["part"].help_text = f"Newest now: {there}." if there else "There is no version yet."

    @property
    def refused_field(self) -> str:
        """The field that a refusal of the service is shown at: the one that says which version."""
        return "version" if self.cleaned_data.get("version") else "part"
