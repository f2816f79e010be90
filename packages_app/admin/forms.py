"""Forms of the admin: what they ask for and check. The page that shows one asks the service once it is valid."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from packages_app.admin.read_only import as_fault
from packages_app.core.builds import LONGEST_BUILD
from packages_app.core.errors import PackageRefused
from packages_app.core.rights import Action
from packages_app.core.rollout import steps_in
from packages_app.services import adapters
from packages_app.services.configuration.definitions import may_define
from packages_app.services.deliveries.delivered import Place, new_delivery
from packages_app.services.intake.admit import upload_targets
from packages_app.services.intake.build_bootstrap import PARTS
from packages_app.services.intake.uploads import PACKAGE_ENDINGS
from packages_app.services.rights.rule import rights_of


class _ManyFiles(forms.ClearableFileInput):
    """The browser's own field, which says how many files are chosen: the theme's has room for one name."""

    allow_multiple_selected = True

    def __init__(self) -> None:
        super().__init__(attrs={"class": "rm-files", "accept": ",".join(PACKAGE_ENDINGS)})

    def render(self, *args: Any, **named: Any) -> SafeString:
        """Return the field with one before it for the theme's script, which writes names into the first text."""
        return format_html('<input type="text" hidden disabled>{}', super().render(*args, **named))


class _FilesField(forms.FileField):
    """Some files, each checked as one is."""

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        """Return the files; refuse none at all."""
        files = data if isinstance(data, list | tuple) else [data]
        return [super(_FilesField, self).clean(each, initial) for each in files or [None]]


class PlaceForm(forms.Form):
    """Where files are to go. Those that are sent one after the other are of one delivery."""

    delivery = forms.CharField(required=False, max_length=32, widget=forms.HiddenInput)
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
        super().__init__(data, files, initial={"delivery": new_delivery()})
        # The place is the definition's for those who may not publish; the service holds to that, whatever is posted.
        self.user = getattr(request, "user", AnonymousUser())
        rights = rights_of(self.user)
        publisher = rights.may_somewhere(Action.PUBLISH)
        suites = adapters.repository().suites if publisher else ()
        components = sorted({component for suite in suites for component in suite.components})
        as_defined = ("", "as the definition says")
        self.fields["suite"].choices = [as_defined, *((s.name, s.name) for s in suites)]  # type: ignore[attr-defined]
        self.fields["component"].choices = [as_defined, *((c, c) for c in components)]  # type: ignore[attr-defined]
        if not publisher:
            del self.fields["rollout"], self.fields["build"]

    def clean_rollout(self) -> tuple[int, ...]:
        """Return the steps; refuse what are none."""
        try:
            return steps_in(self.cleaned_data["rollout"])
        except PackageRefused as error:
            raise as_fault(error) from error

    @property
    def place(self) -> Place:
        """Where the files are to go."""
        said = self.cleaned_data
        return Place(said["suite"], said["component"], tuple(said.get("rollout", ())), said.get("build", ""))

    @property
    def of_delivery(self) -> str:
        """The delivery that the files are of: a new one where none is named."""
        named: str = self.cleaned_data["delivery"] or self.initial["delivery"]
        return named


class BeginForm(PlaceForm):
    """A file that is to go straight to the staging bucket."""

    name = forms.CharField(max_length=255, strip=False)
    size = forms.IntegerField()


class UploadForm(PlaceForm):
    """Builds to look at, and then to take in."""

    file = _FilesField(label="Packages", widget=_ManyFiles, allow_empty_file=True, max_length=255)
    field_order = ("file",)

    def __init__(self, *, request: HttpRequest) -> None:
        super().__init__(request=request)
        if getattr(request, "upload_was_too_large", False):  # it was not read to its end
            self.fields["file"].error_messages["required"] = _too_large()
        if (fault := getattr(request, "upload_fault", None)) is not None:
            self.fields["file"].error_messages["required"] = str(fault)
        rights, targets = rights_of(self.user), upload_targets()
        offered = [
            name
            for name, definition in targets.items()
            if rights.may_somewhere(Action.UPLOAD if definition.bootstrap is None else Action.BOOTSTRAP, name)
        ]
        names = ", ".join(offered) or "none is defined"
        watched = upload_targets(hotfixes=True).keys() - targets.keys()
        by_hand = [name for name in watched if rights.may_somewhere(Action.HOTFIX, name)]
        beside = f" By hand, beside what their source brings: {', '.join(sorted(by_hand))}." if by_hand else ""
        more = "; of another package what its .deb says of it is proposed" if may_define(self.user) else ""
        self.fields["file"].help_text = f"Files .deb of packages that take uploads: {names}{more}.{beside}"

    def clean_file(self) -> list[UploadedFile[Any]]:
        """Return the files; refuse one that is larger than the settings allow."""
        files: list[UploadedFile[Any]] = self.cleaned_data["file"]
        if any((upload.size or 0) > settings.UPLOAD_LIMIT_BYTES for upload in files):
            raise forms.ValidationError(_too_large())
        return files

    @property
    def refused_field(self) -> str:
        """The field that a refusal of the service is shown at."""
        return "file"


def _too_large() -> str:
    return f"A file is larger than {settings.UPLOAD_LIMIT_BYTES} bytes."


class BuildForm(forms.Form):
    """A version of a bootstrap package to build: the next one, or one that is written."""

    name = forms.ChoiceField(label="Package", widget=UnfoldAdminSelectWidget)
    part = forms.ChoiceField(label="Version", required=False, widget=UnfoldAdminSelectWidget)
    version = forms.CharField(
        label="Or this version", required=False, max_length=256, widget=UnfoldAdminTextInputWidget
    )

    def __init__(self, *, request: HttpRequest) -> None:
        super().__init__(request.POST if request.method == "POST" else None)
        rights = rights_of(getattr(request, "user", AnonymousUser()))
        there_are = (definition.name for definition in adapters.definitions().bootstrap_packages())
        names = [name for name in there_are if rights.may(Action.BOOTSTRAP, name)]
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
