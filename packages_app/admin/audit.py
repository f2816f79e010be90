"""The audit trail: who changed what, or was refused it; searched, and given as JSON lines or CSV."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe
from unfold.decorators import display

from packages_app.admin.long_list import ValueFilter
from packages_app.admin.read_only import LONGEST_SEARCH, ReadOnlyAdmin, job_page, say_refused, send_back
from packages_app.models import AuditEntry, Job
from packages_app.services.audit.export import CONTENT_TYPES, Format, exported, in_order
from packages_app.services.audit.search import SearchRefused, found, lines_here, parse_search

_LIST = "admin:packages_app_auditentry_changelist"


class WhatFilter(ValueFilter):
    """What was done."""

    title = "what"
    parameter_name = "what"
    model = AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Lines of the trail, newest first."""

    list_display = ("shown_when", "shown_who", "address", "what", "about", "shown_result", "code")
    list_display_links = ("shown_when",)
    list_filter = ("result", "kind", WhatFilter)
    search_fields = ("what",)
    search_help_text = (
        "A person, package, suite or deed; or who:ann package:tool suite:stable what:job.move result:refused"
        " from:10.0.0.7 since:2026-11-01 until:2026-11-30"
    )
    list_before_template = "admin/packages_app/auditentry/export.html"
    fieldsets = (
        (None, {"fields": ("shown_when", "shown_who", "kind", "address", "what", "subject", "shown_result", "code")}),
        ("About", {"fields": ("packages", "suites", "shown_job")}),
        ("What changed", {"fields": ("shown_before", "shown_after", "shown_given")}),
        ("In the chain", {"fields": ("number", "deed", "previous", "digest")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        """Return the lines of this archive; for a superuser also those of none."""
        return lines_here(of_none=_of_none(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        """Find lines as `parse_search` reads what is searched for."""
        try:
            return queryset & _found(request, search_term), False
        except SearchRefused as error:
            say_refused(request, error)
            return queryset.none(), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Offer what is listed as a file."""
        searched = request.GET.get(SEARCH_VAR, "")[:LONGEST_SEARCH]
        return super().changelist_view(request, {**(extra_context or {}), "searched": searched, "forms": list(Format)})

    def get_urls(self) -> list[URLPattern]:
        """Add the page that gives what a search finds."""
        view = self.admin_site.admin_view(require_safe(self.export_view))
        return [path("export/", view, name="packages_app_auditentry_export"), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Give what a search finds, oldest first, in the form that was asked for."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = request.GET.get("format", "")
        form = Format(asked) if asked in list(Format) else Format.JSONL
        try:
            lines = _found(request, request.GET.get(SEARCH_VAR, ""))
        except SearchRefused as error:
            return send_back(request, error, reverse(_LIST))
        response = StreamingHttpResponse(exported(in_order(lines), form), content_type=CONTENT_TYPES[form])
        response.headers["Content-Disposition"] = f'attachment; filename="audit-trail.{form}"'
        return response

    @display(description="when (UTC)", ordering="-id")
    def shown_when(self, entry: AuditEntry) -> str:
        """Return the time, to the second."""
        return f"{entry.happened:%Y-%m-%d %H:%M:%S}"

    @display(description="who", ordering="actor")
    def shown_who(self, entry: AuditEntry) -> str:
        """Return who acted, as he was called then."""
        return str(entry.who)

    @display(description="about")
    def about(self, entry: AuditEntry) -> str:
        """Return what it was about, and packages and suites where that does not say it."""
        names = [*entry.packages.split("\n"), *entry.suites.split("\n")]
        return ", ".join(dict.fromkeys(name for name in (entry.subject, *names) if name))[:160]

    @display(
        description="result",
        ordering="result",
        label={"done": "success", "asked": "info", "refused": "warning", "failed": "danger", "shown": "info"},
    )
    def shown_result(self, entry: AuditEntry) -> str:
        """Return what became of it, as a badge."""
        return entry.result

    @display(description="job")
    def shown_job(self, entry: AuditEntry) -> str | SafeString:
        """Return a link to its job, as long as that is kept."""
        job = Job.objects.filter(pk=entry.job).first() if entry.job else None
        if job is None:
            return entry.job or "–"
        return format_html('<a class="rm-link" href="{}">{}</a>', job_page(job), job)

    @display(description="before")
    def shown_before(self, entry: AuditEntry) -> SafeString:
        """Return what was before."""
        return _laid_out(entry.before)

    @display(description="after")
    def shown_after(self, entry: AuditEntry) -> SafeString:
        """Return what is after."""
        return _laid_out(entry.after)

    @display(description="asked with")
    def shown_given(self, entry: AuditEntry) -> SafeString:
        """Return what it was asked with."""
        return _laid_out(entry.given)


def _found(request: HttpRequest, searched: str) -> QuerySet[AuditEntry]:
    return found(parse_search(searched[:LONGEST_SEARCH]), of_none=_of_none(request))


def _of_none(request: HttpRequest) -> bool:
    return request.user.is_superuser


def _laid_out(said: str) -> SafeString:
    """Return a JSON text a member a line, with line ends in texts as such."""
    if not said:
        return SafeString("–")
    text = json.dumps(json.loads(said), indent=1, ensure_ascii=False).replace("\\n", "\n")
    return format_html('<pre class="rm-pre">{}</pre>', text)
