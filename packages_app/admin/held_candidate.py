"""Held candidates: why a publication waits, what it would change, and a person's word on it."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.decorators import display

from packages_app.admin.read_only import PUBLISH, ReadOnlyAdmin, go_to_job, job_page, lines, require
from packages_app.core.errors import RepomgrError
from packages_app.models import HeldCandidate
from packages_app.services.intake.reject_candidate import reject_candidate
from packages_app.services.publication.held_candidates import approve


@admin.register(HeldCandidate)
class HeldCandidateAdmin(ReadOnlyAdmin):
    """Publications that were not made because something about them is suspicious."""

    list_display = ("suite", "number", "condition", "reasons", "changes", "packages", "seen", "shown_decider")
    list_filter = ("state", "suite")
    change_form_outer_before_template = "admin/packages_app/held_candidate/decide.html"
    fieldsets = (
        (None, {"fields": ("suite", "number", "condition", "finding_lines", "created", "seen", "shown_job")}),
        ("What clients would see", {"fields": ("packages", "added_lines", "removed_lines")}),
        ("Decision", {"fields": ("decided", "shown_decider")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[HeldCandidate]:
        """Read users and jobs with the rows."""
        return super().get_queryset(request).select_related("decided_by", "job").defer("job__steps")

    @display(description="number", ordering="pk")
    def number(self, held: HeldCandidate) -> str:
        """Return what a force rebuild's approval names it by."""
        return str(held.pk)

    @display(
        description="state",
        ordering="state",
        label={
            "waiting for approval": "danger",
            "approved": "warning",
            "published": "success",
            "rejected": "info",
            "outdated": "info",
        },
    )
    def condition(self, held: HeldCandidate) -> str:
        """Return in a word what was decided."""
        return held.get_state_display()

    @display(description="decided by", ordering="decided_by")
    def shown_decider(self, held: HeldCandidate) -> str:
        """Return who decided."""
        return held.decider or "–"

    @display(description="reason")
    def reasons(self, held: HeldCandidate) -> str:
        """Return the kinds of findings."""
        return ", ".join(finding["code"] for finding in held.findings)

    @display(description="added / removed")
    def changes(self, held: HeldCandidate) -> str:
        """Return how many packages would come and go."""
        return f"+{len(held.added)} / −{len(held.removed)}"

    @display(description="reasons")
    def finding_lines(self, held: HeldCandidate) -> SafeString:
        """Return each finding with what it is about."""
        return lines([item for finding in held.findings for item in (finding["text"], *finding["items"])])

    @display(description="would be added")
    def added_lines(self, held: HeldCandidate) -> SafeString:
        """Return the lines that clients would gain."""
        return lines([f"+ {name}" for name in held.added])

    @display(description="would be removed")
    def removed_lines(self, held: HeldCandidate) -> SafeString:
        """Return the lines that clients would lose."""
        return lines([f"− {name}" for name in held.removed])

    @display(description="job")
    def shown_job(self, held: HeldCandidate) -> str | SafeString:
        """Return a link to the job that was held back."""
        if held.job is None:
            return "–"
        return format_html('<a class="rm-link" href="{}">{}</a>', job_page(held.job), held.job)

    def get_urls(self) -> list[URLPattern]:
        """Add what the buttons post to."""
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/approve/", view(require_POST(self.approve_view)), name="packages_app_heldcandidate_approve"),
            path("<int:pk>/reject/", view(require_POST(self.reject_view)), name="packages_app_heldcandidate_reject"),
            *super().get_urls(),
        ]

    def approve_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Let the findings pass that the page shows, and publish."""
        require(request, PUBLISH)
        held = get_object_or_404(HeldCandidate, pk=pk)
        return go_to_job(request, lambda: approve(held, request.user), otherwise=_page(held))

    def reject_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Leave what clients see as it is; new packages that need a person's word leave the suite."""
        require(request, PUBLISH)
        held = get_object_or_404(HeldCandidate, pk=pk)
        try:
            gone = reject_candidate(held, request.user)
        except RepomgrError as error:
            messages.error(request, str(error))
        else:
            taken = f" Taken out of {held.suite}: {', '.join(gone)}." if gone else ""
            messages.success(request, f"Rejected: clients keep what they have.{taken}")
        return HttpResponseRedirect(_page(held))


def _page(held: HeldCandidate) -> str:
    return reverse("admin:packages_app_heldcandidate_change", args=[held.pk])
