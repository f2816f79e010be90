"""The cautions of what is taken over, summed up for the operator: publications wait for his word about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from packages_app.core.caution import MEANINGS, cautions_of
from packages_app.core.record import PackageRecord

_NAMED = 3


@dataclass
class Cautioned:
    """How many packages have a caution, by its code, and the first of them as people read them."""

    counts: Counter[str] = field(default_factory=Counter)
    named: dict[str, list[str]] = field(default_factory=dict)

    def note(self, records: Iterable[PackageRecord]) -> None:
        """Count records by the cautions that they keep, each once for a code."""
        for record in records:
            for code in {caution.code for caution in cautions_of(record)}:
                self.counts[code] += 1
                named = self.named.setdefault(code, [])
                if len(named) < _NAMED:
                    named.append(record.named)

    def take(self, others: Cautioned) -> None:
        """Add what was counted elsewhere, of other records."""
        self.counts += others.counts
        for code, named in others.named.items():
            self.named[code] = [*self.named.get(code, ()), *named][:_NAMED]

    def sentences(self) -> list[str]:
        """Return a sentence for each code, sorted."""
        return [
            f"{code}: {count} packages {MEANINGS[code]}: {'; '.join(self.named[code])}"
            for code, count in sorted(self.counts.items())
        ]
