"""Held candidates: why a publication waits, what it would change, and a person's word on it."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe
from unfold.decorators import display

from packages_app.admin.read_only import (
    PUBLISH,
    ReadOnlyAdmin,
    deferred_of_job,
    first_lines,
    go_to_job,
    job_page,
    plain_text,
    require,
    say_refused,
)
from packages_app.core.errors import RepomgrError
from packages_app.core.rights import Action
from packages_app.models import HeldCandidate
from packages_app.services.intake.reject_candidate import reject_candidate
from packages_app.services.publication.held_candidates import approve
from packages_app.services.publication.held_lists import whole_of
from packages_app.services.rights.rule import rights_of

_NAMED = 20
"""So many packages are named in a message."""


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
        """Read users and jobs with the rows, and lists of names for a row's own page only."""
        rows = super().get_queryset(request).select_related("decided_by", "job")
        return rows.defer("findings", "added", "removed", *deferred_of_job("job"))

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
        return ", ".join(held.codes)

    @display(description="added / removed")
    def changes(self, held: HeldCandidate) -> str:
        """Return how many packages would come and go."""
        return f"+{held.added_count} / −{held.removed_count}"

    @display(description="reasons")
    def finding_lines(self, held: HeldCandidate) -> SafeString:
        """Return each finding with the first that it is about."""
        each = [first_lines([f["text"], *f["items"]], f["count"] + 1, _lists_page(held)) for f in held.findings]
        return format_html_join("", "{}", ((one,) for one in each))

    @display(description="would be added")
    def added_lines(self, held: HeldCandidate) -> SafeString:
        """Return the lines that clients would gain."""
        return first_lines([f"+ {name}" for name in held.added], held.added_count, _lists_page(held))

    @display(description="would be removed")
    def removed_lines(self, held: HeldCandidate) -> SafeString:
        """Return the lines that clients would lose."""
        return first_lines([f"− {name}" for name in held.removed], held.removed_count, _lists_page(held))

    @display(description="job")
    def shown_job(self, held: HeldCandidate) -> str | SafeString:
        """Return a link to the job that was held back."""
        if held.job is None:
            return "–"
        return format_html('<a class="rm-link" href="{}">{}</a>', job_page(held.job), held.job)

    def may_publish(self, request: HttpRequest, row: HeldCandidate) -> bool:
        """Return whether the user may publish the suite."""
        return rights_of(request.user).may(Action.PUBLISH, suite=row.suite)

    def get_urls(self) -> list[URLPattern]:
        """Add what the buttons post to."""
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/approve/", view(require_POST(self.approve_view)), name="packages_app_heldcandidate_approve"),
            path("<int:pk>/reject/", view(require_POST(self.reject_view)), name="packages_app_heldcandidate_reject"),
            path("<int:pk>/lists/", view(require_safe(self.lists_view)), name="packages_app_heldcandidate_lists"),
            *super().get_urls(),
        ]

    def lists_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Show all that a candidate names, as plain text: a heading with its count, then a line each."""
        held: HeldCandidate = self.viewable(request, pk)
        return plain_text(_whole_text(held))

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
            say_refused(request, error)
        else:
            more = f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else ""
            taken = f" Taken out of {held.suite}: {', '.join(gone[:_NAMED])}{more}." if gone else ""
            messages.success(request, f"Rejected: clients keep what they have.{taken}")
        return HttpResponseRedirect(_page(held))


def _whole_text(held: HeldCandidate) -> Iterator[str]:
    whole = whole_of(held)
    for finding in whole["findings"]:
        yield f"{finding['code']}: {len(finding['items'])}"
        yield from (f"  {item}" for item in finding["items"])
    for name, sign in (("added", "+"), ("removed", "−")):
        yield f"{name}: {len(whole[name])}"
        yield from (f"  {sign} {each}" for each in whole[name])


def _lists_page(held: HeldCandidate) -> str:
    return reverse("admin:packages_app_heldcandidate_lists", args=[held.pk])


def _page(held: HeldCandidate) -> str:
    return reverse("admin:packages_app_heldcandidate_change", args=[held.pk])
