"""Definitions made in the admin: a form for each source type, a trial of what it says, versions, and removal."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from packages_app.admin.placing import placing_address
from packages_app.admin.read_only import go_to_job, say_refused, send_back
from packages_app.core.documents import ConfigurationOutdated, difference, of_package
from packages_app.core.errors import RepomgrError
from packages_app.core.rights import Action
from packages_app.core.setting_field import Kind, SettingField
from packages_app.models import DefinitionStatus, Package
from packages_app.services.configuration.definition_form import MORE, field_of, fields_of, said_by, text_of
from packages_app.services.configuration.definitions import (
    definition_document,
    definition_in,
    may_define,
    remove_definition,
    save_definition,
)
from packages_app.services.configuration.saved_versions import history_of, version_of
from packages_app.services.intake.trial import request_trial
from packages_app.services.lifecycle.placing import told_of_text
from packages_app.services.rights.rule import rights_of
from packages_app.sources.registry import source_types

_LIST = "admin:packages_app_definitionstatus_changelist"
_MEANING_OF_MORE = (
    "What has no field above, as in a file: bootstrap, builds, retain, promote, rollout, depends (docs/PACKAGES.md)."
)


class DefinitionForm(forms.Form):
    """The fields of a definition with one source type; faults stand at the field that they are about."""

    def __init__(
        self, source_type: str, *, new: bool, posted: dict[str, str] | None = None, shown: dict[str, str] | None = None
    ) -> None:
        super().__init__(posted, initial=shown)
        self.source_type = source_type
        for field in fields_of(source_type):
            self.fields[field.name] = field_for(field)
        if not new:
            self.fields["name"].widget.attrs["readonly"] = True
        more = UnfoldAdminTextareaWidget(attrs={"rows": 4, "spellcheck": "false"})
        self.fields[MORE] = forms.CharField(
            label="More, as YAML", required=False, widget=more, help_text=_MEANING_OF_MORE
        )

    def text(self) -> str | None:
        """Return the definition's text; None where it has faults, which are shown at their fields."""
        text, problems = text_of(self.source_type, self.data)
        problems = problems or definition_in(self.data.get("name", "").strip(), text)[1]
        self.full_clean()
        for problem in problems:
            error = forms.ValidationError(f"{problem.message} {problem.remedy}", code="bad_definition")
            self.add_error(field_of(problem, self.source_type), error)
        return text if self.is_valid() else None


def field_for(field: SettingField) -> forms.Field:
    """Return the field of a form for a setting."""
    if field.kind in (Kind.CHOICE, Kind.FLAG):
        choices = field.choices if field.kind is Kind.CHOICE else ("true", "false")
        named = [("", "not said"), *((choice, choice) for choice in choices)]
        # What is no choice is for the reading of definitions to fault, in the words that files have too.
        widget = UnfoldAdminSelectWidget(choices=named)
        return forms.CharField(label=field.label, required=False, help_text=field.meaning, widget=widget)
    widget = UnfoldAdminTextInputWidget()
    return forms.CharField(label=field.label, required=False, help_text=field.meaning, widget=widget)


def define_view(site: admin.AdminSite, opts: Any, request: HttpRequest) -> HttpResponseBase:
    """Show the form of a source type, or of a definition that is there; save what is posted, or try it."""
    if not may_define(request.user):
        raise PermissionDenied
    if request.method == "POST":
        return _posted(site, opts, request)
    name = request.GET.get("name", "").strip()
    document = definition_document(name) if name else None
    shown = document
    if "version" in request.GET:
        try:
            shown = version_of(of_package(name), _number(request.GET["version"]))
        except RepomgrError as error:
            return send_back(request, error, _versions_address(name))
        messages.info(request, f"This is version {shown.version} of {name}. It counts once it is saved.")
    source_type, said = said_by(shown.text) if shown else (request.GET.get("type", ""), {"name": name})
    form = DefinitionForm(source_type, new=document is None, shown=said)
    return _page(site, opts, request, form, document.version if document else 0)


def _posted(site: admin.AdminSite, opts: Any, request: HttpRequest) -> HttpResponseBase:
    read, name = _read(request), request.POST.get("name", "").strip()
    form = DefinitionForm(request.POST.get("type", ""), new=not read, posted=request.POST.dict())
    text = form.text()
    if text is None:
        return _page(site, opts, request, form, read)
    if "try" in request.POST:
        return go_to_job(request, lambda: request_trial(name, text, request.user), otherwise=reverse(_LIST))
    if "place" in request.POST:
        for line in told_of_text(name, text) or ["All versions are where this says, or there are none."]:
            messages.info(request, line)
        return _page(site, opts, request, form, read)
    try:
        saved = save_definition(name, text, read=read, user=request.user)
    except ConfigurationOutdated as error:
        say_refused(request, error)
        there = error.current
        lines = difference(there.text if there else "", text)
        return _page(site, opts, request, form, there.version if there else 0, theirs=there, difference=lines)
    except RepomgrError as error:
        say_refused(request, error)
        return _page(site, opts, request, form, read)
    messages.success(request, f"{name} is defined, version {saved.version}.")
    elsewhere = told_of_text(name, text) and rights_of(request.user).may_somewhere(Action.PUBLISH, name)
    return HttpResponseRedirect(placing_address(name) if elsewhere else reverse(_LIST))


def _page(
    site: admin.AdminSite, opts: Any, request: HttpRequest, form: DefinitionForm, read: int, **more: Any
) -> HttpResponseBase:
    types = source_types()
    page = {
        "opts": opts, "title": "Change a definition" if read else "Define a package", "form": form, "read": read,
        "types": sorted(types), "source_type": form.source_type if form.source_type in types else "", **more,
    }  # fmt: skip
    context = {**site.each_context(request), **page}
    return TemplateResponse(request, "admin/packages_app/definition/define.html", context)


def versions_view(site: admin.AdminSite, opts: Any, request: HttpRequest) -> HttpResponseBase:
    """Show every version of a definition's document, of one that was removed too, with what each changed."""
    name = request.GET.get("name", "").strip()
    page = {"opts": opts, "title": f"Versions of {name}", "name": name, "changes": history_of(of_package(name)),
            "may_define": may_define(request.user)}  # fmt: skip
    context = {**site.each_context(request), **page}
    return TemplateResponse(request, "admin/packages_app/definition/versions.html", context)


def remove_view(site: admin.AdminSite, opts: Any, request: HttpRequest, row: DefinitionStatus) -> HttpResponseBase:
    """Say what removing a definition's document means; do it once that is consented to."""
    if request.method != "POST":
        stay = Package.objects.filter(package_name=row.name).count()
        document = definition_document(row.name)
        page = {"opts": opts, "title": f"Remove the definition of {row.name}", "row": row, "stay": stay,
                "read": document.version if document else 0}  # fmt: skip
        context = {**site.each_context(request), **page}
        return TemplateResponse(request, "admin/packages_app/definition/remove.html", context)
    try:
        remove_definition(row.name, read=_read(request), user=request.user)
    except RepomgrError as error:
        return send_back(request, error, reverse(_LIST))
    messages.success(request, f"{row.name} is defined no more; its packages stay where they are.")
    return HttpResponseRedirect(reverse(_LIST))


def _versions_address(name: str) -> str:
    return f"{reverse('admin:packages_app_definitionstatus_versions')}?{urlencode({'name': name})}"


def form_address(name: str) -> str:
    """Return the address of a definition's form."""
    return f"{reverse('admin:packages_app_definitionstatus_define')}?{urlencode({'name': name})}"


def _read(request: HttpRequest) -> int:
    """Return the version that the form was made of; 0 for a new definition."""
    return _number(request.POST.get("read", ""))


def _number(said: str) -> int:
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 10 else 0
