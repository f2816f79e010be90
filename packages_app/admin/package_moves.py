"""Packages moved between suites and rolled out in the admin: what clients will see, a reason, consent on one page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from packages_app.admin.read_only import PUBLISH, go_to_job, require
from packages_app.core.errors import PackageRefused, RepomgrError
from packages_app.core.record import key_named, named_key
from packages_app.core.rollout import steps_in
from packages_app.core.suite_change import LONGEST_REASON, What
from packages_app.services import adapters
from packages_app.services.lifecycle.move import MOST, preview_move, request_move
from packages_app.services.lifecycle.steps import Move


def move_page(site: admin.AdminSite, opts: Any, request: HttpRequest, move: Move) -> HttpResponseBase:
    """Return the page that shows what clients will see, or go back to the list with what is wrong.

    A promotion that does not say where to, and a roll-out that does not say how far, are asked for it first.
    """
    page = {
        "opts": opts, "title": f"{move.verb.capitalize()} packages", "move": move, "cancel": _list_page(),
        "keys": "\n".join(named_key(key) for key in move.keys), "longest": LONGEST_REASON,
        "needs_reason": move.what is What.WITHDRAWN, "promotes": move.what is What.PROMOTED,
        "rolls_out": move.what is What.ROLLED_OUT, "steps": ", ".join(map(str, move.rollout)),
        "choices": [suite.name for suite in adapters.repository().suites],
    }  # fmt: skip
    try:
        if len(move.keys) > MOST:
            raise PackageRefused(f"At most {MOST} packages are moved at once.", remedy="Choose fewer.")
        if move.to or move.rollout or not (page["promotes"] or page["rolls_out"]):
            page["said"] = preview_move(move)
    except RepomgrError as error:
        messages.error(request, str(error))
        if not (move.to or move.rollout):
            return HttpResponseRedirect(_list_page())
    context = {**site.each_context(request), **page}
    return TemplateResponse(request, "admin/packages_app/package/move.html", context)


def move_view(site: admin.AdminSite, opts: Any, request: HttpRequest) -> HttpResponseBase:
    """Show the page for the posted packages, or with its consent ask for the move."""
    require(request, PUBLISH)
    said = request.POST
    try:
        keys = tuple(key_named(line) for line in "\n".join(said.getlist("keys")).splitlines() if line)
        what, suites = What(said.get("what", "")), tuple(said.getlist("suite"))
        move = Move(what, keys, suites, said.get("to", ""), "newer" in said, steps_in(said.get("rollout", "")))
    except PackageRefused as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(_list_page())
    except ValueError:
        messages.error(request, str(PackageRefused("This names no packages.", remedy="Choose them in the list.")))
        return HttpResponseRedirect(_list_page())
    if "consent" not in said:
        return move_page(site, opts, request, move)
    reason = said.get("reason", "")
    return go_to_job(request, lambda: request_move(move, reason, user=request.user), otherwise=_list_page())


def _list_page() -> str:
    return reverse("admin:packages_app_package_changelist")
