"""Which keys an object may have, the same in every store: what one store takes, every other can hold."""

from __future__ import annotations

from packages_app.core.errors import ObjectNotFound

_LONGEST_BYTES = 1024
"""S3 user guide, "Naming Amazon S3 objects"."""
_LONGEST_PART_BYTES = 255
"""NAME_MAX of Linux file systems."""


def is_key(key: str) -> bool:
    """Return whether a key is relative and printable, not too long, and no part is empty or begins with a dot."""
    framed = f"/{key}/"
    if not key.isprintable() or "//" in framed or "/." in framed:
        return False
    size = len(key.encode())
    return size <= _LONGEST_PART_BYTES or (
        size <= _LONGEST_BYTES and all(len(part.encode()) <= _LONGEST_PART_BYTES for part in key.split("/"))
    )


def checked_key(key: str) -> str:
    """Return the key back; raise `ObjectNotFound` for one that no object can have."""
    if not is_key(key):
        raise ObjectNotFound(
            f"{key[:100]!r} is no key of an object.",
            remedy="Use a relative key whose parts are not empty, not longer than 255 bytes, and begin with no dot.",
        )
    return key
