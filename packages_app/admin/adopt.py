"""Adopting a repository in the admin: a form, a look at what it would bring, and consent to that."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from packages_app.admin.read_only import as_fault, go_to_job, job_page, require_superuser
from packages_app.core.errors import RepomgrError
from packages_app.models import Job
from packages_app.services.outside_errors import told_as_ours
from packages_app.services.takeover.adoption_jobs import request_adoption, request_look


class AdoptionForm(forms.Form):
    """What to look at; the service checks it."""

    address = forms.CharField(
        label="Address", widget=UnfoldAdminTextInputWidget,
        help_text="What stands in front of dists/, such as https://old.example.org/debian.",
    )  # fmt: skip
    keyring = forms.CharField(
        label="Its keys", required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="Armored, as gpg --armor --export gives them: what it brings is verified by them.",
    )  # fmt: skip
    unsigned = forms.BooleanField(
        label="Do not look at signatures", required=False, widget=UnfoldBooleanSwitchWidget,
    )  # fmt: skip
    suites = forms.CharField(
        label="Suites", required=False, widget=UnfoldAdminTextInputWidget,
        help_text="THEIRS=OURS, or one name for both, with blanks between: bookworm=stable trixie=testing.",
    )  # fmt: skip
    flat = forms.CharField(
        label="It is flat, for our suite", required=False, widget=UnfoldAdminTextInputWidget,
        help_text="A folder of packages without dists/ goes into this suite of ours.",
    )  # fmt: skip
    components = forms.CharField(
        label="Components", required=False, widget=UnfoldAdminTextInputWidget,
        help_text="THEIRS=OURS; empty: all, by their names.",
    )  # fmt: skip
    architectures = forms.CharField(
        required=False, widget=UnfoldAdminTextInputWidget, help_text="Empty: those of our suites.",
    )  # fmt: skip
    pool = forms.ChoiceField(
        label="Its files", widget=UnfoldAdminSelectWidget,
        choices=(("copy", "copied into our pool"), ("keep", "in our bucket already, and stay"), ("none", "left out")),
    )  # fmt: skip
    definitions = forms.ChoiceField(
        label="Packages without a definition", widget=UnfoldAdminSelectWidget,
        choices=(("upload", "are defined: new versions are uploaded"), ("none", "stay without, and take none")),
    )  # fmt: skip
    allow = forms.CharField(
        label="Allowed", required=False, widget=UnfoldAdminTextInputWidget,
        help_text="Cautions that need nobody's word, of all packages or of one: essential setuid:sudo.",
    )  # fmt: skip
    skip_broken = forms.BooleanField(
        label="Leave out what can't be adopted", required=False, widget=UnfoldBooleanSwitchWidget,
    )  # fmt: skip


def adopt_view(site: admin.AdminSite, opts: Any, request: HttpRequest) -> HttpResponseBase:
    """Show the form; ask for a look at what is posted, or with `look` for the adoption of what that job has shown."""
    require_superuser(request)
    if request.method == "POST" and "look" in request.POST:
        look = get_object_or_404(Job, pk=_uuid(request.POST["look"]))
        return go_to_job(request, lambda: request_adoption(look, request.user), otherwise=job_page(look))
    form = AdoptionForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            with told_as_ours():
                return HttpResponseRedirect(job_page(request_look(request.POST.dict(), request.user)))
        except RepomgrError as error:
            form.add_error(None, as_fault(error))
    page = {"opts": opts, "title": "Adopt a repository", "form": form,
            "cancel": reverse("admin:packages_app_package_changelist")}  # fmt: skip
    return TemplateResponse(request, "admin/packages_app/package/adopt.html", {**site.each_context(request), **page})


def _uuid(text: str) -> UUID | None:
    """Return a text that may be the key of a job, None for another."""
    try:
        return UUID(text)
    except ValueError:
        return None
