"""Keys by which people sign what they upload by dput: each person's own; superusers see all."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminTextareaWidget

from packages_app.admin.read_only import ReadOnlyAdmin, say_refused, send_back
from packages_app.admin.tokens import may_have_tokens
from packages_app.core.errors import RepomgrError
from packages_app.models import UploaderKey
from packages_app.services.access.uploader_keys import LONGEST_KEY, add_key, keys_of, remove_key
from packages_app.services.sign_in.note import require_fresh

_LIST = "admin:packages_app_uploaderkey_changelist"


class KeyForm(forms.Form):
    """A public key; the service says what is wrong with it."""

    key = forms.CharField(
        label="Public key", max_length=LONGEST_KEY, widget=UnfoldAdminTextareaWidget,
        help_text="What gpg --armor --export FINGERPRINT prints.",
    )  # fmt: skip


@admin.register(UploaderKey)
class UploaderKeyAdmin(ReadOnlyAdmin):
    """Keys of who looks, newest first."""

    list_display = ("fingerprint", "names", "user", "added")
    search_fields = ("fingerprint", "names", "user__username")
    list_before_template = "admin/packages_app/uploader_keys/buttons.html"
    change_form_outer_before_template = "admin/packages_app/uploader_keys/remove_button.html"
    fields = ("fingerprint", "names", "user", "added", "public_key")

    def get_queryset(self, request: HttpRequest) -> QuerySet[UploaderKey]:
        """Return those that the user may see."""
        return keys_of(request.user).select_related("user")

    def has_view_permission(self, request: HttpRequest, obj: UploaderKey | None = None) -> bool:
        """Let everybody in who has any right here."""
        return may_have_tokens(request)

    def get_urls(self) -> list[URLPattern]:
        """Add the pages that add a key and remove one."""
        give = self.admin_site.admin_view(partial(give_view, self.admin_site, self.opts))
        take = self.admin_site.admin_view(remove_view)
        return [
            path("give/", give, name="packages_app_uploaderkey_give"),
            path("<int:pk>/remove/", take, name="packages_app_uploaderkey_remove"),
            *super().get_urls(),
        ]


def give_view(site: admin.AdminSite, opts: Any, request: HttpRequest) -> HttpResponseBase:
    """Ask for a key, and keep it."""
    if not may_have_tokens(request):
        raise PermissionDenied
    require_fresh(request)
    form = KeyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            key = add_key(form.cleaned_data["key"], request.user)
        except RepomgrError as error:
            say_refused(request, error)
        else:
            messages.success(request, f"The key {key} is yours: what it signs is taken.")
            return HttpResponseRedirect(reverse(_LIST))
    page = {**site.each_context(request), "opts": opts, "title": "Add a key", "form": form, "cancel": reverse(_LIST)}
    return TemplateResponse(request, "admin/packages_app/asked.html", page)


def remove_view(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Remove a key."""
    if not may_have_tokens(request):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        messages.success(request, f"The key {remove_key(pk, request.user)} is removed; what it signs is refused.")
    except RepomgrError as error:
        return send_back(request, error, reverse(_LIST))
    return HttpResponseRedirect(reverse(_LIST))
