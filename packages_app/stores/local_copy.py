"""An object as a local file: what is opened as a package, or put elsewhere, is a file first."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from packages_app.core.checksums import CHUNK_BYTES
from packages_app.core.ports import ObjectStore

Held = Callable[[str], AbstractContextManager[Path]]
"""What a store on this machine has besides: gives an object's own file for a block, with nothing copied."""


def copy_to_file(store: ObjectStore, key: str, path: Path) -> None:
    """Copy an object to a file; raises `ObjectNotFound`."""
    with store.open(key) as stream, path.open("wb") as target:
        shutil.copyfileobj(stream, target, CHUNK_BYTES)


@contextmanager
def local_copy(store: ObjectStore, key: str) -> Iterator[Path]:
    """Give an object for the block as a file of its own name, not to be written to: it may be the store's own.

    Raises `ObjectNotFound`.
    """
    held: Held | None = getattr(store, "held", None)
    if held is not None:
        with held(key) as path:
            yield path
        return
    with tempfile.TemporaryDirectory(prefix="repomgr-copy-") as folder:
        path = Path(folder) / key.rpartition("/")[2]
        copy_to_file(store, key, path)
        yield path
