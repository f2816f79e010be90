"""Many small files as one object: a line of JSON with their names and sizes, then their bytes one behind the other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence


def pack(files: Sequence[tuple[str, bytes]]) -> bytes:
    """Return the bundle of files, each a name and its bytes."""
    listed = json.dumps([(name, len(body)) for name, body in files])
    return b"\n".join((listed.encode(), b"".join(body for _, body in files)))


def unpack(bundle: bytes) -> Iterator[tuple[str, bytes]]:
    """Return the files of a bundle in their order."""
    at = bundle.index(b"\n") + 1
    for name, size in json.loads(bundle[:at]):
        yield name, bundle[at : at + size]
        at += size
