"""A staged roll-out: to which part of its clients a suite gives a version, and when to more of them.

It is kept with the version's record, so that the table alone tells which percentage each suite shows. apt (2.1.16 and
newer) reads it as `Phased-Update-Percentage`: a machine draws a number of its own for each source and version, so that
none that was given a version loses it by a higher percentage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from packages_app.core.errors import PackageRefused
from packages_app.core.other_fields import keeping, kept_in
from packages_app.core.record import PackageRecord

FIELD = "Phased-Update-Percentage"
"""How a stanza says it; one without it is for all."""
ALL_CLIENTS = 100
STOPPED = 0
MOST_STEPS = 60
_KEPT_AS = "rollouts"
KEPT_MARK = f'"{_KEPT_AS}":'
"""What the `other_fields` of each record with a roll-out hold."""
_A_STEP = timedelta(days=1)


@dataclass(frozen=True)
class Rollout:
    """How far a version is rolled out in a suite.

    `percent` is what the suite shows, 0 to 100. `steps` are the percentages, one a day, the last for good; `since` is
    when the first began, ISO 8601 in UTC. Raise `ValueError` for others.
    """

    percent: int
    steps: tuple[int, ...]
    since: str

    def __post_init__(self) -> None:
        if not self.steps or datetime.fromisoformat(self.since).tzinfo is None:
            raise ValueError(f"{self.steps} since {self.since} is no roll-out")

    def percent_at(self, now: datetime) -> int:
        """Return what its steps say for a moment."""
        days = (now - datetime.fromisoformat(self.since)) // _A_STEP
        return self.steps[min(max(days, 0), len(self.steps) - 1)]

    def at(self, now: datetime) -> Rollout:
        """Return it as its steps say for a moment."""
        return Rollout(self.percent_at(now), self.steps, self.since)


def same_way(one: Rollout | None, other: Rollout | None) -> bool:
    """Return whether two roll-outs take the same steps and are at the same one, whenever they began."""
    if one is None or other is None:
        return one is other
    return (one.percent, one.steps) == (other.percent, other.steps)


def begun(steps: Sequence[int], now: datetime) -> Rollout:
    """Return a roll-out at its first step; raise `PackageRefused` as `check_steps` does."""
    check_steps(steps)
    return Rollout(steps[0], tuple(steps), now.astimezone(UTC).isoformat(timespec="seconds"))


def check_steps(steps: Sequence[int]) -> None:
    """Raise `PackageRefused` for what can't be the steps of a roll-out; one step stands for good, 0 stops it."""
    growing = list(steps) == sorted(set(steps))
    if not steps or len(steps) > MOST_STEPS or not growing or not STOPPED <= steps[0] <= steps[-1] <= ALL_CLIENTS:
        raise PackageRefused(
            f"A roll-out can't have the steps {', '.join(map(str, steps[:MOST_STEPS])) or '(none)'}.",
            remedy=f"Give percentages that grow, each 0 to {ALL_CLIENTS}, such as 10,25,50,100: at most {MOST_STEPS}.",
        )


def steps_in(text: str) -> tuple[int, ...]:
    """Return the steps that a person wrote, separated by commas or blanks, () for none; raise as `check_steps`."""
    words = text.replace(",", " ").replace("%", " ").split()
    steps = tuple(int(word) if word.isascii() and word.isdigit() and len(word) < 4 else -1 for word in words)
    if steps:
        check_steps(steps)
    return steps


def rollouts_of(record: PackageRecord) -> dict[str, Rollout]:
    """Return a record's roll-outs by suite; of a suite that is not among them all clients are given the version."""
    if KEPT_MARK not in record.other_fields:  # nearly every record
        return {}
    try:
        return msgspec.convert(kept_in(record).get(_KEPT_AS, {}), dict[str, Rollout])
    except msgspec.ValidationError:  # what an older table said besides
        return {}


def with_rollouts(record: PackageRecord, rollouts: Mapping[str, Rollout]) -> PackageRecord:
    """Return the record with just these roll-outs, by suite; one that has come to all clients is over.

    It is kept only to take the place of a percentage that the package's own control paragraph says.
    """
    says_one = f"\n{FIELD.lower()}:" in f"\n{record.control.lower()}"
    left = {suite: one for suite, one in sorted(rollouts.items()) if says_one or one.percent < ALL_CLIENTS}
    return keeping(record, _KEPT_AS, {suite: asdict(one) for suite, one in left.items()})


def percentage_in(record: PackageRecord, suite: str) -> int | None:
    """Return what a suite shows of a record's roll-out, 0 to 100; None where there is none."""
    rollout = rollouts_of(record).get(suite)
    return rollout.percent if rollout is not None else None


def told(suite: str, before: Rollout | None, after: Rollout | None, *, is_new: bool = False) -> str:
    """Return a change of a roll-out for people, such as `stable 10 % → 25 %`, of what is new there `stable 10 %`."""
    return f"{suite} {_percent(after)}" if is_new else f"{suite} {_percent(before)} → {_percent(after)}"


def _percent(rollout: Rollout | None) -> str:
    return f"{rollout.percent if rollout is not None else ALL_CLIENTS} %"
