"""The rows of the bench: what was to be reached, what ours and the others took, and whether it was reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Goal:
    """A limit in the row's unit: the most that ours may be, or the least."""

    limit: float
    at_least: bool = False

    def met_by(self, value: float) -> bool:
        """Say whether a value keeps to the limit."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Row:
    """One line of the table. `goal` None: for information. `ours` None: could not be measured, `detail` says why.

    `peers` holds what others took of the same, in the same unit, less being better.
    """

    figure: str
    unit: str
    ours: float | None
    goal: Goal | None = None
    peers: Mapping[str, float] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """How many times ours the best of the others took; None where there is nobody to compare with."""
        return min(self.peers.values()) / self.ours if self.peers and self.ours else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none. What could not be measured is not met."""
        if self.goal is None:
            return None
        return self.ours is not None and self.goal.met_by(self.ours)

    def as_dict(self) -> dict[str, Any]:
        """Give plain values; `goal` is the limit and `goal_is` on which side of it ours is to be."""
        side = {None: "information", False: "at most", True: "at least"}
        return {
            "figure": self.figure,
            "unit": self.unit,
            "goal": self.goal.limit if self.goal else None,
            "goal_is": side[self.goal.at_least if self.goal else None],
            "ours": self.ours,
            "peers": dict(self.peers),
            "ratio": self.ratio,
            "met": self.met,
            "detail": dict(self.detail),
        }
