"""Two suites side by side, as the mirror knows them: what one of them has that the other has not, or has older."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import F, Max, Q

from packages_app.core.record import built_for, package_named
from packages_app.models import SuiteMembership

PAGE = 100
"""So many packages are named at once."""


class Difference(StrEnum):
    """How a package differs between the suite on the left and that on the right."""

    ONLY_LEFT = "only_left"
    NEWER_LEFT = "newer_left"
    NEWER_RIGHT = "newer_right"
    ONLY_RIGHT = "only_right"

    @property
    def is_left(self) -> bool:
        """Return whether the suite on the left has what the other one lacks."""
        return self in (Difference.ONLY_LEFT, Difference.NEWER_LEFT)


_CONDITIONS = {
    Difference.ONLY_LEFT: Q(left__isnull=False, right__isnull=True),
    Difference.NEWER_LEFT: Q(left__gt=F("right")),
    Difference.NEWER_RIGHT: Q(right__gt=F("left")),
    Difference.ONLY_RIGHT: Q(left__isnull=True, right__isnull=False),
}


@dataclass(frozen=True)
class Differing:
    """A package of a name and architecture, and the newest version of each suite; "" for none.

    `key` names the version that one suite has and the other lacks, as `core.record.key_named` reads it.
    """

    name: str
    architecture: str
    left: str
    right: str
    key: str


@dataclass(frozen=True)
class Page:
    """Packages that differ, by name and architecture; `after` is where the next page begins, "" on the last."""

    rows: Sequence[Differing]
    after: str


def side_by_side(left: str, right: str, difference: Difference, after: str = "") -> Page:
    """Return a page of what differs so between two suites, of each name and architecture the newest version of each.

    `after` is what the page before gave. Two queries, whatever the suites' size.
    """
    found = list(_differing(left, right, difference, after)[: PAGE + 1])
    versions = _versions(left, right, found[:PAGE])
    rows = [_row(each, versions, difference) for each in found[:PAGE]]
    more = len(found) > PAGE
    return Page(rows, f"{rows[-1].name} {rows[-1].architecture}" if more else "")


def _differing(left: str, right: str, difference: Difference, after: str) -> Any:
    newest = SuiteMembership.objects.filter(suite__in=(left, right))
    name, _, architecture = after.partition(" ")
    if name:
        newest = newest.filter(package_name__gte=name).exclude(
            package_name=name, package__architecture__lte=architecture
        )
    grouped = newest.values("package_name", "package__architecture").annotate(
        left=Max("package__version_key", filter=Q(suite=left)), right=Max("package__version_key", filter=Q(suite=right))
    )
    return grouped.filter(_CONDITIONS[difference]).order_by("package_name", "package__architecture")


_Versions = dict[tuple[bool, str, str, str], tuple[str, str]]
"""Version and build, by whether it is the left suite's, name, architecture and sort key."""


def _versions(left: str, right: str, found: Sequence[dict[str, Any]]) -> _Versions:
    """Return what the suites have, as far as it is named; a suite has one build of a version."""
    keys = {key for each in found for key in (each["left"], each["right"]) if key is not None}
    rows = SuiteMembership.objects.filter(
        suite__in=(left, right),
        package_name__in={each["package_name"] for each in found},
        package__version_key__in=keys,
    )
    of_package = (f"package__{column}" for column in ("architecture", "version_key", "version", "build"))
    return {
        (suite == left, name, architecture, key): (version, build)
        for suite, name, architecture, key, version, build in rows.values_list("suite", "package_name", *of_package)
    }


def _row(each: dict[str, Any], versions: _Versions, difference: Difference) -> Differing:
    name, architecture = each["package_name"], each["package__architecture"]
    sides = {side: (side == "left", name, architecture, each[side] or "") for side in ("left", "right")}
    left, right = (versions.get(sides[side], ("", "")) for side in ("left", "right"))
    version, build = left if difference.is_left else right
    return Differing(
        name, architecture, left[0], right[0], package_named(name, version, built_for(architecture, build))
    )
