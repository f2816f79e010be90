"""How repository.yaml and the document of the table that stands beside it make one (decision 0009).

A setting of the file counts before the document's, each by itself. Suites, and the components and architectures of a
suite, are sums: what the file lists stays in its place, and the document adds to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packages_app.core.yaml_reader import YamlReader, are_mappings, over, reader_of_mapping

SUITES = "suites"
SUMS = ("components", "architectures")
"""The settings of a suite to which a document adds."""


def file_over_document(of_file: YamlReader, document: YamlReader) -> YamlReader:
    """Return a reader of both; one of them that could not be read is returned as it is, the file's first."""
    _check_suites(document)
    if of_file.problems or document.problems:
        return of_file if of_file.problems else document
    both = over(of_file.values, document.values, document.file)
    theirs, ours = of_file.values.get(SUITES, []), document.values.get(SUITES, [])
    if are_mappings(theirs) and theirs:
        both[SUITES] = _suites(theirs, ours, document.file)
    return reader_of_mapping(of_file.file, both)


def _check_suites(document: YamlReader) -> None:
    """Note suites that say not which of the file's they are, or that they are another."""
    suites = document.values.get(SUITES, [])
    if not are_mappings(suites) or not all(isinstance(suite.get("name"), str) for suite in suites):
        document.problem(SUITES, "They are not all suites with a name.", "Write each of suites as `- name: …`.")


def listed(value: Any) -> list[Any]:
    """Return what a setting lists: one text stands for a list of one."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, str) else []


def _suites(theirs: list[Any], ours: list[Any], file: str) -> list[Any]:
    """Return the suites of the file, each with what the document adds, and then those of the document alone."""
    added = {suite.get("name"): suite for suite in ours}
    known = [suite.get("name") for suite in theirs]
    both = [_suite(suite, added[name], file) if name in added else suite
            for suite, name in zip(theirs, known, strict=True)]  # fmt: skip
    return [*both, *(over(None, suite, file) for suite in ours if suite.get("name") not in known)]


def _suite(suite: Mapping[str, Any], added: Mapping[str, Any], file: str) -> Any:
    both = over(suite, added, file)
    for name in SUMS:
        there, more = listed(suite.get(name)), listed(added.get(name))
        if there and more:
            both[name] = [*there, *(one for one in more if one not in there)]
    return both
