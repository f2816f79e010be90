"""Jobs, with live progress."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe
from unfold.decorators import display

from packages_app.admin.read_only import PUBLISH, ReadOnlyAdmin, deferred_of_job, go_to_job, job_page, require
from packages_app.models import Job
from packages_app.services.requests import request_again, request_repair, request_verify
from packages_app.verification.finding import PoolScope

_SHOWN_CHARACTERS = 4_000


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """What was asked for, and how far it is."""

    list_display = ("shown_kind", "subject", "shown_state", "shown_user", "created", "took")
    list_filter = ("state", "kind")
    search_fields = ("subject__istartswith", "error_code__exact")
    change_form_outer_before_template = "admin/packages_app/job/progress.html"
    fieldsets = (
        (None, {"fields": ("shown_kind", "subject", "shown_user", "created", "started", "ended", "took", "tries")}),
        ("Arguments and result", {"fields": ("shown_arguments", "shown_result")}),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """Read the users with the rows, and what may be large of a row for its own page only."""
        rows = super().get_queryset(request).select_related("requested_by")
        return rows.defer(*deferred_of_job())

    @display(description="work", ordering="kind")
    def shown_kind(self, job: Job) -> str:
        """Return the kind in words."""
        return job.get_kind_display()

    @display(
        description="state",
        ordering="state",
        label={"queued": "info", "running": "warning", "done": "success", "failed": "danger"},
    )
    def shown_state(self, job: Job) -> str:
        """Return the state as a badge."""
        return job.state

    @display(description="asked by", ordering="requested_by")
    def shown_user(self, job: Job) -> str:
        """Return who asked for it; the clock or a command where nobody did."""
        return job.asker

    @display(description="took")
    def took(self, job: Job) -> str:
        """How long it ran, in seconds."""
        if job.started is None or job.ended is None:
            return "–"
        return f"{(job.ended - job.started).total_seconds():.1f} s"

    @display(description="arguments")
    def shown_arguments(self, job: Job) -> SafeString:
        """Return the beginning of the arguments."""
        return _beginning(job, job.arguments)

    @display(description="result")
    def shown_result(self, job: Job) -> SafeString:
        """Return the beginning of the result."""
        return _beginning(job, job.result)

    def get_urls(self) -> list[URLPattern]:
        """Add the progress that the page asks for, and starting again."""
        view = self.admin_site.admin_view
        return [
            path("<uuid:job_id>/progress/", view(self.progress_view), name="packages_app_job_progress"),
            path("<uuid:job_id>/whole/", view(require_safe(self.whole_view)), name="packages_app_job_whole"),
            path("<uuid:job_id>/again/", view(require_POST(self.again_view)), name="packages_app_job_again"),
            path("<uuid:job_id>/repair/", view(require_POST(self.repair_view)), name="packages_app_job_repair"),
            path("verify/", view(require_POST(self.verify_view)), name="packages_app_job_verify"),
            *super().get_urls(),
        ]

    def progress_view(self, request: HttpRequest, job_id: str) -> HttpResponse:
        """Return the steps as the page shows them."""
        if not self.has_view_permission(request):
            raise Http404
        job = get_object_or_404(Job, pk=job_id)
        return render(request, "admin/packages_app/job/steps.html", {"job": job})

    def whole_view(self, request: HttpRequest, job_id: str) -> HttpResponseBase:
        """Return arguments, steps and result whole, as JSON."""
        job: Job = self.viewable(request, job_id)
        return JsonResponse({name: getattr(job, name) for name in ("arguments", "steps", "result")})

    def again_view(self, request: HttpRequest, job_id: str) -> HttpResponseBase:
        """Ask for a failed job's work again."""
        require(request, PUBLISH)
        job = get_object_or_404(Job, pk=job_id)
        return go_to_job(request, lambda: request_again(job, request.user), otherwise=job_page(job))

    def verify_view(self, request: HttpRequest) -> HttpResponseBase:
        """Ask for a verification of all suites, with a sample of the pool or all of it."""
        require(request, PUBLISH)
        pool = PoolScope.ALL if request.POST.get("pool") == PoolScope.ALL else PoolScope.SAMPLE
        return go_to_job(request, lambda: request_verify(request.user, pool=pool)[-1], otherwise=reverse("admin:index"))

    def repair_view(self, request: HttpRequest, job_id: str) -> HttpResponseBase:
        """Ask for the repair whose plan this page showed."""
        require(request, PUBLISH)
        job = get_object_or_404(Job, pk=job_id)
        digest = request.POST.get("digest", "")
        return go_to_job(request, lambda: request_repair(job, digest, request.user), otherwise=job_page(job))


def _beginning(job: Job, said: Any) -> SafeString:
    """Return the beginning of a JSON value, and where it is longer a link to all of it."""
    text = json.dumps(said, indent=1, ensure_ascii=False)
    shown = format_html('<pre class="rm-pre">{}</pre>', text[:_SHOWN_CHARACTERS])
    if len(text) <= _SHOWN_CHARACTERS:
        return shown
    page = reverse("admin:packages_app_job_whole", args=[job.pk])
    more = '{}<p>and {} more characters: <a class="rm-link" href="{}">all of them</a></p>'
    return format_html(more, shown, len(text) - _SHOWN_CHARACTERS, page)
