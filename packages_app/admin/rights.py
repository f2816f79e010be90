"""Rights of people and groups by package and suite, given and taken back by superusers."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from packages_app.admin.fresh import FreshActions
from packages_app.admin.read_only import ReadOnlyAdmin, done_or_refused, may_administer, require_superuser, say_refused
from packages_app.core.errors import RepomgrError
from packages_app.core.name_patterns import EVERY, LONGEST_PATTERN
from packages_app.core.rights import MEANINGS, Action
from packages_app.models import AccessGrant
from packages_app.services.access.grants import GRANTABLE, add_grant, fitting_packages, fitting_suites, take_back
from packages_app.services.sign_in.note import require_fresh

_LIST = "admin:packages_app_accessgrant_changelist"


class GrantForm(forms.Form):
    """Whose right it is, and what for."""

    user: forms.Field = forms.ModelChoiceField(
        label="Person", queryset=None, required=False, widget=UnfoldAdminSelectWidget
    )
    group: forms.Field = forms.ModelChoiceField(
        label="Or group", queryset=None, required=False, widget=UnfoldAdminSelectWidget, help_text="One of both."
    )
    action = forms.ChoiceField(
        label="May", choices=[(str(one), f"{one}: {MEANINGS[one]}") for one in GRANTABLE], initial=str(Action.UPLOAD),
        widget=UnfoldAdminSelectWidget,
    )  # fmt: skip
    packages = forms.CharField(
        max_length=LONGEST_PATTERN, initial=EVERY, widget=UnfoldAdminTextInputWidget,
        help_text="A name, or a pattern with * for any letters and ? for one: acme-*. Upper and lower case differ.",
    )  # fmt: skip
    suites = forms.CharField(
        max_length=LONGEST_PATTERN, initial=EVERY, widget=UnfoldAdminTextInputWidget, help_text="The same of suites."
    )

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        people = get_user_model().objects.filter(is_active=True).order_by("username")
        self.fields["user"].queryset = people  # type: ignore[attr-defined]
        self.fields["group"].queryset = Group.objects.order_by("name")  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Refuse two holders; the service refuses none."""
        said = self.cleaned_data
        if said.get("user") and said.get("group"):
            raise forms.ValidationError("Name a person or a group, not both.", code="bad_grant")
        return said


@admin.register(AccessGrant)
class GrantAdmin(FreshActions, ReadOnlyAdmin):
    """Who may do what beside Django's rights; what tokens allow stands with the tokens."""

    list_display = ("shown_holder", "action", "packages", "suites")
    list_filter = ("action",)
    search_fields = ("user__username", "group__name", "packages")
    ordering = ("user__username", "group__name", "action", "packages", "id")
    actions = ("take_back",)
    list_before_template = "admin/packages_app/rights/buttons.html"
    fields = ("shown_holder", "action", "packages", "suites")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessGrant]:
        """Return those of people and groups."""
        return super().get_queryset(request).filter(token=None, publisher=None).select_related("user", "group")

    def has_administer_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may change rights."""
        return may_administer(request)

    @display(description="who", ordering="user__username")
    def shown_holder(self, grant: AccessGrant) -> str:
        """Return whose it is."""
        return grant.holder

    @action(description="Take back", permissions=["administer"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[AccessGrant]) -> None:
        """Take the chosen rights back."""
        done_or_refused(request, lambda: f"{take_back(queryset, request.user)} rights taken back.")

    def get_urls(self) -> list[URLPattern]:
        """Add the page that gives a right."""
        give = self.admin_site.admin_view(partial(give_view, self.admin_site, self.opts))
        return [path("give/", give, name="packages_app_accessgrant_give"), *super().get_urls()]


def give_view(site: admin.AdminSite, opts: Any, request: HttpRequest) -> HttpResponseBase:
    """Ask whom a right is given to; show what its patterns fit now, or give it."""
    require_superuser(request)
    require_fresh(request)
    posted = request.method == "POST"
    form = GrantForm(request.POST) if posted else GrantForm(initial=request.GET.dict())
    page: dict[str, Any] = {"title": "Give a right", "form": form, "cancel": reverse(_LIST), "opts": opts}
    if posted and form.is_valid():
        said = form.cleaned_data
        try:
            if "look" not in request.POST:
                grant = add_grant(
                    said["user"] or said["group"], said["action"], said["packages"], said["suites"], user=request.user
                )
                messages.success(request, str(grant))
                return HttpResponseRedirect(reverse(_LIST))
            page["fitting"] = fitting_packages(said["packages"])
            page["suites"] = fitting_suites(said["suites"])
        except RepomgrError as error:
            say_refused(request, error)
    return TemplateResponse(request, "admin/packages_app/rights/give.html", {**site.each_context(request), **page})
