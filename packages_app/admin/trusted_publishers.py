"""Trusted publishers: workflows that upload without a secret, added and removed by superusers."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from packages_app.admin.fresh import FreshActions
from packages_app.admin.read_only import ReadOnlyAdmin, lines, may_administer, require_superuser, say_refused
from packages_app.core.errors import RepomgrError
from packages_app.core.name_patterns import EVERY, parted
from packages_app.core.rights import MEANINGS, Action
from packages_app.models import TrustedPublisher
from packages_app.services.sign_in.note import require_fresh
from packages_app.services.trusted.exchange import audience
from packages_app.services.trusted.publishers import ACTIONS, ISSUERS, Trust, add_publisher, remove_publisher

_LIST = "admin:packages_app_trustedpublisher_changelist"
_LEARNED = "A number, so that another of the same name is not trusted. Empty: that of the first token."


def _text(label: str, how: str = "", **more: Any) -> forms.CharField:
    more = {"required": False, "max_length": 255, "widget": UnfoldAdminTextInputWidget, **more}
    return forms.CharField(label=label, help_text=how, **more)


class PublisherForm(forms.Form):
    """Whom to trust, and with what; the service says what is wrong with it."""

    name = _text("Name", "What it is called here, such as: releases of tool.", max_length=64)
    kind = forms.ChoiceField(
        label="Built by", choices=TrustedPublisher.Kind.choices, widget=UnfoldAdminSelectWidget
    )  # fmt: skip
    issuer = _text("Issuer", f"Empty: {' or '.join(ISSUERS.values())}. Any other: its https address.")
    repository = _text("Repository", "OWNER/NAME at GitHub, GROUP/PROJECT at GitLab.")
    repository_id = _text("Repository's number", _LEARNED, max_length=32)
    owner_id = _text("Owner's number", _LEARNED, max_length=32)
    workflow = _text("Workflow", "The file: release.yml at GitHub (in .github/workflows/), .gitlab-ci.yml at GitLab.")
    ref = _text("Ref", "A pattern: refs/tags/v*, refs/heads/main. * for any.", initial="refs/tags/*")
    protected = forms.BooleanField(
        label="Protected refs alone", required=False, initial=True,
        help_text="Of a branch or tag that is protected there. Without it, whoever may push a branch may release.",
    )  # fmt: skip
    environment = _text("Environment", "Empty: any, and none.")
    claims = _text(
        "Claims", "Of another issuer: NAME=VALUE, a line each; all must be equal, and sub must be among them.",
        max_length=8000, widget=UnfoldAdminTextareaWidget,
    )  # fmt: skip
    actions = forms.MultipleChoiceField(
        label="It may", required=False, choices=[(str(one), f"{one}: {MEANINGS[one]}") for one in ACTIONS],
        initial=[str(Action.UPLOAD)], widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    packages = _text("Packages", "Names, * for any of their letters; several with a space between.", max_length=1000)
    suites = _text("Suites", "The same of suites.", max_length=1000, initial=EVERY)

    def trust(self) -> Trust:
        """Return whom to trust."""
        said = self.cleaned_data
        given = [line.partition("=") for line in said["claims"].splitlines() if line.strip()]
        own = {name: said[name] for name in Trust.__dataclass_fields__ if name != "claims"}
        return Trust(**own, claims={name.strip(): value.strip() for name, _, value in given})


_ASKED = ("repository", "repository_id", "owner_id", "workflow", "ref", "protected", "environment")
"""What is asked of a workflow of GitHub's and GitLab's; of another issuer only claims are."""


@admin.register(TrustedPublisher)
class TrustedPublisherAdmin(FreshActions, ReadOnlyAdmin):
    """Who is trusted, by which claims, with what."""

    list_display = ("name", "kind", "repository", "workflow", "ref", "environment", "allows", "last_used")
    list_filter = ("kind",)
    search_fields = ("name", "repository")
    ordering = ("name",)
    actions = ("remove",)
    list_before_template = "admin/packages_app/trusted/buttons.html"

    def get_fields(self, request: HttpRequest, obj: TrustedPublisher | None = None) -> tuple[str, ...]:
        """Return what counts of a publisher of this kind."""
        asked = _ASKED if obj is None or obj.kind != TrustedPublisher.Kind.OTHER else ("shown_claims",)
        return ("name", "kind", "issuer", "shown_audience", *asked, "allows", "made", "last_used")

    def get_queryset(self, request: HttpRequest) -> QuerySet[TrustedPublisher]:
        """Return them with their grants."""
        return super().get_queryset(request).prefetch_related("grants")

    def has_administer_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may change whom to trust."""
        return may_administer(request)

    @display(description="may")
    def allows(self, publisher: TrustedPublisher) -> SafeString:
        """Return what its tokens allow."""
        return lines([str(row.grant) for row in publisher.grants.all()])

    @display(description="claims")
    def shown_claims(self, publisher: TrustedPublisher) -> SafeString:
        """Return the claims that must be equal."""
        return lines([f"{name}={value}" for name, value in sorted(publisher.claims.items())])

    @display(description="audience")
    def shown_audience(self, publisher: TrustedPublisher) -> str:
        """Return for whom its tokens must be."""
        return audience()

    @action(description="Trust no more", permissions=["administer"])
    def remove(self, request: HttpRequest, queryset: QuerySet[TrustedPublisher]) -> None:
        """Remove the chosen publishers, and revoke their tokens."""
        names = []
        for publisher in queryset:
            remove_publisher(publisher, request.user)
            names.append(publisher.name)
        messages.success(request, f"Trusted no more: {', '.join(names)}.")

    def get_urls(self) -> list[URLPattern]:
        """Add the page that adds one."""
        trust = self.admin_site.admin_view(partial(trust_view, self.admin_site, self.opts))
        return [path("trust/", trust, name="packages_app_trustedpublisher_trust"), *super().get_urls()]


def trust_view(site: admin.AdminSite, opts: Any, request: HttpRequest) -> HttpResponseBase:
    """Ask whom to trust, and do it."""
    require_superuser(request)
    require_fresh(request)
    form = PublisherForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            made = add_publisher(
                form.trust(), actions=said["actions"], packages=parted(said["packages"]),
                suites=parted(said["suites"]), user=request.user,
            )  # fmt: skip
        except RepomgrError as error:
            say_refused(request, error)
        else:
            messages.success(request, f"{made} is trusted, by tokens for {audience()}.")
            return HttpResponseRedirect(reverse(_LIST))
    page = {"title": "Trust a publisher", "form": form, "cancel": reverse(_LIST), "opts": opts,
            "audience": audience()}  # fmt: skip
    return TemplateResponse(request, "admin/packages_app/trusted/trust.html", {**site.each_context(request), **page})
