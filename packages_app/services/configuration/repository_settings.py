"""The repository's settings as they are: what a file says, what the table keeps beside it, and which counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packages_app.core.documents import REPOSITORY, Document, SetByFile
from packages_app.core.errors import PackageRefused
from packages_app.core.file_over_document import SUITES
from packages_app.core.yaml_reader import plain, reader_of_text
from packages_app.services import adapters


class SuiteExists(PackageRefused):
    """A suite is to be added that is there."""

    code = "suite_exists"


class DefaultSuiteStays(PackageRefused):
    """The default suite, which packages go to when nothing else is said, is to be retired."""

    code = "default_suite"


@dataclass(frozen=True)
class RepositorySettings:
    """`document` is what the table keeps, `of_file` what repository.yaml says, each {} for nothing.

    `newest` is the newest version of the document, None where there never was any; `is_file` says whether there is a
    repository.yaml.
    """

    document: Mapping[str, Any]
    of_file: Mapping[str, Any]
    newest: Document | None
    is_file: bool

    @property
    def version(self) -> int:
        """The version that a change is made of; 0 for none."""
        return self.newest.version if self.newest is not None else 0

    @property
    def suites_of_document(self) -> Sequence[Mapping[str, Any]]:
        """What the document says of suites."""
        return _suites(self.document)

    @property
    def suite_names(self) -> list[str]:
        """The names of all suites, the file's first."""
        return list(dict.fromkeys(suite.get("name", "") for each in (self.of_file, self.document)
                                  for suite in _suites(each)))  # fmt: skip

    def suite_of_file(self, name: str) -> Mapping[str, Any]:
        """Return what the file says of a suite; {} for nothing."""
        return next((suite for suite in _suites(self.of_file) if suite.get("name") == name), {})

    def suite_of_document(self, name: str) -> Mapping[str, Any]:
        """Return what the document says of a suite; {} for nothing."""
        return next((suite for suite in self.suites_of_document if suite.get("name") == name), {})

    def require_retirable(self, name: str) -> None:
        """Raise `PackageRefused` for a suite that is not there, `DefaultSuiteStays`, and `SetByFile`."""
        if name not in self.suite_names:
            raise PackageRefused(f"There is no suite {name}.", remedy=f"Name one of: {', '.join(self.suite_names)}.")
        if name == self.suite_names[0]:
            raise DefaultSuiteStays(
                f"{name} is the default suite: packages go there when nothing else is said.",
                remedy="Retire another; or let another suite be the first of repository.yaml, and then retire it.",
            )
        if self.suite_of_file(name):
            raise SetByFile(
                f"The suite {name} is set by repository.yaml, which counts before the table.",
                remedy="Take it out of that file.",
            )


def settings_now() -> RepositorySettings:
    """Return the settings as they are in the table and in the file now; what can't be read there is {}."""
    newest = adapters.documents().document(REPOSITORY)
    of_file = adapters.configuration().repository_parts()[0]
    document = plain(reader_of_text(REPOSITORY, newest.text).values) if newest and not newest.removed else {}
    return RepositorySettings(document, plain(of_file.values) if of_file else {}, newest, of_file is not None)


def _suites(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    suites = values.get(SUITES)
    return [one for one in suites if isinstance(one, dict)] if isinstance(suites, list) else []
