"""What `rollback` and `snapshot fill` have in common: what becomes of a suite is said, line by line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from packages_app.core.record import named_key
from packages_app.management.move_command import say_preview
from packages_app.services.lifecycle.rollback import FIRST, Rollback, preview_rollback


def say_rollback(write: Callable[[str], object], planned: Rollback) -> None:
    """Say what a suite shows and is to show, which versions come, leave and are lost, and what clients will see."""
    write(f"{planned.now} {planned.verb} {planned.to}")
    _say(write, "leave the suite", list(map(named_key, planned.leaving)))
    _say(write, planned.come, list(map(named_key, planned.coming)))
    _say(write, "are lost", planned.lost)
    _say(write, "have no record, and clients lose them", list(map(named_key, planned.gone)))
    say_preview(write, preview_rollback(planned))


def _say(write: Callable[[str], object], what: str, names: Sequence[str]) -> None:
    if names:
        write(f"{len(names)} {what}:")
        for name in names[:FIRST]:
            write(f"  {name}")
        if len(names) > FIRST:
            write(f"  and {len(names) - FIRST} more")
