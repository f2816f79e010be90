"""Tokens: each person's own, made and shown once, and revoked at once; superusers see all."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from packages_app.admin.read_only import ReadOnlyAdmin, lines, say_refused, send_back
from packages_app.core.errors import RepomgrError
from packages_app.core.name_patterns import EVERY, parted
from packages_app.core.rights import MEANINGS, Action
from packages_app.models import AccessToken
from packages_app.services.rights import granted
from packages_app.services.rights.tokens import (
    LONGEST_NAME,
    MOST_DAYS,
    USUAL_DAYS,
    actions_for,
    make_token,
    revoke,
    token_named,
    tokens_of,
)
from packages_app.services.sign_in.note import require_fresh

_LIST = "admin:packages_app_accesstoken_changelist"
_HOW_PATTERNS = "Names, * for any of their letters; several with a space between. It reaches no further than you may."


class TokenForm(forms.Form):
    """What a token is for; the service says what is wrong with it."""

    name = forms.CharField(
        label="Name", required=False, max_length=LONGEST_NAME, widget=UnfoldAdminTextInputWidget,
        help_text="Where it is used, such as: ci of tool.",
    )  # fmt: skip
    actions = forms.MultipleChoiceField(label="It may", required=False, widget=forms.CheckboxSelectMultiple)
    packages = forms.CharField(
        required=False, max_length=1000, initial=EVERY, widget=UnfoldAdminTextInputWidget, help_text=_HOW_PATTERNS
    )
    suites = forms.CharField(
        required=False, max_length=1000, initial=EVERY, widget=UnfoldAdminTextInputWidget,
        help_text="The same of suites.",
    )  # fmt: skip
    days = forms.IntegerField(
        min_value=1, max_value=MOST_DAYS, initial=USUAL_DAYS, widget=UnfoldAdminIntegerFieldWidget,
        help_text=f"1 to {MOST_DAYS}. A week before it ends a notice says so, if it is in use.",
    )  # fmt: skip

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.POST if request.method == "POST" else None)
        offered = [(str(action), f"{action}: {MEANINGS[action]}") for action in actions_for(request.user)]
        self.fields["actions"].choices = offered  # type: ignore[attr-defined]


@admin.register(AccessToken)
class TokenAdmin(ReadOnlyAdmin):
    """Tokens of who looks, newest first."""

    list_display = ("name", "shown_hint", "owner", "allows", "made", "expires", "last_used", "last_address",
                    "condition")  # fmt: skip
    search_fields = ("name", "owner__username")
    list_before_template = "admin/packages_app/tokens/buttons.html"
    change_form_outer_before_template = "admin/packages_app/tokens/revoke_button.html"
    fields = (
        "name", "shown_hint", "owner", "allows", "made", "expires", "revoked", "last_used", "last_address", "condition",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessToken]:
        """Return those that the user may see, with what they allow."""
        return tokens_of(request.user).select_related("owner").prefetch_related("grants")

    def has_view_permission(self, request: HttpRequest, obj: AccessToken | None = None) -> bool:
        """Let everybody in who has any right here."""
        return may_have_tokens(request)

    @display(description="last letters")
    def shown_hint(self, token: AccessToken) -> str:
        """Return its last characters, by which its owner knows it."""
        return f"…{token.hint}"

    @display(description="may")
    def allows(self, token: AccessToken) -> SafeString:
        """Return what it allows, within its owner's rights."""
        return lines([str(row.grant) for row in token.grants.all()])

    @display(description="state", label={"counts": "success", "expired": "warning", "revoked": "danger"})
    def condition(self, token: AccessToken) -> str:
        """Return whether it may be used."""
        return token.condition

    def get_urls(self) -> list[URLPattern]:
        """Add the pages that make a token and revoke one."""
        make = self.admin_site.admin_view(partial(make_view, self.admin_site, self.opts))
        take_back = self.admin_site.admin_view(partial(revoke_view, self.admin_site, self.opts))
        return [
            path("make/", make, name="packages_app_accesstoken_make"),
            path("<int:pk>/revoke/", take_back, name="packages_app_accesstoken_revoke"),
            *super().get_urls(),
        ]


def may_have_tokens(request: HttpRequest) -> bool:
    """Return whether the user may do anything here, which a token could do too."""
    return any(request.user.has_perm(right) for right in granted.PERMISSIONS.values())


def make_view(site: admin.AdminSite, opts: Any, request: HttpRequest) -> HttpResponseBase:
    """Ask what a token is for; make it, and show it this once."""
    if not may_have_tokens(request):
        raise PermissionDenied
    require_fresh(request)  # a token goes on when the session has ended
    form = TokenForm(request)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            token, secret = make_token(
                said["name"], request.user, actions=said["actions"], packages=parted(said["packages"]),
                suites=parted(said["suites"]), days=said["days"],
            )  # fmt: skip
        except RepomgrError as error:
            say_refused(request, error)
        else:
            address = request.build_absolute_uri(reverse("admin:index")).removesuffix("/admin/")
            page = {"title": f"The token {token.name}", "token": token, "secret": secret, "address": address,
                    "uploads": str(Action.UPLOAD) in said["actions"]}  # fmt: skip
            return _page(site, opts, request, "tokens/made", page)
    return _page(site, opts, request, "asked", {"title": "Make a token", "form": form, "cancel": reverse(_LIST)})


def revoke_view(site: admin.AdminSite, opts: Any, request: HttpRequest, pk: int) -> HttpResponseBase:
    """Say what revoking means; do it once that is consented to."""
    if not may_have_tokens(request):
        raise PermissionDenied
    try:
        if request.method == "POST":
            messages.success(request, f"{revoke(pk, request.user)} is revoked; whatever shows it is refused.")
            return HttpResponseRedirect(reverse(_LIST))
        token = token_named(pk, request.user)
    except RepomgrError as error:
        return send_back(request, error, reverse(_LIST))
    return _page(
        site, opts, request, "tokens/revoke", {"title": f"Revoke {token}", "token": token, "cancel": reverse(_LIST)}
    )


def _page(site: admin.AdminSite, opts: Any, request: HttpRequest, name: str, page: dict[str, Any]) -> HttpResponseBase:
    context = {**site.each_context(request), "opts": opts, **page}
    return TemplateResponse(request, f"admin/packages_app/{name}.html", context)
