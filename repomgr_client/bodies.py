"""What a push sends: files as streams, of which a small part is in memory at a time, and how far they are."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from repomgr_client.faults import Fault
from repomgr_client.server import Body

_CHUNK = 256 * 1024
_DEB = "application/vnd.debian.binary-package"


@dataclass(frozen=True)
class OpenFile:
    """A file to be pushed, of `size` bytes as it was opened."""

    name: str
    size: int
    file: io.BufferedReader

    def sha256(self) -> bytes:
        """Return the digest of all of it."""
        self.file.seek(0)
        return hashlib.file_digest(self.file, "sha256").digest()

    def part(self, start: int, size: int) -> bytes:
        """Return some of its bytes."""
        self.file.seek(start)
        return self.file.read(size)


class _Counted(io.RawIOBase):
    """A file that tells a bar what is read of it, and ends by a `Fault` where it is not as long as it was."""

    def __init__(self, opened: OpenFile, bar: Any) -> None:
        self._file, self._size, self._bar = opened.file, opened.size, bar
        self._left = opened.size

    def fileno(self) -> int:
        return self._file.fileno()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        at = self._file.seek(offset, whence)
        self._left = self._size - at
        return at

    def read(self, size: int = -1) -> bytes:
        part = self._file.read(size)
        self._left -= len(part)
        if self._left < 0 or (self._left and not part):
            raise Fault("file_changed", "A file changed while it was sent.", "Push it once it is written.")
        self._bar.update(len(part))
        return part


def _opened(path: Path) -> OpenFile:
    """Return a file, open; raise `OSError`, and `Fault` for what is none, or has a name that can't be said."""
    if not path.name.isprintable():  # bytes that are no UTF-8 are surrogates, which are not printable either
        raise Fault("bad_name", f"{path.name!r} has letters that can't be printed.", "Rename it.")
    if path.exists() and not path.is_file():
        raise Fault("no_file", f"{str(path)!r} is no file.", "Name a .deb.")
    file = path.open("rb")
    return OpenFile(path.name, os.fstat(file.fileno()).st_size, file)


class Files:
    """The files of a push, open as long as it lasts. A form has several; one alone is the body itself."""

    def __init__(self, paths: Sequence[Path], *, quiet: bool) -> None:
        self._open, self.opened = ExitStack(), list[OpenFile]()
        try:
            for path in paths:
                self.opened.append(_opened(path))
                self._open.callback(self.opened[-1].file.close)
        except OSError as error:
            self._open.close()
            raise Fault("no_file", f"{error.filename!r} can't be read: {error.strerror}.", "Name a .deb.") from None
        shown = not quiet and sys.stderr.isatty()
        self._bar = self._open.enter_context(
            tqdm(
                total=sum(file.size for file in self.opened), unit="B", unit_scale=True, desc="push", disable=not shown
            )
        )

    def __enter__(self) -> Files:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def largest(self) -> int:
        """Return the size in bytes of the largest of them."""
        return max(file.size for file in self.opened)

    def start(self) -> None:
        """Let the bar begin anew."""
        self._bar.reset()

    def note_sent(self, size: int) -> None:
        """Let the bar show so many bytes more."""
        self._bar.update(size)

    def body(self) -> Body:
        """Return what makes the body, from its beginning each time."""
        if len(self.opened) > 1:
            return self._form
        [file] = self.opened
        headers = {
            "Content-Type": _DEB,
            "Content-Length": str(file.size),
            "Content-Digest": f"sha-256=:{base64.b64encode(file.sha256()).decode()}:",
        }
        return lambda: {"content": self._read(file), "headers": headers}

    def _read(self, file: OpenFile) -> Iterator[bytes]:
        self._bar.reset()
        counted = _Counted(file, self._bar)
        counted.seek(0)
        while part := counted.read(_CHUNK):
            yield part

    def _form(self) -> Mapping[str, Any]:
        self._bar.reset()
        sent = [("file", (file.name, _Counted(file, self._bar), _DEB)) for file in self.opened]
        return {"files": sent}
