"""Entries that apt or dpkg can't read, left out of the indexes: one of them would cost clients all the others."""

from __future__ import annotations

from collections.abc import Sequence

from packages_app.core.repository import Suite
from packages_app.debian.real_readers import Offered, complaints_of
from packages_app.indexes.packages import LeftOut, Placed
from packages_app.publishing.whole_draft import Collected


def readable(suite: Suite, placed: Sequence[Placed]) -> tuple[list[Placed], list[LeftOut]]:
    """Return the entries that dpkg and apt read, all together and in their order, and those left out, with the reason.

    Where neither is installed all are returned.
    """
    why = complaints_of([_offered(one) for one in placed], suite.architectures)
    left_out = [LeftOut(*placed[place].entry.key, (reason,)) for place, reason in why.items()]
    return [one for place, one in enumerate(placed) if place not in why], left_out


def collect_readable(suite: Suite, collected: Collected) -> Collected:
    """Return what was collected without the entries that dpkg or apt can't read."""
    placed, left_out = readable(suite, collected.placed)
    if not left_out:
        return collected
    return Collected(tuple(placed), tuple(sorted([*collected.left_out, *left_out])), collected.read)


def _offered(one: Placed) -> Offered:
    entry, stanza = one.entry, one.entry.stanza.decode().rstrip("\n")
    return Offered(entry.package_name, entry.version, entry.architecture, stanza, f"{stanza}\n")
