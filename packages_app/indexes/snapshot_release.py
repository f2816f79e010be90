"""The Release of a snapshot: its publication's, under a Codename of its own and without Valid-Until."""

from __future__ import annotations

from collections.abc import Mapping

from packages_app.core.snapshot import snapshots_folder
from packages_app.indexes.release import Release

ID, OF, REASON = "Snapshot", "Snapshot-Of", "Snapshot-Reason"
"""The fields that a snapshot's Release has besides; apt passes over what it does not know."""

_LEFT_OUT = ("Valid-Until", "Snapshots")
_PATCHES = b"/Packages.diff/"


def snapshot_release(text: bytes, suite: str, said: Mapping[str, str]) -> bytes:
    """Return the Release of a snapshot, of the Release of a publication, with its Date; `said` are its own fields.

    It names no patches: what never changes needs none. Without Valid-Until apt looks at no date, as long as it is kept.

    apt warns where neither Suite nor Codename is what its sources say, less the last part of a path: `stable` of the
    live suite, asked for at another address, and `stable/snapshots` of `stable/snapshots/ID`. With Suite the one and
    Codename the other, both are content. And who puts it in the place of the live suite fools no client: of a newer
    one it is older, and the change of Codename has to be confirmed.
    """
    fields: list[bytes] = []
    entries: list[bytes] = []
    for line in text.removesuffix(b"\n").split(b"\n"):
        name = line.partition(b":")[0].decode("utf-8", "replace")
        if entries or line.endswith(b":"):
            if _PATCHES not in line:
                entries.append(line)
        elif name not in _LEFT_OUT:
            fields.append(f"Codename: {snapshots_folder(suite)}".encode() if name == "Codename" else line)
    fields += [f"{name}: {value}".encode() for name, value in said.items() if value]
    return b"\n".join([*fields, *entries, b""])


def is_snapshot(release: Release) -> bool:
    """Return whether a Release says that it is a snapshot's."""
    return ID in release.fields
