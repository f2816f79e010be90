"""Parts that come through us, kept as objects of their own until the file is asked for: in a folder, or in a bucket."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from packages_app.core.direct_upload import BegunUpload, Part, UploadGone, check_parts
from packages_app.core.ports import ObjectStore

_CHUNK_BYTES = 1024 * 1024
_DIGITS = 5
"""Of a part's number in its key: there are 10,000 at most, as on S3."""
_BEGUN = 0


class PartsAsObjects:
    """Fulfils `core.direct_upload.PartUploads` for any store.

    Part 3 of the upload U of KEY is the object `KEY.U.00003`, and `KEY.U.00000` says that it was begun.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def begin_parts(self, key: str) -> str:
        """Begin an upload; return its ID."""
        upload = uuid4().hex
        self._store.put(_part_key(key, upload, _BEGUN), b"")
        return upload

    def put_part(self, key: str, upload: str, number: int, body: Path) -> None:
        """Keep a part: there whole or not at all."""
        self._require_begun(key, upload)
        self._store.put(_part_key(key, upload, number), body)

    def parts_there(self, key: str, upload: str) -> list[Part]:
        """Return the parts; they have no ETags of their own."""
        self._require_begun(key, upload)
        listed = [(int(part[-_DIGITS:]), size) for part, size in self._store.keys(_prefix(key, upload))]
        return [Part(number, size, "") for number, size in listed if number != _BEGUN]

    @contextmanager
    def file_of_parts(self, key: str, upload: str, size: int) -> Iterator[Path]:
        """Let the block have the file, put together on this machine; the parts stay."""
        parts = self.parts_there(key, upload)
        check_parts(parts, size)
        with self._store.draft_folder() as folder:
            whole = folder / key.rpartition("/")[2]
            whole.touch(mode=0o600)  # what is its owner's alone may become an object without being copied
            with whole.open("wb") as file:
                for part in parts:
                    with self._store.open(_part_key(key, upload, part.number)) as stream:
                        shutil.copyfileobj(stream, file, _CHUNK_BYTES)
            yield whole

    def abort_parts(self, key: str, upload: str) -> None:
        """Remove an upload, and then its parts, of which none is taken any more."""
        for part, _ in [*self._store.keys(_prefix(key, upload))]:
            self._store.delete(part)

    def begun_below(self, prefix: str) -> list[BegunUpload]:
        """Return the uploads below a prefix."""
        found = [key.rsplit(".", 2) for key, _ in self._store.keys(prefix) if key.endswith(f".{_BEGUN:0{_DIGITS}}")]
        infos = [(key, upload, self._store.head(_part_key(key, upload, _BEGUN))) for key, upload, _ in found]
        return [BegunUpload(key, upload, info.modified) for key, upload, info in infos if info is not None]

    def _require_begun(self, key: str, upload: str) -> None:
        if self._store.head(_part_key(key, upload, _BEGUN)) is None:
            raise UploadGone(
                f"There is no upload {upload[:80]} of {key}: it was completed or aborted, or never begun.",
                remedy="Send the file again.",
            )


def _part_key(key: str, upload: str, number: int) -> str:
    return f"{_prefix(key, upload)}{number:0{_DIGITS}}"


def _prefix(key: str, upload: str) -> str:
    return f"{key}.{upload}."
