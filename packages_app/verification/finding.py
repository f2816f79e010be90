"""What a verification finds: findings, each with a stable code, the object, a sentence, and how it is cured."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from packages_app.core.record import TableKey


class Cure(StrEnum):
    """What heals a finding; the value is what people read."""

    NONE = "not by a repair"
    PUBLISH = "publish the suite again"
    DROP = "remove the wrong object, then publish the suite again"
    RESTORE = "bring the record's bytes back"
    SET_ASIDE = "move the object to staging"
    RECONCILE = "reconcile the mirror"


class Part(StrEnum):
    """What a verification looks at: suites, each as clients see it; or the pool, with mirror, orphans and strays."""

    ALL = "all"
    SUITES = "suites"
    POOL = "pool"


class PoolScope(StrEnum):
    """How much of the pool is read and hashed; that its files are there, and how large, is always looked at."""

    SAMPLE = "sample"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    `where` is the object's key, or what else has the finding (`mirror: name#version architecture`). `suite` is the one
    whose publication it belongs to, "" where it belongs to none; `record` is the key of the one whose file it is.
    """

    code: str
    where: str
    text: str
    repair: Cure
    suite: str = ""
    record: TableKey | None = None

    def __str__(self) -> str:
        return f"{self.code} {self.where}: {self.text} Repair: {self.repair}."

    def as_dict(self) -> dict[str, str]:
        """Return the finding as values of JSON."""
        return {
            "code": self.code, "where": self.where, "text": self.text, "repair": str(self.repair), "suite": self.suite,
        }  # fmt: skip


@dataclass(frozen=True)
class Verification:
    """What was looked at, and what was found.

    `suites` are those asked for, `part` is what of them was looked at; `whole` says that they are all there are, so
    that mirror, orphans and strays are looked at with the pool. `sample` and `seed` say which pool files are in the
    sample. `indexes` and `pool_files` count objects read and hashed.
    """

    suites: tuple[str, ...]
    whole: bool
    pool: PoolScope
    sample: int
    seed: str
    findings: tuple[Finding, ...]
    indexes: int = 0
    pool_files: int = 0
    part: Part = Part.ALL

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, without the findings."""
        return {
            "suites": list(self.suites), "pool": str(self.pool), "sample": self.sample, "seed": self.seed,
            "indexes": self.indexes, "pool_files": self.pool_files, "part": str(self.part),
        }  # fmt: skip
