"""An object copied to a file of this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

from packages_app.core.checksums import CHUNK_BYTES
from packages_app.core.ports import ObjectStore


def copy_to_file(store: ObjectStore, key: str, path: Path) -> None:
    """Copy an object to a file; raise `ObjectNotFound`."""
    with store.open(key) as stream, path.open("wb") as target:
        shutil.copyfileobj(stream, target, CHUNK_BYTES)
