"""Many small new files written at once: the disk is waited for a few times, not once a file."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from packages_app.core.batches import batches_of
from packages_app.core.threads import Threads
from packages_app.stores.local_files import Modes, make_folder, sync

_OPEN_FILES = 100
"""A process may have some hundreds open; other threads of a worker need theirs."""
_WAITING_AT_ONCE = 4


def write_new(drafts: Path, files: Iterable[tuple[str, bytes]], modes: Modes) -> list[bool]:
    """Write files, a path and bytes each, that are not there, whole or not at all; return which were written.

    All last over a power cut when this returns. `drafts` is an empty folder of the same file system. Raise `OSError`;
    some may be written by then.
    """
    written: list[bool] = []
    folders: set[str] = set()
    with Threads(_WAITING_AT_ONCE, thread_name_prefix="sync") as threads:
        for group in batches_of(files, _OPEN_FILES):
            for folder in {os.path.dirname(path) for path, _ in group} - folders:
                make_folder(Path(folder), modes.folder)
                folders.add(folder)
            names = [f"{drafts}/{number}" for number in range(len(group))]
            _write(threads, list(zip(names, (body for _, body in group), strict=True)), modes.file)
            written += [_link(name, path) for name, (path, _) in zip(names, group, strict=True)]
        list(threads.map(sync, map(Path, folders)))
    return written


def _write(threads: Threads, files: Sequence[tuple[str, bytes]], mode: int) -> None:
    handles: list[int] = []
    try:
        for name, body in files:
            handles.append(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode))
            left = memoryview(body)
            while left:
                left = left[os.write(handles[-1], left) :]
            os.fchmod(handles[-1], mode)
            now = time.time_ns()  # as in `LocalObjectStore.put`
            os.utime(handles[-1], ns=(now, now))
        list(threads.map(_sync_all, (handles[number::_WAITING_AT_ONCE] for number in range(_WAITING_AT_ONCE))))
    finally:
        for handle in handles:
            os.close(handle)


def _sync_all(handles: Iterable[int]) -> None:
    for handle in handles:
        os.fsync(handle)


def _link(draft: str, path: str) -> bool:
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        os.unlink(draft)
    return True
