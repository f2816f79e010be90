"""What clients will see of versions that are withdrawn, restored, promoted or rolled out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from packages_app.core.record import PackageRecord, TableKey
from packages_app.models import SuiteMembership
from packages_app.services import adapters
from packages_app.services.lifecycle.installable import broken_by_steps
from packages_app.services.lifecycle.shown import digests_of
from packages_app.services.lifecycle.steps import Step

_Newest = dict[tuple[str, str], PackageRecord]
_NAMES = 50
"""So many packages are looked at by all their versions."""


@dataclass(frozen=True)
class Seen:
    """The newest version of a package in a suite for an architecture, before and after; "" for none."""

    suite: str
    name: str
    architecture: str
    before: str
    after: str
    goes_back: bool

    @property
    def pin(self) -> str:
        """Return what takes a client that has the newer version back to the older: apt_preferences(5).

        A priority of 1000 or more lets apt downgrade.
        """
        return f"Package: {self.name}\nPin: version {self.after}\nPin-Priority: 1001\n" if self.goes_back else ""

    def __str__(self) -> str:
        change = f"{self.before or 'none'} → {self.after or 'none'}"
        return f"{self.suite}: {self.name} {self.architecture}: {change}"


@dataclass(frozen=True)
class Preview:
    """What becomes another newest version, how many versions change, and how many packages were not looked at.

    `rolled` are the first versions of which other parts of the clients are given an upgrade, a line each,
    `broken` packages that could be installed and could not be any more, `unasked` why that is not known of a suite.
    `older` are versions that come into a suite which has a newer one, `emptied` the suites in which nothing is left,
    `named` the first of the versions that change, and `shown` the digests of what changes by suite, which a consent is
    checked against.
    """

    versions: int
    suites: tuple[str, ...]
    seen: tuple[Seen, ...]
    more: int
    rolled: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
    older: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()

    @property
    def pins(self) -> tuple[Seen, ...]:
        """Return the changes that need a pin, those first that come first of equal pins."""
        return tuple({seen.pin: seen for seen in reversed(self.seen) if seen.pin}.values())[::-1]

    @property
    def unnamed(self) -> int:
        """Return how many more versions change than are named."""
        return self.versions - len(self.named)


def preview(steps: Sequence[Step]) -> Preview:
    """Return what clients of each suite will see; the first packages by name are looked at by all their versions."""
    seen, older = _seen(steps)
    broken, unasked = broken_by_steps(steps)
    return Preview(
        len(steps), _suites(steps), seen, max(0, len(_names(steps)) - _NAMES),
        rolled=tuple(f"{step.record.named}: {step.rollout}" for step in steps if step.rolled)[:_NAMES],
        broken=broken, unasked=unasked, older=older, emptied=tuple(_emptied(steps)),
        named=tuple(step.record.named for step in steps)[:_NAMES], shown=_shown(steps, seen),
    )  # fmt: skip


def shown_of(steps: Sequence[Step]) -> tuple[str, ...]:
    """Return what `preview` gives as `shown`."""
    return _shown(steps, _seen(steps)[0])


def _shown(steps: Sequence[Step], seen: Sequence[Seen]) -> tuple[str, ...]:
    changes = [(suite, f"{step.record.named} {suite in step.suites} {step.rollout}")
               for step in steps for suite in step.touched]  # fmt: skip
    return digests_of([*changes, *((one.suite, str(one)) for one in seen)])


def _suites(steps: Sequence[Step]) -> tuple[str, ...]:
    return tuple(sorted({suite for step in steps for suite in step.touched}))


def _names(steps: Sequence[Step]) -> list[str]:
    return sorted({step.record.package_name for step in steps})


def _seen(steps: Sequence[Step]) -> tuple[tuple[Seen, ...], tuple[str, ...]]:
    """Return what becomes another newest version, by suite, and what comes beside a newer one, a line each."""
    suites = _suites(steps)
    seen: list[Seen] = []
    older: list[str] = []
    for name in _names(steps)[:_NAMES]:
        some = [step for step in steps if step.record.package_name == name]
        after = {step.record.key: step.suites for step in some}
        newest = _newest(name, after)
        seen += _changes(name, suites, *newest)
        older += _older(some, newest[0])
    order = {suite: number for number, suite in enumerate(suites)}
    return tuple(sorted(seen, key=lambda one: order[one.suite])), tuple(older)


def _newest(name: str, after: Mapping[TableKey, tuple[str, ...]]) -> tuple[_Newest, _Newest]:
    """Return the newest version of a name by suite and architecture, before and after."""
    before: _Newest = {}
    then: _Newest = {}
    for record in adapters.package_table().versions_of(name):  # oldest first
        before |= {(suite, record.architecture): record for suite in record.suites}
        then |= {(suite, record.architecture): record for suite in after.get(record.key, record.suites)}
    return before, then


def _changes(name: str, suites: Sequence[str], before: _Newest, then: _Newest) -> Iterator[Seen]:
    for suite, architecture in sorted(before | then):
        old, new = before.get((suite, architecture)), then.get((suite, architecture))
        if suite not in suites or old == new:
            continue
        goes_back = old is not None and new is not None and new.version_key < old.version_key
        yield Seen(suite, name, architecture, old.version if old else "", new.version if new else "", goes_back)


def _older(steps: Sequence[Step], before: _Newest) -> Iterator[str]:
    for step in steps:
        record = step.record
        for suite in sorted(set(step.suites) - set(record.suites)):
            newest = before.get((suite, record.architecture))
            if newest is not None and newest.version_key > record.version_key:
                yield f"{suite}: {record.named} is older than {newest.version}, which clients go on getting"


def _emptied(steps: Sequence[Step]) -> Iterator[str]:
    """Return the suites that have as many versions as leave them, by the mirror, and none that comes."""
    for suite in _suites(steps):
        leaving = sum(suite in step.record.suites and suite not in step.suites for step in steps)
        coming = any(suite in step.suites and suite not in step.record.suites for step in steps)
        if leaving and not coming and SuiteMembership.objects.filter(suite=suite).count() <= leaving:
            yield suite
