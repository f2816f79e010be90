"""What a request names by its address and fields: the packages and suites that its line can be found by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from packages_app.services.pushes.push import AS_DEFINED

PACKAGES = ("package", "package_name")
_SUITES = ("suite", "suites")
_TO = "to"
"""Where a package is promoted to, a suite; and what a suite is rolled back to, a publication."""
_FILES = ("file", "filename", "files")
_OF_A_PACKAGE = ("api.put/definitions", "api.delete/definitions", "definitionstatus_")
"""How deeds are called whose field `name` is a package."""


def packages_named(what: str, said: Mapping[str, Any]) -> set[str]:
    """Return the packages that values of a request name: by a field, by versions, or by names of files."""
    found = names_in(said, PACKAGES)
    for version in _listed(said.get("versions")):
        found |= names_in(version, PACKAGES) if isinstance(version, Mapping) else set()
    found |= {name.partition("_")[0] for name in names_in(said, _FILES) if "_" in name}
    return found | (names_in(said, ("name",)) if what.startswith(_OF_A_PACKAGE) else set())


def suites_named(what: str, said: Mapping[str, Any]) -> set[str]:
    """Return the suites that values of a request name; where a definition says them, none."""
    return names_in(said, _SUITES if "rollback" in what else (*_SUITES, _TO)) - {AS_DEFINED}


def names_in(said: Mapping[str, Any], fields: Iterable[str]) -> set[str]:
    """Return the texts that fields have, or that are in their lists."""
    return {each for field in fields for each in _listed(said.get(field)) if isinstance(each, str) and each}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
