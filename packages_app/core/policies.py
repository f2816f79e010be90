"""Policies for versions between their suites: how long a suite keeps them, and which one they come into by themselves.

`retain` stands in a suite of repository.yaml or in a definition, whose own counts for its package; `promote` in a
definition.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from packages_app.core.yaml_reader import MOST_DAYS, YamlReader

HELD, CONFLICT = "held", "conflict"
HINDRANCES = (HELD, CONFLICT)
"""What a promotion may wait for: the suite that it comes from has a held candidate, the package an open conflict."""


@dataclass(frozen=True)
class RetentionPolicy:
    """What a suite keeps of a name and architecture: its newest versions, and those younger than `age`.

    With `in_other_suites` what another suite has stays, too.
    """

    newest: int = 1
    age: timedelta = timedelta(0)
    in_other_suites: bool = False

    def __str__(self) -> str:
        number = f" {self.newest}" if self.newest > 1 else ""
        young = f", those younger than {self.age.days} days" if self.age else ""
        elsewhere = ", those in another suite" if self.in_other_suites else ""
        return f"kept are the newest{number} of a name and architecture{young}{elsewhere}"


@dataclass(frozen=True)
class PromotionPolicy:
    """Which versions come from one suite into another by themselves: those that were there for `after`.

    `unless` names what keeps them where they are (`HINDRANCES`).
    """

    source: str
    target: str
    after: timedelta
    unless: tuple[str, ...] = HINDRANCES


def read_retention(reader: YamlReader) -> RetentionPolicy | None:
    """Take `retain` of a suite or definition, noting what is wrong with it; None where it does not stand there."""
    if "retain" not in reader.values:
        return None
    mapping = reader.mapping("retain")
    policy = RetentionPolicy(
        newest=mapping.number("newest", default=1, least=1),
        age=_days(mapping, "days"),
        in_other_suites=bool(mapping.flag("in_other_suites", default=False)),
    )
    if not {"newest", "days"} & set(mapping.values):
        reader.problem("retain", "It says neither newest nor days.", "Write it like retain: {newest: 5, days: 90}.")
    mapping.finish()
    return policy


def read_promotion(reader: YamlReader, suites: Collection[str], configured: Collection[str]) -> PromotionPolicy | None:
    """Take `promote` of a definition whose packages come into `suites`; None where it does not stand there.

    `configured` are the names of all suites.
    """
    if "promote" not in reader.values:
        return None
    mapping = reader.mapping("promote")
    policy = PromotionPolicy(
        source=mapping.text("from"),
        target=mapping.text("to"),
        after=_days(mapping, "after_days"),
        unless=mapping.texts("unless", required=False, default=HINDRANCES),
    )
    for name, suite in (("from", policy.source), ("to", policy.target)):
        if suite and suite not in configured:
            known = ", ".join(configured)
            mapping.problem(name, f"{suite} is no suite of repository.yaml.", f"Use one of: {known}.")
    if policy.source and policy.source not in suites:
        mapping.problem("from", f"This package does not come into {policy.source}.", "Name one of its suites.")
    if policy.target and policy.target in suites:
        mapping.problem("to", f"This package comes into {policy.target} at once.", "Take it out of suites, or promote.")
    for one in policy.unless:
        if one not in HINDRANCES:
            mapping.problem("unless", f"{one!r} is nothing to wait for.", f"Use some of: {', '.join(HINDRANCES)}.")
    mapping.finish()
    return policy


def _days(mapping: YamlReader, name: str) -> timedelta:
    return timedelta(days=mapping.number(name, default=0, most=MOST_DAYS))
