"""Snapshots merged or filtered in the admin, and suites filled from them: shown first, then asked for with consent."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse

from packages_app.admin.publication_history import first_of, lists_of_rollback
from packages_app.admin.read_only import PUBLISH, go_to_job, require, say_refused
from packages_app.core.errors import RepomgrError
from packages_app.core.suite_change import LONGEST_REASON
from packages_app.publishing.snapshot_parts import Way
from packages_app.services import adapters
from packages_app.services.lifecycle.rollback import FIRST, plan_fill, preview_rollback, request_fill
from packages_app.services.snapshots.compose import LONGEST_QUERY, PlannedSnapshot, recipe_of
from packages_app.services.snapshots.jobs import plan_composed, request_composed

_WAYS = (
    (str(Way.NEWEST), "the newest version alone, whoever has it"),
    (str(Way.LEFT), "all versions of the first that has it"),
    (str(Way.ALL), "all versions of all"),
)


def compose_view(site: admin.AdminSite, opts: Any, request: HttpRequest) -> HttpResponseBase:
    """Show the form of a merge or filter; once it is filled in, what comes of it; with consent ask for that."""
    require(request, PUBLISH)
    said = _said(request, "name", "parts", "way", "query", "reason")
    page: dict[str, Any] = {"title": "Merge or filter snapshots", "ways": _WAYS, "longest_query": LONGEST_QUERY}
    if request.method == "POST":
        try:
            recipe = recipe_of(said["name"], said["parts"].split(), said["way"], said["query"])
            if "consent" in request.POST:
                return go_to_job(
                    request, lambda: request_composed(recipe, said["reason"], user=request.user), otherwise=_address()
                )
            planned = plan_composed(recipe)
            # Consent is to just what is shown here, whatever is published meanwhile.
            asked = said | {"parts": "\n".join(part.named for part in recipe.parts)}
            page |= {"planned": planned, "lists": first_of(_lists_of(planned)), "asked": asked}
        except RepomgrError as error:
            say_refused(request, error)
    return _page(site, opts, request, "compose_snapshot", page | {"said": said})


def fill_view(site: admin.AdminSite, opts: Any, request: HttpRequest) -> HttpResponseBase:
    """Show the form that fills a suite; once it is filled in, what clients will see; with consent ask for that."""
    require(request, PUBLISH)
    said = _said(request, "suite", "snapshot", "reason")
    names = [suite.name for suite in adapters.repository().suites]
    page: dict[str, Any] = {"title": "Fill a suite from a snapshot", "names": names}

    def shown() -> HttpResponseBase:
        try:
            planned = plan_fill(said["suite"], said["snapshot"])
            found = {"planned": planned, "said_to_clients": preview_rollback(planned),
                     "lists": first_of(lists_of_rollback(planned))}  # fmt: skip
        except RepomgrError as error:
            if "consent" not in request.POST:  # else it is said already
                say_refused(request, error)
            found = {}
        return _page(site, opts, request, "fill_suite", page | {"said": said} | found)

    if "consent" in request.POST:
        seen = request.POST.getlist("shown")
        return go_to_job(
            request,
            lambda: request_fill(said["suite"], said["snapshot"], said["reason"], shown=seen, user=request.user),
            otherwise=shown,
        )
    return shown() if request.method == "POST" else _page(site, opts, request, "fill_suite", page | {"said": said})


def _lists_of(planned: PlannedSnapshot) -> list[tuple[str, list[str] | tuple[str, ...]]]:
    newest = [str(one) for one in planned.seen.newest]
    return [(f"Newest version, other than in {planned.recipe.parts[0].folder}", newest), ("Are lost", planned.lost)]


def _said(request: HttpRequest, *names: str) -> dict[str, str]:
    given = request.POST if request.method == "POST" else request.GET
    return {name: given.get(name, "") for name in names}


def _page(site: admin.AdminSite, opts: Any, request: HttpRequest, name: str, page: dict[str, Any]) -> HttpResponseBase:
    context = {**site.each_context(request), "opts": opts, "first": FIRST, "longest": LONGEST_REASON,
               "cancel": _address(), **page}  # fmt: skip
    return TemplateResponse(request, f"admin/packages_app/publication/{name}.html", context)


def _address() -> str:
    return reverse("admin:packages_app_publication_snapshots")
