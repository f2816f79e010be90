"""The folder broker: kombu's, with messages that are whole when they appear, and a place for what is none."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty
from typing import Any
from uuid import uuid4

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps, loads

from repomgr.broker.aside import KEPT, tell
from repomgr.broker.message import MOST_BYTES, QUEUES, Unreadable, sound_message

_LOOK_SECONDS = 0.1
_NO_TABLE = (ValueError, TypeError, RecursionError)
"""What kombu raises for a file of the control folder that is none of its tables."""


class Channel(filesystem.Channel):
    """kombu's channel; what is no message goes to the folder `unreadable`, and the next one is taken."""

    def _put(self, queue: str, payload: Any, **_: Any) -> None:
        """Write a message under another name and rename it, so that no reader meets a part of it."""
        file = Path(self.data_folder_out, f"{round(time.monotonic() * 1000)}_{uuid4()}.{queue}.msg")
        part = file.with_name(f"{file.name}.part")
        try:
            part.write_text(dumps(payload))
            part.rename(file)
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            raise ChannelError(f"Cannot add file {str(file)!r} to directory") from error

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        """Return a queue's next message, and take it away; raise `Empty` when there is none that can be read."""
        for name in sorted(os.listdir(self.data_folder_in)):
            if name.partition(".")[2] != f"{queue}.msg":
                continue
            file = Path(self.data_folder_in, name)
            try:
                with _taken(file) as raw:
                    return loads(raw) if queue not in QUEUES else sound_message(raw, queue)
            except FileNotFoundError:  # another worker has it
                continue
            except (Unreadable, OSError, *_NO_TABLE) as error:
                self._put_aside(file, queue, error)
        raise Empty

    def _put_aside(self, file: Path, queue: str, error: Exception) -> None:
        folder = Path(self.transport_options["unreadable_folder"])
        place = folder / f"{time.time_ns()}.{queue}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file.rename(place)
            if place.is_file() and not place.is_symlink() and place.stat().st_size > MOST_BYTES:
                os.truncate(place, MOST_BYTES)
            for old in sorted(folder.iterdir())[:-KEPT]:
                _remove(old)
        except FileNotFoundError:  # another worker has put it aside
            return
        except OSError as failed:
            place = file
            error = OSError(f"{error}, and can't be put aside: {failed.strerror}")
        tell(queue, str(error) or type(error).__name__, str(place))

    def get_table(self, exchange: str) -> list[Any]:
        """Return what is bound to an exchange; ours have the queue of their name, whatever a file says."""
        if exchange in QUEUES:
            return [filesystem.exchange_queue_t(exchange, "", exchange)]
        try:
            return list(super().get_table(exchange))
        except _NO_TABLE:
            return []

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        """Note a binding; a table that can't be read is made anew."""
        if exchange in QUEUES:
            return
        try:
            super()._queue_bind(exchange, routing_key, pattern, queue)
        except _NO_TABLE:
            (self.control_folder / f"{exchange}.exchange").unlink(missing_ok=True)
            super()._queue_bind(exchange, routing_key, pattern, queue)


class Transport(filesystem.Transport):
    """kombu's folder transport with that channel."""

    Channel = Channel
    polling_interval = _LOOK_SECONDS

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:
        """Wait for a message until the next look at most: a worker sees after each wait whether it is to end."""
        super().drain_events(connection, timeout and min(timeout, _LOOK_SECONDS))


@contextmanager
def _taken(file: Path) -> Iterator[bytes]:
    """Give a message's bytes to the block, and remove its file after it; raise `FileNotFoundError` when it is gone.

    It stays where the block raises. Raise `Unreadable` for what is no plain file, and for one that is too large.
    """
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        found = os.fstat(descriptor)
        if not found.st_nlink:  # another worker has removed it between our opening and our lock
            raise FileNotFoundError(file)
        if not stat.S_ISREG(found.st_mode):
            raise Unreadable("it is no plain file")
        if found.st_size > MOST_BYTES:
            raise Unreadable(f"it has {found.st_size} bytes, more than {MOST_BYTES}")
        with os.fdopen(descriptor, "rb", closefd=False) as text:
            yield text.read(MOST_BYTES + 1)
        file.unlink()
    finally:
        os.close(descriptor)


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
