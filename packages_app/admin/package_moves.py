"""Packages moved between suites and rolled out in the admin: what clients will see, a reason, consent on one page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse

from packages_app.admin.read_only import PUBLISH, go_to_job, require, say_refused, send_back
from packages_app.core.errors import PackageRefused, RepomgrError
from packages_app.core.record import key_named, named_key
from packages_app.core.rights import Action, right_missing
from packages_app.core.rollout import ALL_CLIENTS, STOPPED, steps_in
from packages_app.core.suite_change import LONGEST_REASON, What
from packages_app.models import Job, Package
from packages_app.services import adapters
from packages_app.services.lifecycle.move import MOST, preview_move, request_move, suites_to_publish
from packages_app.services.lifecycle.steps import Move

_ASKED_HERE = (What.WITHDRAWN, What.RESTORED, What.PROMOTED, What.ROLLED_OUT)
_TITLES: dict[tuple[int, ...], str] = {(STOPPED,): "Stop the roll-out", (ALL_CLIENTS,): "Give it to all now"}


def move_page(site: admin.AdminSite, opts: Any, request: HttpRequest, move: Move) -> HttpResponseBase:
    """Return the page that shows what clients will see, or go back to where it came from with what is wrong.

    A promotion that does not say where to, and a roll-out that does not say how far, are asked for it first.
    """
    page = {
        "opts": opts, "title": _TITLES.get(move.rollout) or f"{move.verb.capitalize()} packages", "move": move,
        "cancel": _way_back(move), "do": _TITLES.get(move.rollout) or move.verb.capitalize(),
        "keys": "\n".join(named_key(key) for key in move.keys), "longest": LONGEST_REASON,
        "needs_reason": move.what is What.WITHDRAWN, "promotes": move.what is What.PROMOTED,
        "rolls_out": move.what is What.ROLLED_OUT, "steps": ", ".join(map(str, move.rollout)),
        "reason": request.POST.get("reason", "")[:LONGEST_REASON],
        "choices": _may(request, move, (suite.name for suite in adapters.repository().suites)),
    }  # fmt: skip
    try:
        if len(move.keys) > MOST:
            raise PackageRefused(f"At most {MOST} packages are moved at once.", remedy="Choose fewer.")
        if move.to or move.rollout or not (page["promotes"] or page["rolls_out"]):
            said = page["said"] = preview_move(move)
            page["offered"] = _may(request, move, said.suites)
            if said.suites and not page["offered"]:
                raise right_missing(Action.PUBLISH, f"To {move.verb} packages", suite=", ".join(said.suites))
    except RepomgrError as error:
        page.pop("said", None)
        if not (move.to or move.rollout):
            return send_back(request, error, _way_back(move))
        say_refused(request, error)
    context = {**site.each_context(request), **page}
    return TemplateResponse(request, "admin/packages_app/package/move.html", context)


def move_view(site: admin.AdminSite, opts: Any, request: HttpRequest) -> HttpResponseBase:
    """Show the page for the posted packages, or with its consent ask for the move."""
    require(request, PUBLISH)
    said = request.POST
    try:
        keys = tuple(key_named(line) for line in "\n".join(said.getlist("keys")).splitlines() if line)
        what, suites = What(said.get("what", "")), tuple(said.getlist("suite"))
        if what not in _ASKED_HERE:
            raise PackageRefused(f"{what} is nothing that is asked for here.", remedy="Use the buttons of the page.")
        move = Move(what, keys, suites, said.get("to", ""), "newer" in said, steps_in(said.get("rollout", "")))
    except PackageRefused as error:
        return send_back(request, error, _list_page())
    except ValueError:
        nothing = PackageRefused("This names no packages.", remedy="Choose them in the list.")
        return send_back(request, nothing, _list_page())
    if "consent" not in said:
        return move_page(site, opts, request, move)
    return go_to_job(request, lambda: _asked_for(move, request), otherwise=lambda: move_page(site, opts, request, move))


def _asked_for(move: Move, request: HttpRequest) -> Job:
    """Ask for a move that somebody consents to on its page."""
    said = request.POST
    if not move.suites and move.what is not What.PROMOTED:  # to a service none means all
        raise PackageRefused("No suite is ticked.", remedy="Tick one at least.")
    return request_move(move, said.get("reason", ""), shown=said.getlist("shown"), user=request.user)


def _may(request: HttpRequest, move: Move, suites: Iterable[str]) -> list[str]:
    return suites_to_publish(move.keys[:MOST], suites, request.user)


def _way_back(move: Move) -> str:
    """Return the address of the only package's page, that of the list for several."""
    if len(move.keys) == 1:
        row = Package.objects.filter(package_id=move.keys[0][0], architecture=move.keys[0][1]).first()
        if row is not None:
            return reverse("admin:packages_app_package_change", args=[row.pk])
    return _list_page()


def _list_page() -> str:
    return reverse("admin:packages_app_package_changelist")
