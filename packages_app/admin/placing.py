"""Where the versions of a definition lie in the admin, and their moves to where it says: shown, then asked for."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse

from packages_app.admin.read_only import PUBLISH, go_to_job, require, say_refused
from packages_app.core.errors import RepomgrError
from packages_app.models import DefinitionStatus
from packages_app.services.intake.admit import defined
from packages_app.services.lifecycle.placing import plan_placing, preview_placing, request_placing


def placing_view(site: admin.AdminSite, opts: Any, request: HttpRequest, row: DefinitionStatus) -> HttpResponseBase:
    """Show what would bring the versions to where the definition says; with consent ask for that."""
    require(request, PUBLISH)

    def shown() -> HttpResponseBase:
        page: dict[str, Any] = {"opts": opts, "title": f"Where {row.name} lies", "name": row.name, "pk": row.pk}
        try:
            placing = plan_placing(defined(row.name))
            page |= {"told": placing.told(), "previews": preview_placing(placing)}
        except RepomgrError as error:
            if "consent" not in request.POST:  # else it is said already
                say_refused(request, error)
        context = {**site.each_context(request), **page}
        return TemplateResponse(request, "admin/packages_app/definition/placing.html", context)

    if "consent" not in request.POST:
        return shown()
    seen = request.POST.getlist("shown")
    return go_to_job(
        request, lambda: request_placing(plan_placing(defined(row.name)), seen, user=request.user), otherwise=shown
    )


def placing_address(name: str) -> str:
    """Return the address of the page of a definition that has a row."""
    row = DefinitionStatus.objects.only("pk").get(name=name)
    return reverse("admin:packages_app_definitionstatus_place", args=[row.pk])
