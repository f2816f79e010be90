"""A local folder as an object store, over Django's FileSystemStorage. Every write is a rename or a link: atomic."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import structlog
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import FileSystemStorage

from packages_app.core.errors import ObjectChanged, ObjectExists, ObjectNotFound, StoreMissing, StoreUnavailable
from packages_app.core.layout import cache_control, content_type
from packages_app.core.locations import FolderStore
from packages_app.core.ports import ObjectInfo

_OWN = ".repomgr"
_PROBE = "probe"
_FILE_MODE = 0o644
_FOLDER_MODE = 0o755

log = structlog.get_logger(__name__)


class LocalObjectStore:
    """Fulfils `core.ports.ObjectStore`. What is not an object stands below `.repomgr/` in the folder."""

    def __init__(self, location: FolderStore) -> None:
        self._root = location.path
        self._storage = FileSystemStorage(
            location=location.path, file_permissions_mode=_FILE_MODE, directory_permissions_mode=_FOLDER_MODE
        )

    def create(self) -> bool:
        """Make the folder where it is missing."""
        made = not self._root.is_dir()
        with self._call("create", ""):
            (self._root / _OWN / "tmp").mkdir(parents=True, exist_ok=True)
            self._root.chmod(_FOLDER_MODE)
        return made

    def probe(self) -> str:
        """Write, read and delete a probe object."""
        key = f"{_PROBE}-{os.getpid()}"
        self.put(key, b"probe")
        self.read(key)
        self.delete(key)
        return f"folder {self._root.name} can be written"

    def put(
        self,
        key: str,
        body: bytes | Path,
        *,
        metadata: Mapping[str, str] | None = None,
        if_none_match: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        """Write an object from bytes or a file."""
        with self._call("put", key), self._draft() as draft:
            if isinstance(body, Path):
                with body.open("rb") as source, draft.open("wb") as target:
                    shutil.copyfileobj(source, target, 1024 * 1024)
            else:
                draft.write_bytes(body)
            self._place(draft, key, metadata or {}, if_none_match=if_none_match, if_match=if_match)
        return self._info(key)

    def head(self, key: str) -> ObjectInfo | None:
        """Tell of an object, or None."""
        with self._call("head", key):
            return self._info(key) if self._path(key).is_file() else None

    def read(self, key: str) -> bytes:
        """Give an object's bytes."""
        with self.open(key) as stream:
            return stream.read()

    def open(self, key: str) -> BinaryIO:
        """Open an object."""
        with self._call("open", key):
            return self._path(key).open("rb")

    def copy(self, source: str, target: str, *, metadata: Mapping[str, str]) -> ObjectInfo:
        """Copy within the folder. Files are replaced, never written in place, so a hard link is as good as a copy."""
        with self._call("copy", source), self._draft() as draft:
            draft.unlink()
            try:
                os.link(self._path(source), draft)
            except FileNotFoundError:
                raise
            except OSError:  # a file system without hard links
                shutil.copyfile(self._path(source), draft)
            self._place(draft, target, metadata)
        return self._info(target)

    def delete(self, key: str) -> None:
        """Remove an object."""
        with self._call("delete", key):
            self._path(key).unlink(missing_ok=True)
            self._metadata_path(key).unlink(missing_ok=True)

    def keys(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Give (key, size) of objects below a prefix, sorted by key."""
        folder = self._root / prefix.rpartition("/")[0]
        found: list[tuple[str, int]] = []
        with self._call("keys", prefix):
            for base, folders, files in os.walk(folder):
                folders[:] = [name for name in folders if not name.startswith(".")]
                for name in files:
                    key = (Path(base) / name).relative_to(self._root).as_posix()
                    if key.startswith(prefix) and not name.startswith("."):
                        found.append((key, os.stat(Path(base) / name).st_size))
        yield from sorted(found)

    def _path(self, key: str) -> Path:
        parts = key.split("/")
        if "\0" in key or any(part in ("", "..") or part.startswith(".") for part in parts):
            raise ObjectNotFound(f"{key!r} is no key of an object.", remedy="Use a relative key without dots in front.")
        try:
            return Path(self._storage.path(key))
        except SuspiciousFileOperation as error:
            raise ObjectNotFound(f"{key!r} is no key of an object.", remedy="Use a relative key.") from error

    def _metadata_path(self, key: str) -> Path:
        return self._root / _OWN / "metadata" / f"{key}.json"

    def _info(self, key: str) -> ObjectInfo:
        status = self._path(key).stat()
        return ObjectInfo(
            key=key,
            size=status.st_size,
            etag=etag_of(status),
            content_type=content_type(key),
            cache_control=cache_control(key),
            modified=datetime.fromtimestamp(status.st_mtime, UTC),
            metadata=self._metadata(key),
        )

    def _metadata(self, key: str) -> dict[str, str]:
        try:
            metadata: dict[str, str] = json.loads(self._metadata_path(key).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return metadata

    def _place(
        self,
        draft: Path,
        key: str,
        metadata: Mapping[str, str],
        *,
        if_none_match: bool = False,
        if_match: str | None = None,
    ) -> None:
        """Bring a finished draft to its key, if the conditions hold. Writers of the machine take turns."""
        path = self._path(key)
        draft.chmod(_FILE_MODE)
        with draft.open("rb") as stream:
            os.fsync(stream.fileno())
        self._make_folder(path.parent)
        if if_none_match:
            self._link(draft, path, key)
        else:
            with self._turn():
                if if_match is not None and (not path.is_file() or etag_of(path.stat()) != if_match):
                    raise ObjectChanged(f"{key} is another object by now.", remedy="Read it again and start anew.")
                # A reader between the two steps sees old bytes with new metadata; the next head is right.
                self._keep_metadata(key, metadata)
                draft.replace(path)
        self._sync_folder(path.parent)

    def _make_folder(self, folder: Path) -> None:
        """Make a folder and those above it, open to readers whatever the umask."""
        if not folder.is_dir():
            self._make_folder(folder.parent)
            folder.mkdir(exist_ok=True)
            folder.chmod(_FOLDER_MODE)

    def _link(self, draft: Path, path: Path, key: str) -> None:
        try:
            os.link(draft, path)
        except FileExistsError as error:
            raise ObjectExists(f"{key} is there already.", remedy="Objects of this key are never replaced.") from error

    def _keep_metadata(self, key: str, metadata: Mapping[str, str]) -> None:
        path = self._metadata_path(key)
        if not metadata:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._draft() as draft:
            draft.write_text(json.dumps(dict(metadata)), encoding="utf-8")
            draft.replace(path)

    def _sync_folder(self, folder: Path) -> None:
        """Make a rename last over a power cut."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    @contextmanager
    def _draft(self) -> Iterator[Path]:
        """Give an empty file on the same file system; what is left of it goes."""
        folder = self._root / _OWN / "tmp"
        folder.mkdir(parents=True, exist_ok=True) if self._root.is_dir() else None
        handle, name = tempfile.mkstemp(dir=folder)
        os.close(handle)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Hold the folder's lock, which the processes of this machine share."""
        with (self._root / _OWN / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _call(self, operation: str, key: str) -> Iterator[None]:
        """Turn the system's errors into ours."""
        try:
            yield
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            if not self._root.is_dir():
                raise StoreMissing(
                    f"There is no folder {self._root}.", remedy="Run manage.py create_storage."
                ) from error
            raise ObjectNotFound(f"There is no object {key}.", remedy="Check the key.") from error
        except OSError as error:
            log.warning("store_call_failed", operation=operation, key=key, error=str(error))
            raise StoreUnavailable(
                f"The folder {self._root} failed at {operation} of {key}: {error.strerror}.",
                remedy="Check its owner, its mode and the space left on the disk.",
            ) from error


def etag_of(status: os.stat_result) -> str:
    """Give a file's ETag: each write makes another inode with another time, so no two versions share one."""
    return f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"
