"""Conflicts: the same version offered with other bytes."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST
from unfold.decorators import action, display

from packages_app.admin.read_only import PUBLISH, ReadOnlyAdmin, done_or_refused, go_to_job, require, say_refused
from packages_app.core.builds import LONGEST_BUILD
from packages_app.core.errors import RepomgrError
from packages_app.core.rights import Action
from packages_app.models import Conflict
from packages_app.services.intake.settle_builds import request_two_builds, suites_free_for
from packages_app.services.requests import settle_conflicts
from packages_app.services.rights.rule import rights_of


@admin.register(Conflict)
class ConflictAdmin(ReadOnlyAdmin):
    """Offers that were refused; clients keep what they have."""

    list_display = ("package_name", "version", "shown_architecture", "condition", "origin", "seen")
    list_filter = ("settled",)
    actions = ("settle",)
    change_form_outer_before_template = "admin/packages_app/conflict/builds.html"

    @display(description="condition", ordering="settled", label={"open": "danger", "settled": "success"})
    def condition(self, conflict: Conflict) -> str:
        """Return whether a person has looked into it."""
        return "settled" if conflict.settled else "open"

    @display(description="architecture")
    def shown_architecture(self, conflict: Conflict) -> str:
        """Return the architecture, and the build that clients have where it is one of several."""
        return conflict.built_for

    def may_publish(self, request: HttpRequest, row: Conflict) -> bool:
        """Return whether the user may publish its package in any suite."""
        return rights_of(request.user).may_somewhere(Action.PUBLISH, row.package_name)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a conflict, with what settles it as two builds where the user may."""
        row = self.get_object(request, object_id)
        context: dict[str, Any] = {**(extra_context or {}), "longest_build": LONGEST_BUILD}
        if row is not None and not row.settled and self.may_publish(request, row):
            try:
                rights, name = rights_of(request.user), row.package_name
                free = suites_free_for(row)
                context["free_suites"] = [suite for suite in free if rights.may(Action.PUBLISH, name, suite)]
            except RepomgrError as error:  # the page shows the rest all the same
                say_refused(request, error)
        return super().change_view(request, object_id, form_url, context)

    def get_urls(self) -> list[URLPattern]:
        """Add what the form posts to."""
        builds = self.admin_site.admin_view(require_POST(self.builds_view))
        return [path("<int:pk>/builds/", builds, name="packages_app_conflict_builds"), *super().get_urls()]

    def builds_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Take the offered file in as another build."""
        require(request, PUBLISH)
        conflict, said = get_object_or_404(Conflict, pk=pk), request.POST
        return go_to_job(
            request,
            lambda: request_two_builds(conflict, said.get("build", ""), said.getlist("suite"), request.user),
            otherwise=reverse("admin:packages_app_conflict_change", args=[pk]),
        )

    @action(description="Mark as settled", permissions=["publish"])
    def settle(self, request: HttpRequest, queryset: QuerySet[Conflict]) -> None:
        """Mark the chosen conflicts as looked into."""
        done_or_refused(
            request,
            lambda: f"{settle_conflicts(queryset, request.user)} conflicts settled; what clients have stays as it is.",
        )
