"""The difference of two contents: what only one has, and which packages have another newest version there."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from packages_app.core.record import TableKey, architecture_and_build, named_key
from packages_app.core.version import version_key


@dataclass(frozen=True)
class Newest:
    """The newest version of a package for an architecture in each of two contents; "" where one has none."""

    name: str
    architecture: str
    before: str
    after: str

    @property
    def goes_back(self) -> bool:
        """Say whether the version in the second is the older one."""
        return bool(self.before and self.after) and version_key(self.after) < version_key(self.before)

    def __str__(self) -> str:
        return f"{self.name} {self.architecture}: {self.before or 'none'} → {self.after or 'none'}"


@dataclass(frozen=True)
class Difference:
    """What only the first has and only the second, as keys sorted by name and version; `newest` is sorted by name."""

    only_before: tuple[TableKey, ...]
    only_after: tuple[TableKey, ...]
    newest: tuple[Newest, ...]

    @property
    def upgrades(self) -> tuple[Newest, ...]:
        """The packages that both have, with a newer version in the second."""
        return tuple(one for one in self.newest if one.before and one.after and not one.goes_back)

    @property
    def downgrades(self) -> tuple[Newest, ...]:
        """The packages that both have, with an older version in the second."""
        return tuple(one for one in self.newest if one.goes_back)

    def as_values(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {
            "only_before": list(map(named_key, self.only_before)),
            "only_after": list(map(named_key, self.only_after)),
            "upgrades": [vars(one) for one in self.upgrades],
            "downgrades": [vars(one) for one in self.downgrades],
        }


def difference(before: Collection[TableKey], after: Collection[TableKey]) -> Difference:
    """Return how two contents differ; only the packages that differ are looked at by their versions."""
    first, second = frozenset(before), frozenset(after)
    only_before, only_after = first - second, second - first
    touched = {_package_of(key) for key in only_before | only_after}
    old, new = _newest_of(first, touched), _newest_of(second, touched)
    pairs = (Newest(*package, old.get(package, ""), new.get(package, "")) for package in sorted(touched))
    newest = tuple(one for one in pairs if one.before != one.after)
    return Difference(tuple(sorted(only_before, key=in_order)), tuple(sorted(only_after, key=in_order)), newest)


def in_order(key: TableKey) -> tuple[str, str, str]:
    """Return where a key stands among others: by name, version, architecture."""
    name, _, version = key[0].partition("#")
    return (name, version_key(version), key[1])


def _package_of(key: TableKey) -> tuple[str, str]:
    return (key[0].partition("#")[0], architecture_and_build(key[1])[0])


def _newest_of(contents: Iterable[TableKey], packages: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return the newest version of each of these packages, by name and architecture."""
    chosen = sorted((key for key in contents if _package_of(key) in packages), key=in_order)
    return {_package_of(key): key[0].partition("#")[2] for key in chosen}
