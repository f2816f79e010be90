"""What a soak is judged by, as a table: what was looked at, what was seen, what was wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

MEMORY_GROWTH = 64 * 1024**2
"""How much larger than after its first quarter of the soak a process may be at the end (bytes)."""
MOST_MESSAGES = 60
"""Beat's ticks of some minutes, and a message for each job and its publication."""
_MIB = 1024**2


@dataclass
class Verdict:
    """Lines of the table; it is `sound` when each line is."""

    lines: list[tuple[str, str, str, bool]] = field(default_factory=list)

    def look(self, what: str, seen: object, wanted: str, *, right: bool) -> None:
        """Add a line."""
        self.lines.append((what, str(seen), wanted, right))

    @property
    def sound(self) -> bool:
        """Return whether all is as it was wanted."""
        return all(right for *_, right in self.lines)

    def __str__(self) -> str:
        head = ("what", "seen", "wanted", "")
        rows = [head, *((what, seen, wanted, "" if right else "WRONG") for what, seen, wanted, right in self.lines)]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        return "\n".join(
            "  ".join([*(f"{cell:{width}}" for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip()
            for row in rows
        )


def distribution(seconds: Sequence[float]) -> str:
    """Return median, 9 of 10, 99 of 100 and the longest of some times."""
    if not seconds:
        return "none"
    ordered = sorted(seconds)
    shares = [ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.9, 0.99)]
    return " / ".join(f"{each:.1f}" for each in (*shares, ordered[-1])) + " s"


def look_at_memory(verdict: Verdict, samples: dict[str, list[int]]) -> None:
    """Judge how much each process has grown since its first quarter, when all its parts are loaded."""
    for name, sizes in sorted(samples.items()):
        first, last = sizes[len(sizes) // 4], sizes[-1]
        verdict.look(
            f"memory of {name}, after a quarter / at the end / most",
            f"{first // _MIB} / {last // _MIB} / {max(sizes) // _MIB} MiB",
            f"at most {MEMORY_GROWTH // _MIB} MiB more",
            right=last - first <= MEMORY_GROWTH,
        )


def look_at_messages(verdict: Verdict, messages: Sequence[int]) -> None:
    """Judge how many messages the broker held."""
    most, last = max(messages, default=0), messages[-1] if messages else 0
    verdict.look(
        "messages in the broker, most / at the end", f"{most} / {last}", f"at most {MOST_MESSAGES}",
        right=most <= MOST_MESSAGES,
    )  # fmt: skip
