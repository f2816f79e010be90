"""A version purged in the admin, by a superuser who types the package's name."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse

from packages_app.admin.read_only import go_to_job, require_superuser, send_back
from packages_app.core.errors import RepomgrError
from packages_app.core.suite_change import LONGEST_REASON
from packages_app.models import Package
from packages_app.services.lifecycle.purge import plan_purge, request_purge
from packages_app.services.sign_in.note import require_fresh

_MOST_INDEXES = 60
"""Of snapshots, so many are read for one page: of 50,000 packages each takes a tenth of a second and more."""


def purge_view(site: admin.AdminSite, opts: Any, request: HttpRequest, pk: int) -> HttpResponseBase:
    """Show what a purge of a row's record would do; with the package's name typed, ask for it."""
    require_superuser(request)
    require_fresh(request)
    package = get_object_or_404(Package, pk=pk)
    key, said = package.key, request.POST
    here = reverse("admin:packages_app_package_purge", args=[pk])
    if request.method == "POST":
        return go_to_job(
            request,
            lambda: request_purge([key], said.get("reason", ""), said.get("typed", ""), user=request.user),
            otherwise=here,
        )
    try:
        plan = plan_purge([key])
        reach = plan.reach(most=_MOST_INDEXES)
    except RepomgrError as error:
        return send_back(request, error, reverse("admin:packages_app_package_change", args=[pk]))
    page = {"opts": opts, "title": "Purge", "plan": plan, "reach": reach, "longest": LONGEST_REASON, "pk": pk}
    context = {**site.each_context(request), **page}
    return TemplateResponse(request, "admin/packages_app/package/purge.html", context)
