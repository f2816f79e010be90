"""Notices: what a person should hear of."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.decorators import action, display

from packages_app.admin.read_only import ReadOnlyAdmin, deferred_of_job, done_or_refused, job_page
from packages_app.models import Notice
from packages_app.services.notices.send import sending_state
from packages_app.services.requests import settle_by_hand


class StateFilter(admin.SimpleListFilter):
    """Open, settled, or news, which ask nothing of anybody."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the filter's choices."""
        return [("open", "open"), ("news", "news"), ("settled", "settled"), ("unsent", "could not be sent")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Notice]) -> QuerySet[Notice]:
        """Return the rows of the chosen state."""
        chosen = {
            "open": queryset.filter(settled=None).exclude(level="info"),
            "news": queryset.filter(settled=None, level="info"),
            "settled": queryset.filter(settled__isnull=False),
            "unsent": queryset.filter(sent=None).exclude(sending_failed=""),
        }
        return chosen.get(self.value() or "", queryset)


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    """What happened, or is so, and whether people were told."""

    list_display = ("shown_level", "kind", "subject", "short_text", "condition", "seen", "times", "sending")
    list_filter = (StateFilter, "kind", "level")
    search_fields = ("subject__istartswith",)
    actions = ("settle",)
    fieldsets = (
        (None, {"fields": ("shown_level", "kind", "subject", "text", "remedy", "shown_job")}),
        ("When", {"fields": ("created", "seen", "times", "settled")}),
        ("Sent on", {"fields": ("sending", "sent", "tries", "sending_failed")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        """Read the jobs with the rows."""
        return super().get_queryset(request).select_related("job").defer(*deferred_of_job("job"))

    @display(description="level", ordering="level", label={"error": "danger", "warning": "warning", "info": "info"})
    def shown_level(self, notice: Notice) -> str:
        """How grave it is, as a badge."""
        return notice.level

    @display(description="text")
    def short_text(self, notice: Notice) -> str:
        """Return the beginning of the text."""
        return Truncator(notice.text).chars(120)

    @display(description="state", ordering="settled", label={"open": "danger", "settled": "success", "news": "info"})
    def condition(self, notice: Notice) -> str:
        """Return whether it waits for a person."""
        if notice.settled is not None:
            return "settled"
        return "news" if notice.level == "info" else "open"

    @display(description="sent on")
    def sending(self, notice: Notice) -> str:
        """Return whether it went out by e-mail or webhook."""
        return sending_state(notice)

    @display(description="job")
    def shown_job(self, notice: Notice) -> str | SafeString:
        """Return a link to the job that raised it."""
        if notice.job is None:
            return "–"
        return format_html('<a class="rm-link" href="{}">{}</a>', job_page(notice.job), notice.job)

    @action(description="Mark as settled", permissions=["publish"])
    def settle(self, request: HttpRequest, queryset: QuerySet[Notice]) -> None:
        """Mark the chosen notices as looked into."""
        done_or_refused(request, lambda: f"{settle_by_hand(queryset, request.user)} notices settled.")
