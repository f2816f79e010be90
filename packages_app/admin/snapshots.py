"""Snapshots in the admin: those of each suite with the line that pins each, made and deleted by those who publish."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse

from packages_app.admin.publication_history import first_of
from packages_app.admin.read_only import PUBLISH, go_to_job, require, send_back, suites_to_publish
from packages_app.core.errors import RepomgrError
from packages_app.core.snapshot import LONGEST_ID, SnapshotRefused
from packages_app.core.suite_change import LONGEST_REASON
from packages_app.services import adapters
from packages_app.services.snapshots.jobs import plan_creation, request_deletion, request_snapshot
from packages_app.services.snapshots.snapshots import list_snapshots, sources_line


def snapshots_page(site: admin.AdminSite, opts: Any, request: HttpRequest) -> HttpResponseBase:
    """Show the snapshots of each suite, and where the reader may publish the form that makes one."""
    try:
        suites = [(suite, list_snapshots(suite.name)) for suite in adapters.repository().suites]
    except RepomgrError as error:
        return send_back(request, error, reverse("admin:index"))
    page = {"opts": opts, "title": "Snapshots", "suites": suites, "to_publish": suites_to_publish(request),
            "longest_id": LONGEST_ID, "longest": LONGEST_REASON}  # fmt: skip
    return _page(site, request, "snapshots", page)


def create_view(site: admin.AdminSite, opts: Any, request: HttpRequest) -> HttpResponseBase:
    """Show what a snapshot would hold, of what a suite shows or of the publication named; with consent ask for it."""
    require(request, PUBLISH)
    said = {name: request.POST.get(name, "") for name in ("suite", "id", "reason", "publication")}
    if "consent" in request.POST:
        return go_to_job(
            request,
            lambda: request_snapshot(
                said["suite"], said["id"], reason=said["reason"], publication=said["publication"], user=request.user
            ),
            otherwise=_address(),
        )
    try:
        planned = plan_creation(said["suite"], said["id"], said["publication"])
        newest = list(map(str, planned.seen_now.newest))
        lists = [(f"Newest version, other than {planned.recipe.suite} shows now", newest), ("Are lost", planned.lost)]
    except RepomgrError as error:
        return send_back(request, error, _address())
    [part] = planned.recipe.parts
    if part.suite == planned.recipe.suite and not part.snapshot:
        said["publication"] = part.named  # just what is shown here, whatever is published meanwhile
    page = {"opts": opts, "title": f"Make snapshot {planned.recipe.name}", "planned": planned, "said": said,
            "lists": first_of(lists), "cancel": _address(),
            "sources": sources_line(planned.recipe.suite, planned.recipe.name, None)}  # fmt: skip
    return _page(site, request, "create_snapshot", page)


def delete_view(site: admin.AdminSite, opts: Any, request: HttpRequest) -> HttpResponseBase:
    """Show what becomes of clients that pin a snapshot; with the consent of that page ask for its deletion."""
    require(request, PUBLISH)
    suite, name = request.POST.get("suite", ""), request.POST.get("id", "")
    try:
        found = [one for one in list_snapshots(suite) if one.name == name]
    except RepomgrError as error:
        return send_back(request, error, _address())
    if not found:
        unknown = SnapshotRefused(f"Suite {suite[:80]} has no snapshot {name[:LONGEST_ID]}.", remedy="Choose another.")
        return send_back(request, unknown, _address())
    if "consent" in request.POST:
        return go_to_job(request, lambda: request_deletion(suite, name, user=request.user), otherwise=_address())
    page = {"opts": opts, "title": f"Delete snapshot {name}", "found": found[0], "cancel": _address()}
    return _page(site, request, "delete_snapshot", page)


def _page(site: admin.AdminSite, request: HttpRequest, name: str, page: dict[str, Any]) -> HttpResponseBase:
    context = {**site.each_context(request), **page}
    return TemplateResponse(request, f"admin/packages_app/publication/{name}.html", context)


def _address() -> str:
    return reverse("admin:packages_app_publication_snapshots")
