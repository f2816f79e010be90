"""Which versions of a suite a retention policy takes out, and why the others stay: a pure function of what is there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from packages_app.core.policies import RetentionPolicy
from packages_app.core.record import TableKey, architecture_and_build

Exact = tuple[str, str]
"""A package's name, and the key of one version of it (`core.version.version_key`)."""

NO_POLICY = "without a policy"
NOT_SHOWN = "in no index"
NEWEST = "among the newest"
YOUNG = "too young"
ELSEWHERE = "in another suite"
DEPENDED = "depended upon with ="
"""Why a version stays; what protects it otherwise has a reason of its own."""


@dataclass(frozen=True)
class Held:
    """One version that a suite has. `taken_in` is None where it is not known; `size` in bytes.

    `shown` says whether clients get it: a record that no index carries is none of the newest. `needs` are the versions
    that it depends upon with `=`, `gives` those that it is, by its name and by what it provides.
    """

    key: TableKey
    name: str
    version_key: str
    taken_in: datetime | None
    size: int
    suites: tuple[str, ...]
    shown: bool = True
    needs: tuple[Exact, ...] = ()
    gives: tuple[Exact, ...] = ()


@dataclass(frozen=True)
class Retained:
    """What goes, by name and oldest first, and how many versions stay for which reason."""

    going: tuple[Held, ...]
    stays: Mapping[str, int]


def retained(
    versions: Iterable[Held],
    policy_of: Callable[[str], RetentionPolicy | None],
    now: datetime,
    protected: Callable[[Collection[Held]], Mapping[TableKey, str]],
) -> Retained:
    """Return what a suite's versions come to.

    `policy_of` gives the policy for a name, None where all of it stays. `protected` is asked once which of those that
    would go are kept for another reason, and for which.
    """
    there = list(versions)
    reasons = dict(_reasons(there, policy_of, now))
    going = [one for one in there if one.key not in reasons]
    reasons |= protected(going) if going else {}
    reasons |= dict.fromkeys(_depended(there, reasons), DEPENDED)
    gone = [one for one in going if one.key not in reasons]
    gone.sort(key=lambda one: (one.name, one.version_key, one.key))
    return Retained(tuple(gone), dict(sorted(Counter(reasons.values()).items())))


def _reasons(
    versions: Iterable[Held], policy_of: Callable[[str], RetentionPolicy | None], now: datetime
) -> Iterator[tuple[TableKey, str]]:
    """Yield why versions stay by their policy alone."""
    places: dict[tuple[str, str], list[Held]] = defaultdict(list)
    for one in versions:
        places[one.name, architecture_and_build(one.key[1])[0]].append(one)
    for (name, _), those in places.items():
        policy = policy_of(name)
        those.sort(key=lambda one: (one.version_key, one.key), reverse=True)
        left = policy.newest if policy else 0
        for one in those:
            if reason := _reason(one, policy, now, newest=left > 0):
                yield one.key, reason
            left -= one.shown


def _reason(one: Held, policy: RetentionPolicy | None, now: datetime, *, newest: bool) -> str:
    if policy is None:
        return NO_POLICY
    if not one.shown:
        return NOT_SHOWN
    if newest:
        return NEWEST
    if policy.age and (one.taken_in is None or now - one.taken_in < policy.age):
        return YOUNG
    return ELSEWHERE if policy.in_other_suites and len(one.suites) > 1 else ""


def _depended(versions: Iterable[Held], kept: Mapping[TableKey, str]) -> set[TableKey]:
    """Return the keys of those versions not kept that one which is kept needs, or one which is kept for that."""
    there = list(versions)
    givers: dict[Exact, list[Held]] = defaultdict(list)
    for one in there:
        if one.key not in kept:
            for exact in one.gives:
                givers[exact].append(one)
    found: set[TableKey] = set()
    looking = [one for one in there if one.key in kept and one.needs] if givers else []
    while looking:
        needed = [one for exact in looking.pop().needs for one in givers.get(exact, ()) if one.key not in found]
        found |= {one.key for one in needed}
        looking += [one for one in needed if one.needs]
    return found
