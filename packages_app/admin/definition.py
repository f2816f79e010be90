"""Definitions: the YAML files as they are in use, and asking upstream."""

from __future__ import annotations

from itertools import islice
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.views.decorators.http import require_POST, require_safe
from unfold.decorators import action, display

from packages_app.admin.define import define_view, remove_view, versions_view
from packages_app.admin.placing import placing_view
from packages_app.admin.read_only import (
    PUBLISH,
    ReadOnlyAdmin,
    first_lines,
    go_to_job,
    plain_text,
    require,
    told_or_refused,
)
from packages_app.admin.repository import repository_urls
from packages_app.admin.who_may import uploaders_of
from packages_app.core.rights import Action
from packages_app.models import DefinitionStatus
from packages_app.services.configuration.definitions import (
    definition_document,
    is_document,
    may_define,
    removed_definitions,
)
from packages_app.services.mirror.definitions import mirror_definitions
from packages_app.services.publication.publication_lists import FIRST
from packages_app.services.requests import request_sync
from packages_app.services.rights.rule import rights_of
from packages_app.sources.registry import source_types

_SHORT = 200
_DIGITS = 19


def _refused_lines(row: DefinitionStatus, most: int | None = None) -> list[str]:
    """Return which offers were fetched and refused, and why, at most so many."""
    refused = islice(row.refused.values(), most)
    return [f"{each.get('offer', '')} {each.get('from', '')}: {each['why']}" for each in refused]


@admin.register(DefinitionStatus)
class DefinitionAdmin(ReadOnlyAdmin):
    """One row a file; those with faults say where and what to do."""

    list_display = ("name", "shown_type", "architectures", "suites", "condition", "checked", "short_outcome")
    list_filter = ("source_type", "enabled")
    list_before_template = "admin/packages_app/definition/buttons.html"
    change_form_outer_before_template = "admin/packages_app/definition/check.html"
    actions = ("check_upstream",)
    fieldsets = (
        (None, {"fields": ("name", "file", "condition", "description", "shown_problems")}),
        ("Place", {"fields": ("architectures", "suites", "component", "bootstrap_copy", "may_upload")}),
        ("Source", {"fields": ("shown_type", "shown_settings", "checked", "outcome", "shown_refused")}),
    )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Read the files again, then list them."""
        mirror_definitions()
        more = {"may_define": may_define(request.user), "types": sorted(source_types()),
                "removed": removed_definitions(), **(extra_context or {})}  # fmt: skip
        response: HttpResponse = super().changelist_view(request, more)
        return response

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show a definition, with what may be done to one that the table keeps."""
        number = object_id if object_id and object_id.isdecimal() and len(object_id) < _DIGITS else None
        row = DefinitionStatus.objects.filter(pk=number).first() if number else None
        document = definition_document(row.name) if row is not None and is_document(row.file) else None
        more = {"document": document, "may_define": may_define(request.user), **(extra_context or {})}
        response: HttpResponse = super().changeform_view(request, object_id, form_url, more)
        return response

    def may_publish(self, request: HttpRequest, row: DefinitionStatus) -> bool:
        """Return whether the user may publish its package in any suite."""
        return rights_of(request.user).may_somewhere(Action.PUBLISH, row.name)

    def get_queryset(self, request: HttpRequest) -> QuerySet[DefinitionStatus]:
        """Read what was refused for a row's own page only."""
        rows: QuerySet[DefinitionStatus] = super().get_queryset(request)
        return rows.defer("refused", "settings", "description")

    @display(description="type", ordering="source_type")
    def shown_type(self, row: DefinitionStatus) -> str:
        """Return the source type in words."""
        return row.source_type.replace("_", " ")

    @display(
        description="condition",
        label={"in use": "success", "switched off": "info", "not usable": "danger", "last check failed": "warning"},
    )
    def condition(self, row: DefinitionStatus) -> str:
        """Return in a word whether the definition is in use."""
        if row.problems:
            return "not usable"
        if not row.enabled:
            return "switched off"
        return "last check failed" if row.failed else "in use"

    @display(description="last outcome", ordering="outcome")
    def short_outcome(self, row: DefinitionStatus) -> str:
        """Return the beginning of what the last check said."""
        return Truncator(row.outcome).chars(_SHORT)

    @display(description="problems")
    def shown_problems(self, row: DefinitionStatus) -> SafeString:
        """Return what is wrong with the file, with line and remedy."""
        items = format_html_join("", "<li>{}</li>", ((problem,) for problem in row.problems))
        return format_html('<ul class="rm-list rm-bad">{}</ul>', items) if row.problems else SafeString("none")

    @display(description="settings")
    def shown_settings(self, row: DefinitionStatus) -> SafeString:
        """Return the source's settings, a line each."""
        items = format_html_join("", "<li>{}: <code>{}</code></li>", row.settings.items())
        return format_html('<ul class="rm-list">{}</ul>', items)

    @display(description="may upload this")
    def may_upload(self, row: DefinitionStatus) -> SafeString:
        """Return who may upload a version, and by which right."""
        return told_or_refused(lambda: uploaders_of(row.name))

    @display(description="refused")
    def shown_refused(self, row: DefinitionStatus) -> SafeString:
        """Return which offers were fetched and refused, and are not fetched again as long as they stay the same."""
        page = reverse("admin:packages_app_definitionstatus_refused", args=[row.pk])
        return first_lines(_refused_lines(row, FIRST), len(row.refused), page)

    @action(description="Check upstream now", permissions=["publish"])
    def check_upstream(self, request: HttpRequest, queryset: QuerySet[DefinitionStatus]) -> HttpResponseBase:
        """Ask for a check of the chosen definitions."""
        names = list(queryset.values_list("name", flat=True))
        return go_to_job(request, lambda: request_sync(names, request.user), otherwise=request.path)

    def get_urls(self) -> list[URLPattern]:
        """Add what the buttons post to."""
        check = self.admin_site.admin_view(require_POST(self.check_view))
        refused = self.admin_site.admin_view(require_safe(self.refused_view))
        view = self.admin_site.admin_view
        return [
            path("check/", check, name="packages_app_definition_check"),
            path("define/", view(self.define_view), name="packages_app_definitionstatus_define"),
            path("versions/", view(require_safe(self.versions_view)), name="packages_app_definitionstatus_versions"),
            path("<int:pk>/place/", view(self.place_view), name="packages_app_definitionstatus_place"),
            path("<int:pk>/remove/", view(self.remove_view), name="packages_app_definitionstatus_remove"),
            path("<int:pk>/refused/", refused, name="packages_app_definitionstatus_refused"),
            *repository_urls(self.admin_site),
            *super().get_urls(),
        ]

    def refused_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Show every offer that was refused, as plain text, a line each."""
        row: DefinitionStatus = self.viewable(request, pk)
        return plain_text(_refused_lines(row))

    def place_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Show where the versions of a definition lie, and move them to where it says."""
        return placing_view(self.admin_site, self.opts, request, self.viewable(request, pk))

    def define_view(self, request: HttpRequest) -> HttpResponseBase:
        """Make a definition, or change one that the table keeps."""
        return define_view(self.admin_site, self.opts, request)

    def versions_view(self, request: HttpRequest) -> HttpResponseBase:
        """Show the versions of a definition that the table keeps, or kept."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return versions_view(self.admin_site, self.opts, request)

    def remove_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Remove a definition that the table keeps."""
        if not may_define(request.user):
            raise PermissionDenied
        return remove_view(self.admin_site, self.opts, request, self.viewable(request, pk))

    def check_view(self, request: HttpRequest) -> HttpResponseBase:
        """Ask for a check of the posted definitions, all when none is; with `again` of what was refused, too."""
        require(request, PUBLISH)
        names = request.POST.getlist("name")
        again = bool(request.POST.get("again"))
        return go_to_job(
            request, lambda: request_sync(names, request.user, again=again), otherwise=reverse("admin:index")
        )
