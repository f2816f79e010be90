"""Builds: several files of one version and architecture, such as one for each distribution, told apart by a label.

The label is a part of a record's key and of its pool path. A suite never gets two of them: what clients of a suite have
of a version is one file, for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from packages_app.core.errors import PackageRefused
from packages_app.core.moving import NewSuites
from packages_app.core.ports import PackageTable
from packages_app.core.record import PackageRecord, architecture_and_build
from packages_app.core.suite_change import SuiteChange
from packages_app.core.yaml_reader import YamlReader

LONGEST_BUILD = 40
"""Characters."""
_LABEL = re.compile(rf"[a-z0-9][a-z0-9.+-]{{0,{LONGEST_BUILD - 1}}}\Z")
_LABEL_REMEDY = f"Use a-z, 0-9, dot, hyphen and plus, a letter or digit first, at most {LONGEST_BUILD} characters."
_LONGEST_PATTERN = 200


class OtherBuild(PackageRefused):
    """A build is to come into a suite that has, or had, another build of the same version and architecture."""

    code = "other_build"


@dataclass(frozen=True)
class Build:
    """One build of a package, as its definition says it.

    `files` is a pattern (fnmatch) of the names of its files; `suites` are those that they go to.
    """

    label: str
    files: str
    suites: tuple[str, ...]


def check_build(label: str) -> None:
    """Raise `PackageRefused` for what can be no build's label; it reaches keys, paths and pages."""
    if not is_build(label):
        raise PackageRefused(f"{label[:80]!r} is no label of a build.", remedy=_LABEL_REMEDY)


def is_build(label: str) -> bool:
    """Return whether a text may be a build's label."""
    return _LABEL.match(label) is not None and ".." not in label


def read_builds(reader: YamlReader, suites: Sequence[str], known: Sequence[str]) -> tuple[Build, ...]:
    """Return the builds of a definition whose own suites are `suites`; `known` are those of the repository.

    A build that is written as a pattern alone goes to the suite of its label, where there is one, else to the
    definition's. That a suite is given two builds is a problem.
    """
    builds: list[Build] = []
    mapping = reader.mapping("builds", required=False)
    for label in mapping.values:
        if not is_build(label):
            mapping.problem(label, f"{label[:80]!r} is no label of a build.", _LABEL_REMEDY)
            mapping.text(label)
            continue
        usual = (label,) if label in known else tuple(suites)
        if isinstance(mapping.values[label], str):
            build = Build(label, mapping.text(label), usual)
        else:
            one = mapping.mapping(label)
            build = Build(label, one.text("files"), one.texts("suites", required=False, default=usual))
            one.finish()
        _check(mapping, build, builds, known)
        builds.append(build)
    mapping.finish()
    return tuple(builds)


def _check(mapping: YamlReader, build: Build, others: Iterable[Build], known: Sequence[str]) -> None:
    if len(build.files) > _LONGEST_PATTERN or "/" in build.files:
        mapping.problem(
            build.label, f"{build.files[:80]!r} is no pattern of file names.", "Write it like *_noble_*.deb."
        )
    for name in build.suites:
        if name not in known:
            mapping.problem(build.label, f"{name} is no suite of repository.yaml.", f"Use one of: {', '.join(known)}.")
    for other in others:
        if both := sorted(set(build.suites) & set(other.suites)):
            mapping.problem(
                build.label,
                f"Suite {both[0]} would get two builds of a version, {other.label} and {build.label}.",
                "Say which suites each build goes to: {files: PATTERN, suites: [SUITE]}.",
            )


def build_of_file(builds: Iterable[Build], filename: str) -> str:
    """Return the label of the first build whose pattern a file's name fits, "" where none does."""
    name = filename.rpartition("/")[2]
    return next((build.label for build in builds if fnmatchcase(name, build.files)), "")


def suites_of_build(builds: Iterable[Build], label: str, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    """Return the suites that a build goes to; `otherwise` for one that is not named, and for none."""
    return next((build.suites for build in builds if build.label == label), otherwise)


def suites_of_others(
    record: PackageRecord, changes: Iterable[SuiteChange], others: Iterable[PackageRecord] = ()
) -> dict[str, str]:
    """Return the suites that other builds of a record's version and architecture are or were in, with what they are.

    `changes` are the version's history, `others` records of the version, which may be older than any history.
    """
    found: dict[str, str] = {}
    for change in changes:
        if _is_another(record, change.architecture):
            found |= dict.fromkeys((*change.before, *change.after), change.architecture)
    for other in others:
        if _is_another(record, other.built_for):
            found |= dict.fromkeys(other.suites, other.built_for)
    return found


def taken_by_others(table: PackageTable, record: PackageRecord, changes: Iterable[SuiteChange]) -> dict[str, str]:
    """Return what `suites_of_others` does by a version's history and by its record without a build.

    Others are all in the history; that one may be older than any.
    """
    plain = table.get(record.package_name, record.version, record.architecture)
    return suites_of_others(record, changes, [plain] if plain is not None else [])


def check_one_build(record: PackageRecord, suites: Iterable[str], others: dict[str, str]) -> None:
    """Raise `OtherBuild` where one of the suites is among those that `suites_of_others` gave."""
    for suite in sorted(suites):
        if suite in others:
            raise other_build(record, suite, others[suite])


def check_apart(moves: Iterable[NewSuites]) -> None:
    """Raise `OtherBuild` where two of some moves would bring builds of one version and architecture into a suite."""
    taken: dict[tuple[str, str, str], PackageRecord] = {}
    for move in moves:
        for suite in sorted(move.coming):
            other = taken.setdefault((move.record.package_id, move.record.architecture, suite), move.record)
            if other.key != move.record.key:
                raise other_build(move.record, suite, other.built_for)


def other_build(record: PackageRecord, suite: str, there: str = "") -> OtherBuild:
    """Return the error of a build that is to come into a suite that is another's; `there` says which."""
    named = f", as {there}" if there else ""
    return OtherBuild(
        f"{record.named} can't come into suite {suite}, which has or had another build of it{named}: what clients of a"
        " suite get of a version never changes.",
        remedy="Put it into a suite of its own, or give it a version of its own.",
    )


def _is_another(record: PackageRecord, place: str) -> bool:
    return place != record.built_for and architecture_and_build(place)[0] == record.architecture
