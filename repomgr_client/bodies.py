"""What a push sends: files as streams, of which a small part is in memory at a time, and how far they are."""

from __future__ import annotations

import base64
import hashlib
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from tqdm import tqdm

from repomgr_client.faults import Fault
from repomgr_client.server import Body

_CHUNK = 256 * 1024
_DEB = "application/vnd.debian.binary-package"


class _Counted(io.RawIOBase):
    """A file that tells a bar what is read of it."""

    def __init__(self, file: BinaryIO, bar: Any) -> None:
        self.file, self.bar = file, bar

    def fileno(self) -> int:
        return self.file.fileno()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.file.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        part = self.file.read(size)
        self.bar.update(len(part))
        return part


class Files:
    """The files of a push, open as long as it lasts. A form has several; one alone is the body itself."""

    def __init__(self, paths: Sequence[Path], *, quiet: bool) -> None:
        self.paths, self._open = list(paths), ExitStack()
        try:
            self._files = [self._open.enter_context(path.open("rb")) for path in paths]
        except OSError as error:
            self._open.close()
            raise Fault("no_file", f"{error.filename} can't be read: {error.strerror}.", "Name a .deb.") from None
        self._sizes = [path.stat().st_size for path in paths]
        shown = not quiet and sys.stderr.isatty()
        self._bar = self._open.enter_context(
            tqdm(total=sum(self._sizes), unit="B", unit_scale=True, desc="push", disable=not shown)
        )

    def __enter__(self) -> Files:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def body(self) -> Body:
        """Return what makes the body, from its beginning each time."""
        if len(self._files) > 1:
            return self._form
        digest = hashlib.file_digest(self._files[0], "sha256").digest()
        sha256 = base64.b64encode(digest).decode()
        headers = {
            "Content-Type": _DEB,
            "Content-Length": str(self._sizes[0]),
            "Content-Digest": f"sha-256=:{sha256}:",
        }
        return lambda: {"content": self._parts(), "headers": headers}

    def _parts(self) -> Iterator[bytes]:
        self._bar.reset()
        [file] = self._files
        file.seek(0)
        while part := file.read(_CHUNK):
            self._bar.update(len(part))
            yield part

    def _form(self) -> Mapping[str, Any]:
        self._bar.reset()
        sent = [
            ("file", (path.name, _Counted(file, self._bar), _DEB))
            for path, file in zip(self.paths, self._files, strict=True)
        ]
        return {"files": sent}
