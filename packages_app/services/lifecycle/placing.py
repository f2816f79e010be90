"""Versions that lie elsewhere than their definition says, as after a change of its suites: told, moved when asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from packages_app.core.definition import Definition
from packages_app.core.errors import PackageRefused
from packages_app.core.record import PackageRecord, TableKey
from packages_app.core.rights import Action
from packages_app.core.suite_change import SuiteChange, What, changes_of
from packages_app.models import Job, SuiteMembership
from packages_app.services import adapters
from packages_app.services.configuration.definitions import definition_in
from packages_app.services.lifecycle.move import preview_move, request_move
from packages_app.services.lifecycle.preview import Preview
from packages_app.services.lifecycle.shown import check_shown
from packages_app.services.lifecycle.steps import Move, histories_by_version
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import require

_BY_INTAKE = (What.TAKEN_IN, What.ADDED)


@dataclass(frozen=True)
class Placing:
    """What would bring the versions of a package to where its definition says.

    `coming` and `leaving` have the keys of versions by the suites that they would come into and leave. `components`
    counts, by theirs, the versions that lie in another component than the definition's `component`, which stay there.
    """

    name: str
    component: str
    coming: Mapping[str, tuple[TableKey, ...]] = field(default_factory=dict)
    leaving: Mapping[str, tuple[TableKey, ...]] = field(default_factory=dict)
    components: Mapping[str, int] = field(default_factory=dict)

    @property
    def moves(self) -> list[Move]:
        """Return the moves, those into suites first."""
        into = [Move(What.PROMOTED, keys, to=suite) for suite, keys in self.coming.items()]
        return into + [Move(What.WITHDRAWN, keys, (suite,)) for suite, keys in self.leaving.items()]

    def told(self) -> list[str]:
        """Return what it is, a line each; none where all is as the definition says."""
        return [
            *(f"{_count(len(keys))} would come into {suite}" for suite, keys in self.coming.items()),
            *(f"{_count(len(keys))} would leave {suite}" for suite, keys in self.leaving.items()),
            *(
                f"{_count(count)} of component {component} would stay there, as their files below pool/{component}/:"
                f" new ones go to {self.component}, and clients that read {component} alone do not get them"
                for component, count in self.components.items()
            ),
        ]


def plan_placing(definition: Definition) -> Placing:
    """Return what would bring a package's versions to where its definition says; raise the table's errors.

    Those leave a suite that an intake brought there, and that it does not name; what was promoted there, or filled in,
    stays. They come into one that it names and that never had a version of the package: what was withdrawn or retained
    out stays out. Versions that are in no suite stay so.
    """
    records = [one for one in adapters.package_table().versions_of(definition.name) if one.suites]
    histories = histories_by_version(adapters.package_table(), (one.key for one in records)) if records else {}
    had = {suite for changes in histories.values() for one in changes for suite in (*one.before, *one.after)}
    had |= {suite for one in records for suite in one.suites}
    coming: dict[str, list[TableKey]] = defaultdict(list)
    leaving: dict[str, list[TableKey]] = defaultdict(list)
    components: dict[str, int] = defaultdict(int)
    for record in records:
        brought = _by_intake(record, histories[record.package_id])
        named = definition.suites_for(record.build)
        target = {definition.promote.target} if definition.promote is not None else set()
        for suite in sorted(brought - set(named) - target):
            leaving[suite].append(record.key)
        for suite in sorted(set(named) - had) if brought else ():
            coming[suite].append(record.key)
        if record.component != definition.component:
            components[record.component] += 1
    return Placing(
        definition.name, definition.component, {suite: tuple(keys) for suite, keys in sorted(coming.items())},
        {suite: tuple(keys) for suite, keys in sorted(leaving.items())}, dict(sorted(components.items())),
    )  # fmt: skip


def told_of_text(name: str, text: str) -> list[str]:
    """Return what a definition of this text would say of the versions that are there; none for an unsound one."""
    definition, _ = definition_in(name, text)
    return plan_placing(definition).told() if definition is not None else []


def preview_placing(placing: Placing) -> list[Preview]:
    """Return what clients would see of each move; raise as `plan_move`."""
    return [preview_move(move) for move in placing.moves]


def request_placing(
    placing: Placing, shown: Sequence[str] | None, *, user: Asker | None = None, requested_as: str = "",
    wake_worker: bool = True,
) -> list[Job]:  # fmt: skip
    """Ask for the moves, a job each; `shown` is what the previews gave as such to who consents, None for nobody.

    Raise `PackageRefused` where there is nothing to do, and as `request_move`.
    """
    moves = placing.moves
    if not moves:
        raise PackageRefused(f"All of {placing.name} is where its definition says.", remedy="Nothing is to be done.")
    check_shown([digest for one in preview_placing(placing) for digest in one.shown], shown)  # before any is asked for
    require(user, Action.PUBLISH, f"To move the versions of {placing.name}", packages=[placing.name],
            suites=sorted({*placing.coming, *placing.leaving}))  # fmt: skip
    reason = f"the definition of {placing.name} says so"
    return [
        request_move(move, reason, shown=shown, user=user, requested_as=requested_as, wake_worker=wake_worker)
        for move in moves
    ]


def placed_elsewhere() -> list[str]:
    """Return the packages whose versions seem to lie elsewhere than their definitions say, sorted.

    The mirror says where to look, table and histories whether it is so. Raise the table's errors.
    """
    definitions = adapters.definitions().by_name
    there: dict[str, set[str]] = defaultdict(set)
    rows = SuiteMembership.objects.filter(package_name__in=definitions).values_list("package_name", "suite").distinct()
    for name, suite in rows:
        there[name].add(suite)
    differing = (name for name, suites in there.items() if suites != set(definitions[name].every_suite))
    return sorted(name for name in differing if plan_placing(definitions[name]).moves)


def _by_intake(record: PackageRecord, changes: Iterable[SuiteChange]) -> set[str]:
    """Return the suites of a record that an intake brought it into; one older than any history was taken in there."""
    last: dict[str, What] = {}
    for change in changes_of(changes, record.built_for):
        last |= dict.fromkeys((suite for suite in change.after if change.brings_into(suite)), change.what)
    return {suite for suite in record.suites if last.get(suite, What.TAKEN_IN) in _BY_INTAKE}


def _count(versions: int) -> str:
    return f"{versions} version{'s' * (versions != 1)}"
