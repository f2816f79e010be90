"""The definitions that an adoption offers for the packages that it brings, so that each can be updated afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from packages_app.core.errors import InvalidVersion
from packages_app.core.layout import ALL
from packages_app.core.record import PackageRecord
from packages_app.core.yaml_writer import written_yaml
from packages_app.services.configuration.many_definitions import undefined

_GITHUB = re.compile(r"https?://(?:www\.)?github\.com/([A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100})/?\Z")
"""A Homepage that is a repository's own address (GitHub's rules for the names of users and repositories)."""


@dataclass
class Brought:
    """What is brought of a package: its suites and architectures, and component and homepage of its newest version.

    `components` are those of all its versions.
    """

    suites: set[str] = field(default_factory=set)
    architectures: set[str] = field(default_factory=set)
    components: set[str] = field(default_factory=set)
    newest: str = ""
    component: str = ""
    homepage: str = ""

    def text(self, name: str, allow: Iterable[str]) -> str:
        """Return the definition of a package whose new versions are uploaded, where they are in the old repository."""
        suites, architectures = sorted(self.suites), sorted(self.architectures - {ALL}) or [ALL]
        if ALL in self.architectures and ALL not in architectures:
            architectures.append(ALL)
        allowed = sorted({code for code, _, of in (one.partition(":") for one in allow) if of == name})
        # The name comes first, and what follows is the same of most packages of a repository.
        return written_yaml({"name": name}) + _without_name(
            tuple(architectures), tuple(suites), self.component, tuple(allowed)
        )


@lru_cache(maxsize=1000)
def _without_name(architectures: Sequence[str], suites: Sequence[str], component: str, allowed: Sequence[str]) -> str:
    values: dict[str, Any] = {
        "architecture": architectures, "suites": suites, "component": component, "source": {"type": "build_script"},
    }  # fmt: skip
    return written_yaml(values | ({"allow": allowed} if allowed else {}))


@dataclass
class OfferedDefinitions:
    """What an adoption brings, by the name of the package."""

    by_name: dict[str, Brought] = field(default_factory=dict)

    def note(self, record: PackageRecord) -> None:
        """Take note of a record that is brought."""
        brought = self.by_name.setdefault(record.package_name, Brought())
        brought.suites.update(record.suites)
        brought.architectures.add(record.architecture)
        brought.components.add(record.component)
        try:
            version = record.version_key
        except InvalidVersion:
            version = ""
        if not brought.component or version > brought.newest:
            brought.newest, brought.component, brought.homepage = version, record.component, record.homepage

    def texts(self, allow: Iterable[str]) -> dict[str, str]:
        """Return the definitions of those that have none, by their names; `allow` is as an adoption's."""
        return {name: self.by_name[name].text(name, allow) for name in sorted(undefined(self.by_name))}

    def in_several_components(self) -> list[str]:
        """Return the packages whose versions lie in several components, sorted: a definition has one."""
        return sorted(name for name, one in self.by_name.items() if len(one.components) > 1)

    def suggested(self, names: Iterable[str]) -> dict[str, str]:
        """Return for packages whose Homepage is a repository of GitHub its OWNER/NAME: a guess of where they come from.

        Whether its releases have these packages is for whoever makes that definition to try.
        """
        found = ((name, _GITHUB.match(self.by_name[name].homepage)) for name in names)
        return {name: match[1].removesuffix(".git") for name, match in found if match is not None}
