"""A change of the repository's settings: what clients will see of it, what hinders it, and doing it with consent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from packages_app.core.definition import Definitions
from packages_app.core.documents import REPOSITORY, ConfigurationOutdated, Document, difference
from packages_app.core.errors import DefinitionError, PackageRefused
from packages_app.core.layout import ALL
from packages_app.core.record import PackageRecord, TableKey
from packages_app.core.repository import Repository, Suite
from packages_app.core.rights import Action
from packages_app.core.suite_change import What
from packages_app.publishing.root import root_keys
from packages_app.publishing.snapshots import names_of_snapshots
from packages_app.services import adapters
from packages_app.services.configuration.repository_settings import DefaultSuiteStays, settings_now
from packages_app.services.configuration.saved_versions import keep_version, next_version
from packages_app.services.lifecycle.move import MOST, request_move
from packages_app.services.lifecycle.repository_effects import effects_of
from packages_app.services.lifecycle.shown import PreviewOutdated
from packages_app.services.lifecycle.steps import Move
from packages_app.services.publication.requests import request_publications
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import require
from packages_app.services.transactions import in_transaction

_NAMED = 10


class StillUsed(PackageRefused):
    """What is to be retired is used: by packages, definitions or snapshots, which are named."""

    code = "still_used"


class SignedByLocksOut(PackageRefused):
    """None of the keys that clients have is among the fingerprints of `Signed-By`."""

    code = "signed_by_locks_out"


@dataclass(frozen=True)
class Leaving:
    """The packages that a suite would have no place for: their keys, the first ones' names, and those in no other."""

    suite: str
    keys: tuple[TableKey, ...]
    named: tuple[str, ...]
    only_here: int

    @property
    def unnamed(self) -> int:
        """Return how many more there are than are named."""
        return len(self.keys) - len(self.named)


@dataclass(frozen=True)
class RepositoryChange:
    """What a new text of the document would do. `difference` is to the one that it would replace, as lines.

    `seen` is what clients will see, `asked` what apt asks them about first, a sentence each; `publishes` are the suites
    whose publications follow. `digest` is what a consent is checked against.
    """

    text: str
    difference: tuple[str, ...]
    seen: tuple[str, ...]
    asked: tuple[str, ...]
    leaving: tuple[Leaving, ...]
    publishes: tuple[str, ...]
    digest: str


def plan_change(text: str) -> RepositoryChange:
    """Return what the document of this text would do; nothing is changed.

    Raise `DefinitionError`, `DefaultSuiteStays`, `SignedByLocksOut`, `StillUsed` for what definitions or snapshots
    use, and the errors of table and store.
    """
    configuration = adapters.configuration()
    configuration.look()
    repository, faults, definitions = configuration.repository_in(text)
    if repository is None:
        raise DefinitionError("; ".join(map(str, faults)), remedy=faults[0].remedy)
    try:
        before, defined = configuration.repository(), configuration.definitions()
    except DefinitionError:  # the change may be what mends it
        before, defined = repository, definitions
    _check_default(before, repository)
    _check_definitions(before, repository, defined, definitions)
    _check_snapshots(before, repository)
    _check_signed_by(before, repository)
    leaving = tuple(_leaving(before, repository))
    effects = effects_of(before, repository, {one.suite: (len(one.keys), one.only_here) for one in leaving})
    newest = settings_now().newest
    lines = tuple(difference(newest.text if newest else "", text))
    said = "\n".join((text, *lines, *effects.seen, *effects.asked, *(str(one.keys) for one in leaving)))
    digest = hashlib.sha256(said.encode()).hexdigest()[:32]
    return RepositoryChange(text, lines, effects.seen, effects.asked, leaving, effects.publishes, digest)


def save_change(text: str, *, read: int, shown: str, user: Asker, withdraw: bool = False, reason: str = "") -> Document:
    """Keep the document of this text, which was read as version `read`, and ask for the publications that follow.

    `shown` is the digest of what somebody consented to. With `withdraw` packages that would have no place any more are
    withdrawn from their suites for that reason; without it they hinder the change. Raise as `plan_change`,
    `RightMissing`, `ConfigurationOutdated`, `PreviewOutdated`, and `PackageRefused` for a withdrawal without a reason;
    nothing has changed then.
    """
    require(user, Action.ADMINISTER, "Changing the repository's settings")
    document = next_version(REPOSITORY, text, read=read, who=user.get_username())
    current = adapters.documents().document(REPOSITORY)
    if current is not None and current != document and current.version >= document.version:
        raise ConfigurationOutdated(REPOSITORY, read, current)
    change = plan_change(text)
    if change.digest != shown:
        raise PreviewOutdated("What would change is not what was shown.", remedy="Look at what is shown now.")
    if change.leaving and not withdraw:
        raise _in_use(change.leaving)

    def write() -> None:
        for one in change.leaving:
            request_move(Move(What.WITHDRAWN, one.keys, (one.suite,)), reason, user=user)
        # Last, so that nothing is withdrawn where another was faster. Workers are told after the commit.
        adapters.documents().put(document)

    in_transaction(write)
    keep_version(document)
    request_publications(change.publishes)
    return document


def _check_default(before: Repository, after: Repository) -> None:
    if after.suite(before.default_suite.name) is None:
        raise DefaultSuiteStays(
            f"{before.default_suite.name} is the default suite, and would be gone.",
            remedy="Keep it: packages go there when nothing else is said.",
        )


def _check_definitions(before: Repository, after: Repository, now: Definitions, then: Definitions) -> None:
    """Raise `StillUsed` for definitions that would be faulty, or bring files that a suite had no place for."""
    known = {(problem.file, problem.field, problem.message) for problem in now.problems}
    faulty = {problem.file: problem.message for problem in then.problems
              if (problem.file, problem.field, problem.message) not in known}  # fmt: skip
    for suite in after.suites:
        was = before.suite(suite.name)
        gone = set(was.architectures) - set(suite.architectures) if was else set()
        for definition in then.by_name.values():
            if suite.name in definition.every_suite and (lost := sorted(gone & set(definition.architectures))):
                faulty[definition.file] = f"It brings files for {', '.join(lost)} into {suite.name}."
    if faulty:
        said = "; ".join(f"{file} ({why.rstrip('.')})" for file, why in sorted(faulty.items())[:_NAMED])
        more = ", …" if len(faulty) > _NAMED else ""
        raise StillUsed(f"Definitions use what would go: {said}{more}.", remedy="Change these definitions first.")


def _check_snapshots(before: Repository, after: Repository) -> None:
    for suite in _retired(before, after):
        if names := list(names_of_snapshots(adapters.bucket(), suite.name)):
            raise StillUsed(
                f"Suite {suite.name} has {len(names)} snapshots, which clients may pin: {', '.join(names[:_NAMED])}.",
                remedy="Delete them first, once no client pins them (Publications, Snapshots).",
            )


def _check_signed_by(before: Repository, after: Repository) -> None:
    known = root_keys(adapters.bucket(), before)
    for suite in after.suites:
        said, was = suite.fields.signed_by, before.suite(suite.name)
        if not said or not known or (was is not None and was.fields.signed_by == said):
            continue
        if not {one.rstrip("!") for one in said} & {*known, *known.values()}:
            raise SignedByLocksOut(
                f"Signed-By of suite {suite.name} names none of the keys that clients have: they would take this"
                " Release and refuse the next one, until their lists are deleted.",
                remedy=f"Name {', '.join(sorted(set(known.values())))} beside those that follow it.",
            )


def _retired(before: Repository, after: Repository) -> list[Suite]:
    return [suite for suite in before.suites if after.suite(suite.name) is None]


def _leaving(before: Repository, after: Repository) -> Iterator[Leaving]:
    """Yield for each suite that gets smaller the packages that it would have no place for, by the table."""
    table = adapters.package_table()
    for was in before.suites:
        suite = after.suite(was.name)
        if suite is not None and _holds(suite, was):
            continue
        found = sorted(_without_place(suite, table.records_of(was.name)), key=lambda one: one.key)
        if len(found) > MOST:
            raise StillUsed(
                f"{len(found)} packages of suite {was.name} would have no place any more.",
                remedy=f"Withdraw them in parts first: a change takes out {MOST} at most.",
            )
        if found:
            only = sum(one.suites == (was.name,) for one in found)
            yield Leaving(was.name, tuple(one.key for one in found), tuple(one.named for one in found[:_NAMED]), only)


def _holds(suite: Suite, was: Suite) -> bool:
    return set(was.components) <= set(suite.components) and set(was.architectures) <= set(suite.architectures)


def _without_place(suite: Suite | None, records: Iterable[PackageRecord]) -> Iterator[PackageRecord]:
    for record in records:
        if (
            suite is None
            or record.component not in suite.components
            or record.architecture not in (ALL, *suite.architectures)
        ):
            yield record


def _in_use(leaving: tuple[Leaving, ...]) -> StillUsed:
    said = "; ".join(f"{len(one.keys)} of suite {one.suite}: {', '.join(one.named)}" for one in leaving)
    return StillUsed(
        f"Packages would have no place any more: {said}.",
        remedy="Withdraw them with this change, saying why; or promote them to another suite first.",
    )
