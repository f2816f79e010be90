"""A folder for the files of a publication under way."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from packages_app.core.ports import ObjectStore

Drafts = Callable[[], AbstractContextManager[Path]]
"""What a store on this machine has besides: a folder whose files become objects with nothing copied."""


@contextmanager
def draft_folder(store: ObjectStore) -> Iterator[Path]:
    """Give an empty folder for the block, where it can be on the store's own file system."""
    drafts: Drafts | None = getattr(store, "drafts", None)
    if drafts is not None:
        with drafts() as folder:
            yield folder
        return
    with tempfile.TemporaryDirectory(prefix="repomgr-draft-") as name:
        yield Path(name)
