"""Conflicts: the same version offered with other bytes."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import action, display

from packages_app.admin.read_only import ReadOnlyAdmin
from packages_app.models import Conflict
from packages_app.services.requests import settle_conflicts


@admin.register(Conflict)
class ConflictAdmin(ReadOnlyAdmin):
    """Offers that were refused; clients keep what they have."""

    list_display = ("package_name", "version", "architecture", "condition", "origin", "seen")
    list_filter = ("settled",)
    actions = ("settle",)

    @display(description="condition", ordering="settled", label={"open": "danger", "settled": "success"})
    def condition(self, conflict: Conflict) -> str:
        """Return whether a person has looked into it."""
        return "settled" if conflict.settled else "open"

    @action(description="Mark as settled", permissions=["publish"])
    def settle(self, request: HttpRequest, queryset: QuerySet[Conflict]) -> None:
        """Mark the chosen conflicts as looked into."""
        settled = settle_conflicts(queryset, request.user)
        messages.success(request, f"{settled} conflicts settled; what clients have stays as it is.")
