"""What was delivered to webhooks, or is to be: each message with its state, its last answer, and sent again."""

from __future__ import annotations

import json

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.formats import localize
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.decorators import action, display

from packages_app.admin.read_only import require, say_refused
from packages_app.admin.webhook import ForWebhooks
from packages_app.core.errors import RepomgrError
from packages_app.models import WebhookDelivery
from packages_app.services.webhooks.webhooks import CHANGE, send_again


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ForWebhooks):
    """Messages, newest first."""

    list_display = ("shown_event", "webhook", "shown_state", "created", "tries", "response_code", "shown_next_try")
    list_filter = ("state", "event", "webhook")
    search_fields = ("event_id__exact",)
    actions = ("again",)
    change_form_outer_before_template = "admin/packages_app/webhook/again.html"
    fieldsets = (
        (None, {"fields": ("shown_event", "shown_webhook", "shown_state", "event_id", "shown_payload")}),
        ("Last try", {"fields": ("tried", "response_code", "shown_response", "failure")}),
        ("When", {"fields": ("created", "tries", "shown_next_try", "received")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        """Read the webhooks with the rows; of one whose webhook is gone nothing is shown."""
        rows: QuerySet[WebhookDelivery] = super().get_queryset(request)
        return rows.select_related("webhook").defer("payload", "response")

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may send again."""
        return request.user.has_perm(CHANGE)

    @display(description="event", ordering="event")
    def shown_event(self, delivery: WebhookDelivery) -> str:
        """Return the type that the message has."""
        return delivery.event

    @display(
        description="state",
        ordering="state",
        label={"waiting": "info", "to be tried again": "warning", "received": "success", "given up": "danger"},
    )
    def shown_state(self, delivery: WebhookDelivery) -> str:
        """Return the state as a badge."""
        if delivery.state == WebhookDelivery.State.WAITING and delivery.tries:
            return "to be tried again"
        return delivery.get_state_display()

    @display(description="next try")
    def shown_next_try(self, delivery: WebhookDelivery) -> str:
        """Return when it is tried next; a dash where it is not."""
        return localize(delivery.next_try) if delivery.state == WebhookDelivery.State.WAITING else "–"

    @display(description="webhook")
    def shown_webhook(self, delivery: WebhookDelivery) -> SafeString:
        """Return a link to the webhook."""
        page = reverse("admin:packages_app_webhook_change", args=[delivery.webhook_id])
        return format_html('<a class="rm-link" href="{}">{}</a>', page, delivery.webhook)

    @display(description="message")
    def shown_payload(self, delivery: WebhookDelivery) -> SafeString:
        """Return the message, indented: what is sent has it in one line."""
        text = json.dumps(json.loads(delivery.payload), indent=1, ensure_ascii=False)
        return format_html('<pre class="rm-pre">{}</pre>', text)

    @display(description="answer")
    def shown_response(self, delivery: WebhookDelivery) -> SafeString | str:
        """Return the beginning of the last answer."""
        return format_html('<pre class="rm-pre">{}</pre>', delivery.response) if delivery.response else "–"

    def get_urls(self) -> list[URLPattern]:
        """Add what the button posts to."""
        again = self.admin_site.admin_view(require_POST(self.again_view))
        return [path("<int:pk>/again/", again, name="packages_app_webhookdelivery_again"), *super().get_urls()]

    def again_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Send a message again."""
        require(request, CHANGE)
        delivery = get_object_or_404(WebhookDelivery.objects.select_related("webhook"), pk=pk)
        self._send_again(request, [delivery])
        return HttpResponseRedirect(reverse("admin:packages_app_webhookdelivery_change", args=[pk]))

    @action(description="Send again", permissions=["send"])
    def again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        """Send the chosen messages again."""
        self._send_again(request, list(queryset))

    def _send_again(self, request: HttpRequest, deliveries: list[WebhookDelivery]) -> None:
        try:
            for delivery in deliveries:
                send_again(delivery, who=request.user.get_username())
        except RepomgrError as error:
            say_refused(request, error)
        else:
            messages.success(request, f"{len(deliveries)} messages are sent again by a worker; look again in a moment.")
