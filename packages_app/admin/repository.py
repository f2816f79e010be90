"""The Repository page: settings and where each is set, forms, what clients will see, consent, and versions."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST, require_safe
from unfold.widgets import UnfoldAdminTextareaWidget

from packages_app.admin.define import field_for
from packages_app.admin.read_only import PUBLISH, may_administer, require, require_superuser, say_refused, send_back
from packages_app.core.documents import REPOSITORY, ConfigurationOutdated
from packages_app.core.errors import RepomgrError
from packages_app.core.setting_field import SettingField
from packages_app.core.suite_change import LONGEST_REASON
from packages_app.core.yaml_reader import Problem
from packages_app.core.yaml_writer import written_yaml
from packages_app.services.configuration.repository_form import (
    BASES,
    REPOSITORY_FIELDS,
    SUITE_FIELDS,
    faults_in,
    field_of,
    fixed_fields,
    like_the_default,
    said_of,
    with_settings,
    with_suite,
    without_suite,
)
from packages_app.services.configuration.repository_settings import RepositorySettings, settings_now
from packages_app.services.configuration.saved_versions import history_of, version_of
from packages_app.services.lifecycle.repository_change import RepositoryChange, plan_change, save_change

_TEMPLATES = "admin/packages_app/repository"


class RepositoryForm(forms.Form):
    """Fields that may be changed here; `fixed` are those that the file sets, with what it says."""

    def __init__(
        self, fields: tuple[SettingField, ...], fixed: dict[str, str], *, sums: tuple[str, ...] = (),
        posted: dict[str, str] | None = None, shown: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(posted, initial=shown)
        self.settings = fields
        self.fixed = [(field.label, fixed[field.name]) for field in fields if field.name in fixed]
        for field in fields:
            if field.name not in fixed or field.name in sums:
                self.fields[field.name] = field_for(field)
                if field.name in fixed:
                    self.fields[field.name].label = f"More {field.label.lower()}"

    def fault(self, problems: tuple[Problem, ...]) -> bool:
        """Show problems at their fields; return whether there are any."""
        self.full_clean()
        told = set[str]()
        for problem in problems:
            name = field_of(problem, self.settings)
            if name is not None and not self.data.get(name) and problem.message in told:
                continue  # a codename that was left empty is the name, where it is told
            told.add(problem.message)
            at = name if name in self.fields else None
            said = f"{problem.message} {problem.remedy}" if at else str(problem)
            self.add_error(at, forms.ValidationError(said, code="bad_definition"))
        return bool(problems)


def repository_view(site: admin.AdminSite, request: HttpRequest) -> HttpResponseBase:
    """Show the settings, and where each is set; what is broken is shown with its fault."""
    require(request, PUBLISH)
    now = settings_now()
    suites = [
        {"name": name, "file": _shown(now.suite_of_file(name)), "document": _shown(now.suite_of_document(name)),
         "default": not number, "retirable": number and not now.suite_of_file(name)}
        for number, name in enumerate(now.suite_names)
    ]  # fmt: skip
    page = {
        "title": "Repository", "now": now, "suites": suites, "file": _shown(_top(now.of_file)),
        "document": _shown(_top(now.document)), "fault": faults_in(now.newest.text if now.newest else ""),
        "changes": history_of(REPOSITORY), "may_change": may_administer(request),
    }  # fmt: skip
    return _page(site, request, "page.html", page)


def change_view(site: admin.AdminSite, request: HttpRequest) -> HttpResponseBase:
    """Show the form of the repository's own settings, or of a suite; then what clients will see of what is posted."""
    require_superuser(request)
    now, given = settings_now(), request.POST if request.method == "POST" else request.GET
    name, new = given.get("suite", ""), "new" in given
    is_suite = new or bool(name)
    fields = SUITE_FIELDS if is_suite else REPOSITORY_FIELDS
    of_file, document = (
        (now.suite_of_file(name), now.suite_of_document(name)) if is_suite else (now.of_file, now.document)
    )
    fixed = fixed_fields(fields, of_file)
    if is_suite and not new:
        fixed["name"] = name
    shown = like_the_default(now) if new else said_of(fields, document)
    form = RepositoryForm(fields, fixed, sums=("components", "architectures"),
                          posted=request.POST.dict() if request.method == "POST" else None, shown=shown)  # fmt: skip
    if not is_suite and BASES not in now.of_file:
        form.fields[BASES] = _bases(now)
    page = {"title": _title(name, new=new, is_suite=is_suite), "form": form, "suite": name, "new": new,
            "by_file": bool(of_file), "read": given.get("read", now.version)}  # fmt: skip
    if request.method == "POST":
        said = request.POST.dict()
        try:
            if is_suite:
                named = said.get("name", "").strip() if new else name
                text, problems = with_suite(now, named, said, new=new), tuple[Problem, ...]()
            else:
                text, problems = with_settings(now, said)
        except RepomgrError as error:
            say_refused(request, error)
            return _page(site, request, "form.html", page)
        if not form.fault(problems or faults_in(text)):
            try:
                return preview_page(site, request, plan_change(text))
            except RepomgrError as error:
                say_refused(request, error)
    return _page(site, request, "form.html", page)


def preview_view(site: admin.AdminSite, request: HttpRequest) -> HttpResponseBase:
    """Show what a change would do: a suite that is retired, or an earlier version that is brought back."""
    require_superuser(request)
    now, back = settings_now(), reverse("admin:packages_app_definitionstatus_repository")
    try:
        if suite := request.POST.get("retire"):
            return preview_page(site, request, plan_change(without_suite(now, suite)))
        number = request.POST.get("version", "")
        version = int(number) if number.isascii() and number.isdecimal() and len(number) < 10 else 0
        return preview_page(site, request, plan_change(version_of(REPOSITORY, version).text))
    except RepomgrError as error:
        return send_back(request, error, back)


def save_view(site: admin.AdminSite, request: HttpRequest) -> HttpResponseBase:
    """Do what was consented to."""
    require_superuser(request)
    said = request.POST
    text = said.get("text", "").replace("\r\n", "\n")
    try:
        saved = save_change(text, read=_read(request), shown=said.get("digest", ""), user=request.user,
                            withdraw="withdraw" in said, reason=said.get("reason", ""))  # fmt: skip
    except RepomgrError as error:
        say_refused(request, error)
        # What another saved meanwhile is in the difference that is shown now: who saves again has seen it.
        theirs = error.current if isinstance(error, ConfigurationOutdated) else None
        try:
            change = plan_change(text)
        except RepomgrError as now_refused:
            return send_back(request, now_refused, reverse("admin:packages_app_definitionstatus_repository"))
        return preview_page(site, request, change, read=theirs.version if theirs else None)
    messages.success(request, f"Saved as version {saved.version}; the publications that follow are asked for.")
    return HttpResponseRedirect(reverse("admin:packages_app_definitionstatus_repository"))


def preview_page(
    site: admin.AdminSite, request: HttpRequest, change: RepositoryChange, *, read: int | None = None
) -> HttpResponseBase:
    """Return the page that shows what clients will see of a change.

    `read` is the version that it replaces, that of the form where None is given. What was ticked stays so where it was
    said of just this change.
    """
    page = {
        "title": "What clients will see", "change": change, "longest": LONGEST_REASON,
        "read": _read(request) if read is None else read, "reason": request.POST.get("reason", "")[:LONGEST_REASON],
        "withdraw": "withdraw" in request.POST and request.POST.get("digest") == change.digest,
    }  # fmt: skip
    return _page(site, request, "preview.html", page)


def repository_urls(site: admin.AdminSite) -> list[URLPattern]:
    """Return the addresses of the page."""
    views = {
        "": require_safe(partial(repository_view, site)), "_change": partial(change_view, site),
        "_preview": require_POST(partial(preview_view, site)),
        "_save": require_POST(partial(save_view, site)),
    }  # fmt: skip
    name = "packages_app_definitionstatus_repository"
    return [path(f"repository/{end[1:]}{'/' if end else ''}", site.admin_view(view), name=f"{name}{end}")
            for end, view in views.items()]  # fmt: skip


def _page(site: admin.AdminSite, request: HttpRequest, template: str, page: dict[str, Any]) -> HttpResponseBase:
    context = {**site.each_context(request), "content_title": page["title"], **page}
    return TemplateResponse(request, f"{_TEMPLATES}/{template}", context)


def _title(name: str, *, new: bool, is_suite: bool) -> str:
    if new:
        return "Add a suite"
    return f"Suite {name}" if is_suite else "Settings of the repository"


def _top(values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "suites"}


def _shown(values: Any) -> str:
    return written_yaml(values) if values else ""


def _bases(now: RepositorySettings) -> forms.Field:
    said = {BASES: now.document[BASES]} if BASES in now.document else {}
    area = UnfoldAdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false"})
    return forms.CharField(label="Other repositories of clients, as YAML", required=False, widget=area,
                           initial=_shown(said), help_text="bases: and its list (docs/LIFECYCLE.md).")  # fmt: skip


def _read(request: HttpRequest) -> int:
    """Return the version that the form was made of; 0 for none."""
    said = request.POST.get("read", "")
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 10 else 0
