"""Webhooks: who hears of what, and with which secret; their secrets are shown once, when they are made."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from packages_app.admin.read_only import ReadOnlyAdmin, require, send_back
from packages_app.core.errors import RepomgrError
from packages_app.models import Webhook
from packages_app.services.adapters import now
from packages_app.services.webhooks.secrets import still_good
from packages_app.services.webhooks.webhooks import (
    CHANGE,
    EVENTS,
    change_secret,
    change_webhook,
    check_address,
    check_name,
    check_patterns,
    make_webhook,
    remove_webhook,
    send_test,
)


class WebhookForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a person says of a webhook; each field is checked by the service."""

    events = forms.MultipleChoiceField(
        choices=[(event.value, f"{event.label} ({event.value})") for event in EVENTS],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        initial=[event.value for event in EVENTS],
    )

    class Meta:
        """The fields, and what each is for."""

        model = Webhook
        fields = ("name", "address", "events", "packages", "suites", "enabled")
        help_texts = {
            "address": "https://… of the receiver. A private one needs PRIVATE_UPSTREAMS; redirects are not followed.",
            "packages": "Names, with * and ?, parted by commas; empty: all. What is about no package is told anyway.",
            "suites": "Names, with * and ?, parted by commas; empty: all. What is about no suite is told anyway.",
        }

    def clean_name(self) -> str:
        """Return the name; refuse another webhook's."""
        name: str = self.cleaned_data["name"]
        return _checked(name, lambda: check_name(name, self.instance))

    def clean_address(self) -> str:
        """Return the address; refuse one that nothing is sent to."""
        address: str = self.cleaned_data["address"]
        return _checked(address, lambda: check_address(address))

    def clean_packages(self) -> str:
        """Return the patterns of packages as they are kept."""
        return _patterns(self.cleaned_data["packages"])

    def clean_suites(self) -> str:
        """Return the patterns of suites as they are kept."""
        return _patterns(self.cleaned_data["suites"])


def _checked(said: str, check: Any) -> str:
    try:
        check()
    except RepomgrError as error:
        raise forms.ValidationError(str(error), code=error.code) from error
    return said


def _patterns(said: str) -> str:
    try:
        return check_patterns(said)
    except RepomgrError as error:
        raise forms.ValidationError(str(error), code=error.code) from error


class ForWebhooks(ReadOnlyAdmin):
    """Pages for those alone who may change webhooks: an address may be a secret."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may see any of it."""
        return request.user.has_perm(CHANGE)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return whether the user may see any of it."""
        return request.user.has_perm(CHANGE)


@admin.register(Webhook)
class WebhookAdmin(ForWebhooks):
    """Who hears of what."""

    form = WebhookForm
    list_display = ("name", "host", "condition", "told_of", "packages", "suites")
    list_filter = ("enabled",)
    search_fields = ("name__istartswith",)
    list_before_template = "admin/packages_app/webhook/links.html"
    change_form_outer_before_template = "admin/packages_app/webhook/buttons.html"
    readonly_fields = ("off_why", "secret_made", "old_ones", "created")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask for what a person says; of one that is there show what else there is to know."""
        asked = (None, {"fields": WebhookForm.Meta.fields})
        return [asked] if obj is None else [asked, ("State", {"fields": self.readonly_fields})]

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        """Return whether the user may make one."""
        return request.user.has_perm(CHANGE)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return whether the user may change one."""
        return request.user.has_perm(CHANGE)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return whether the user may remove one."""
        return request.user.has_perm(CHANGE)

    @display(description="host")
    def host(self, webhook: Webhook) -> str:
        """Return where messages go, without what may be secret of the address."""
        return urlsplit(webhook.address).hostname or "–"

    @display(description="state", ordering="enabled", label={"on": "success", "off": "info", "off by itself": "danger"})
    def condition(self, webhook: Webhook) -> str:
        """Return whether messages are sent."""
        if webhook.enabled:
            return "on"
        return "off by itself" if webhook.off_why else "off"

    @display(description="events")
    def told_of(self, webhook: Webhook) -> str:
        """Return what it hears of."""
        return "all" if set(webhook.events) >= set(EVENTS) else ", ".join(webhook.events)

    @display(description="old secrets")
    def old_ones(self, webhook: Webhook) -> str:
        """Return until when messages are signed with old secrets too."""
        until = [each["until"][:16].replace("T", " ") for each in still_good(webhook, now())]
        return f"messages are signed with them too until {', '.join(until)} UTC" if until else "none"

    def save_model(self, request: HttpRequest, obj: Webhook, form: Any, change: bool) -> None:
        """Have the service save it; a new one's secret is for the page that comes next alone."""
        if change:
            change_webhook(obj, form.changed_data, who=request.user.get_username())
        else:
            request.new_secret = make_webhook(obj, who=request.user.get_username())  # type: ignore[attr-defined]

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Offer one way to save: the page that comes next shows the secret of a new one."""
        one_way = {"show_save_and_add_another": False, "show_save_and_continue": False, **(extra_context or {})}
        response: HttpResponse = super().changeform_view(request, object_id, form_url, one_way)
        return response

    def response_add(self, request: HttpRequest, obj: Webhook, post_url_continue: str | None = None) -> HttpResponse:
        """Show the secret of a new one."""
        return self._secret_page(request, obj, request.new_secret)  # type: ignore[attr-defined]

    def delete_model(self, request: HttpRequest, obj: Webhook) -> None:
        """Have the service remove it."""
        remove_webhook(obj, who=request.user.get_username())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        """Have the service remove the chosen ones."""
        for webhook in queryset:
            remove_webhook(webhook, who=request.user.get_username())

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Name the webhooks alone: there may be very many deliveries, which go with them."""
        named = [str(one) for one in objs]
        return [*named, "all that was delivered to them"], {"webhooks": len(named)}, set(), []

    def get_urls(self) -> list[URLPattern]:
        """Add what the buttons post to."""
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/test/", view(require_POST(self.test_view)), name="packages_app_webhook_test"),
            path("<int:pk>/secret/", view(require_POST(self.secret_view)), name="packages_app_webhook_secret"),
            *super().get_urls(),
        ]

    def test_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Send a test, and go to the page that says what came of it."""
        require(request, CHANGE)
        webhook = get_object_or_404(Webhook, pk=pk)
        try:
            delivery = send_test(webhook, who=request.user.get_username())
        except RepomgrError as error:
            return send_back(request, error, reverse("admin:packages_app_webhook_change", args=[pk]))
        messages.success(request, "A worker sends the test; look again in a moment.")
        return HttpResponseRedirect(reverse("admin:packages_app_webhookdelivery_change", args=[delivery.pk]))

    def secret_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Make a new secret, and show it."""
        require(request, CHANGE)
        webhook = get_object_or_404(Webhook, pk=pk)
        at_once = bool(request.POST.get("at_once"))
        secret = change_secret(webhook, at_once=at_once, who=request.user.get_username())
        webhook.refresh_from_db()
        self.log_change(request, webhook, "New secret.")
        return self._secret_page(request, webhook, secret)

    def _secret_page(self, request: HttpRequest, webhook: Webhook, secret: str) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"The secret of {webhook.name}",
            "webhook": webhook,
            "secret": secret,
            "old": self.old_ones(webhook),
        }
        return TemplateResponse(request, "admin/packages_app/webhook/secret.html", context)
