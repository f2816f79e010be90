"""The metadata of objects in a local folder: one small JSON file an object that has any.

Each file holds {ETag: metadata}, for the object in place and for the one about to replace it. A reader looks up the
ETag of the bytes it sees, so that bytes and metadata always belong together, also after a crash between two steps.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path


def read_metadata(folder: Path, key: str, etag: str) -> dict[str, str]:
    """Return the metadata of the object with this key and ETag; {} when it has none."""
    return _read(_file(folder, key)).get(etag, {})


def keep_metadata(
    folder: Path, key: str, draft: Path, *, present: str | None, etag: str, new: Mapping[str, str]
) -> None:
    """Keep the metadata of the object that is about to stand at a key with `etag`, and of the one there (`present`).

    `draft` is an empty file of the same file system, which becomes the metadata file.
    """
    file = _file(folder, key)
    both = {etag: {name.lower(): value for name, value in new.items()}}
    if present is not None and present != etag and (old := _read(file).get(present)):
        both[present] = old
    with draft.open("w", encoding="utf-8") as stream:
        json.dump(both, stream)
        stream.flush()
        os.fsync(stream.fileno())
    file.parent.mkdir(parents=True, exist_ok=True)
    draft.replace(file)


def drop_metadata(folder: Path, key: str) -> None:
    """Forget an object's metadata; an object without any is no error."""
    _file(folder, key).unlink(missing_ok=True)


def _file(folder: Path, key: str) -> Path:
    # A hash, since a key with an ending of ours could be the folder of another key.
    return folder / f"{hashlib.sha256(key.encode()).hexdigest()}.json"


def _read(file: Path) -> dict[str, dict[str, str]]:
    try:
        both: dict[str, dict[str, str]] = json.loads(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return both
