"""What clients will see of versions that are withdrawn, restored, promoted or rolled out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packages_app.core.record import PackageRecord, TableKey
from packages_app.services import adapters
from packages_app.services.lifecycle.installable import broken_by_steps
from packages_app.services.lifecycle.steps import Step

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
    """

    versions: int
    suites: tuple[str, ...]
    seen: tuple[Seen, ...]
    more: int
    rolled: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()


def preview(steps: Sequence[Step]) -> Preview:
    """Return what clients of each suite will see; the first packages by name are looked at by all their versions."""
    names = sorted({step.record.package_name for step in steps})
    after = {step.record.key: step.suites for step in steps}
    suites = sorted({suite for step in steps for suite in step.touched})
    seen = [one for name in names[:_NAMES] for one in _newest(name, suites, after)]
    rolled = tuple(f"{step.record.named}: {step.rollout}" for step in steps if step.rolled)[:_NAMES]
    order = {suite: number for number, suite in enumerate(suites)}
    seen.sort(key=lambda one: order[one.suite])
    return Preview(len(steps), tuple(suites), tuple(seen), max(0, len(names) - _NAMES), rolled, *broken_by_steps(steps))


def _newest(name: str, suites: Sequence[str], after: dict[TableKey, tuple[str, ...]]) -> Iterator[Seen]:
    before: dict[tuple[str, str], PackageRecord] = {}
    then: dict[tuple[str, str], PackageRecord] = {}
    for record in adapters.package_table().versions_of(name):  # oldest first
        before |= {(suite, record.architecture): record for suite in record.suites}
        then |= {(suite, record.architecture): record for suite in after.get(record.key, record.suites)}
    by_suite: dict[str, set[str]] = defaultdict(set)
    for suite, architecture in before | then:
        by_suite[suite].add(architecture)
    for suite in suites:
        for architecture in sorted(by_suite[suite]):
            old, new = before.get((suite, architecture)), then.get((suite, architecture))
            if old == new:
                continue
            goes_back = old is not None and new is not None and new.version_key < old.version_key
            yield Seen(suite, name, architecture, old.version if old else "", new.version if new else "", goes_back)
