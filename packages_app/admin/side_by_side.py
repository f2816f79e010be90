"""Two suites side by side in the admin: what differs, to be ticked and promoted into the other."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse

from packages_app.admin.read_only import say_refused
from packages_app.core.errors import RepomgrError
from packages_app.core.rights import Action
from packages_app.services import adapters
from packages_app.services.mirror.side_by_side import Difference, side_by_side
from packages_app.services.rights.rule import rights_of


def side_by_side_view(site: admin.AdminSite, opts: Any, request: HttpRequest) -> HttpResponseBase:
    """Show what differs between the two suites that are asked for, the first two where none is."""
    said = request.GET
    page: dict[str, Any] = {
        **site.each_context(request), "opts": opts, "title": "Two suites side by side",
    }  # fmt: skip
    try:
        names = [suite.name for suite in adapters.repository().suites]
    except RepomgrError as error:
        say_refused(request, error)
        names = []
    left, right = _chosen(said.get("left", ""), names, 0), _chosen(said.get("right", ""), names, 1)
    try:
        kind = Difference(said.get("kind", Difference.ONLY_LEFT))
    except ValueError:
        kind = Difference.ONLY_LEFT
    page |= {"names": names, "left": left, "right": right, "kind": str(kind), "kinds": _kinds(left, right)}
    if left and right and left != right:
        page["found"] = side_by_side(left, right, kind, said.get("after", "")[:400])
        page["to"] = right if kind.is_left else left
        rights = rights_of(request.user)
        page["may_promote"] = {
            row.name for row in page["found"].rows if rights.may(Action.PUBLISH, row.name, page["to"])
        }
    return TemplateResponse(request, "admin/packages_app/package/side_by_side.html", page)


def _chosen(name: str, names: list[str], place: int) -> str:
    return name if name in names else next(iter(names[place:]), "")


def _kinds(left: str, right: str) -> list[tuple[str, str]]:
    return [
        (str(Difference.ONLY_LEFT), f"only in {left}"), (str(Difference.NEWER_LEFT), f"newer in {left}"),
        (str(Difference.NEWER_RIGHT), f"newer in {right}"), (str(Difference.ONLY_RIGHT), f"only in {right}"),
    ]  # fmt: skip
