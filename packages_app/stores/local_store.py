"""A local folder as an object store, over Django's FileSystemStorage. Every write is a rename or a link: atomic."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

import structlog
from django.core.files.storage import FileSystemStorage

from packages_app.core.errors import ObjectChanged, ObjectExists, ObjectNotFound, StoreMissing, StoreUnavailable
from packages_app.core.layout import cache_control, content_type
from packages_app.core.locations import FolderStore
from packages_app.core.ports import ObjectInfo
from packages_app.stores.local_batch import write_new
from packages_app.stores.local_files import (
    FOR_ALL,
    FOR_OWNER,
    copy_stream,
    etag_of,
    link_or_copy,
    make_folder,
    remove_before,
    status_of,
    sync,
)
from packages_app.stores.local_metadata import drop_metadata, keep_metadata, read_metadata
from packages_app.stores.object_key import checked_key, is_key
from packages_app.stores.promises import check_promises

_OWN = ".repomgr"
_DRAFT_SECONDS = 24 * 3600
"""No call and no publication takes so long: what is older, a process left that was killed."""
_NOT_THERE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)

log = structlog.get_logger(__name__)


class LocalObjectStore:
    """Fulfils `core.ports.ObjectStore`. What is not an object stands below `.repomgr/` in the folder."""

    at_once = 1

    def __init__(self, location: FolderStore, *, private: bool = False, clock: Callable[[], float] = time.time) -> None:
        self._root = location.path
        self._modes = FOR_OWNER if private else FOR_ALL
        self._clock = clock
        self._looked_for_old_drafts = 0.0
        self._metadata = location.path / _OWN / "metadata"
        self._storage = FileSystemStorage(
            location=location.path,
            file_permissions_mode=self._modes.file,
            directory_permissions_mode=self._modes.folder,
        )

    def create(self) -> bool:
        """Make the folder where it is missing."""
        with self._call("create", ""):
            made = not self._root.is_dir()
            make_folder(self._root, self._modes.folder)
            self._own_folder("tmp")
        return made

    def probe(self) -> str:
        """Try what we rely on: a file system may lack links or locks."""
        check_promises(self, f"folder {self._root.name}")
        return f"folder {self._root.name} can be written, and keeps conditions"

    def put(
        self,
        key: str,
        body: bytes | Path,
        *,
        metadata: Mapping[str, str] | None = None,
        if_none_match: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        """Write an object from bytes or a file; one that stands below `.repomgr/` becomes the object itself."""
        path = self._path(key)
        with (
            body.open("rb") if isinstance(body, Path) else BytesIO(body) as source,
            self._call("put", key),
            self._draft() as draft,
        ):
            if isinstance(body, Path) and _OWN in body.parts and self._may_share(source):
                link_or_copy(body, source, draft)
            else:
                copy_stream(source, draft)
            # The kernel's own stamp is some milliseconds coarse: too little for an ETag that tells all versions.
            now = time.time_ns()
            os.utime(draft, ns=(now, now))
            return self._place(draft, path, key, metadata or {}, if_none_match=if_none_match, if_match=if_match)

    def put_many_new(self, objects: Sequence[tuple[str, bytes]]) -> list[bool]:
        """Write small objects that are not there."""
        files = [(f"{self._root}/{checked_key(key)}", body) for key, body in objects]
        with self.draft_folder() as folder, self._call("put_many_new", ""):
            try:
                return write_new(folder, files, self._modes)
            except FileExistsError as error:
                raise _no_room(str(error.filename)) from error

    def head(self, key: str) -> ObjectInfo | None:
        """Tell of an object, or None."""
        path = self._path(key)
        with self._call("head", key):
            while (status := status_of(path)) is not None:
                metadata = read_metadata(self._metadata, key, etag_of(status))
                if metadata or _etag(status_of(path)) == etag_of(status):
                    return _info(key, status, metadata)
                # Replaced between the two looks, so its metadata may be gone: look again.
            os.stat(self._root)
        return None

    def read(self, key: str) -> bytes:
        """Return an object's bytes."""
        with self.open(key) as stream, self._call("read", key):
            return stream.read()

    def read_with_etag(self, key: str) -> tuple[bytes, str]:
        """Return an object's bytes and their ETag."""
        with self.open(key) as stream, self._call("read", key):
            return stream.read(), etag_of(os.fstat(stream.fileno()))

    def open(self, key: str) -> BinaryIO:
        """Open an object: a file of the system, whose `fileno` tells size and time of just these bytes."""
        path = self._path(key)
        with self._call("open", key):
            return cast("BinaryIO", self._storage.open(str(path)).file)

    def copy(self, source: str, target: str, *, metadata: Mapping[str, str]) -> ObjectInfo:
        """Copy within the folder. Files are replaced, never written in place, so a hard link is as good as a copy."""
        source_path, target_path = self._path(source), self._path(target)
        with self._call("copy", source), self._draft() as draft, source_path.open("rb") as stream:
            link_or_copy(source_path, stream, draft)
            return self._place(draft, target_path, target, metadata)

    @contextmanager
    def as_local_file(self, key: str) -> Iterator[Path]:
        """Return an object as a file: a hard link, so nothing is copied, and it stays when the object goes."""
        path = self._path(key)
        with self.draft_folder() as folder:
            file = folder / path.name
            with self._call("link", key), path.open("rb") as stream:
                link_or_copy(path, stream, file)
            yield file

    @contextmanager
    def draft_folder(self) -> Iterator[Path]:
        """Return an empty folder on the same file system."""
        with ExitStack() as kept:
            with self._call("draft", ""):
                folder = self._own_folder("tmp")
                self._remove_old_drafts(folder)
                name = kept.enter_context(tempfile.TemporaryDirectory(dir=folder))
            yield Path(name)

    def _remove_old_drafts(self, folder: Path) -> None:
        """Remove what killed processes left: looked for when a process begins, and once a day from then on."""
        now = self._clock()
        if now - self._looked_for_old_drafts >= _DRAFT_SECONDS:
            self._looked_for_old_drafts = now
            remove_before(folder, now - _DRAFT_SECONDS)

    def delete(self, key: str) -> None:
        """Remove an object."""
        path = self._path(key)
        with self._call("delete", key), self._turn():
            if status_of(path) is not None:
                path.unlink(missing_ok=True)
                drop_metadata(self._metadata, key)

    def keys(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Return (key, size) of objects below a prefix, sorted by key."""
        folder = prefix.rpartition("/")[0]
        with self._call("keys", prefix):
            os.stat(self._root)
            found = self._walk(folder, prefix) if not folder or is_key(folder) else ()
            listed = sorted(found)
        yield from listed

    def sizes_of(self, keys: Collection[str]) -> dict[str, int]:
        """Return the sizes of those that are there."""
        with self._call("sizes_of", ""):
            os.stat(self._root)
            found = ((key, status_of(f"{self._root}/{key}")) for key in keys if is_key(key))
            return {key: status.st_size for key, status in found if status is not None}

    def _walk(self, folder: str, prefix: str) -> Iterator[tuple[str, int]]:
        """Return objects below a folder in no order; links to folders are not followed."""
        try:
            entries = list(os.scandir(f"{self._root}/{folder}"))
        except _NOT_THERE:  # it is not there, or not any more
            return
        for entry in entries:
            key = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                if is_key(key):
                    yield from self._walk(key, prefix)
            elif key.startswith(prefix) and is_key(key) and (status := status_of(entry.path)) is not None:
                yield key, status.st_size

    def _path(self, key: str) -> Path:
        return Path(self._storage.path(checked_key(key)))

    def _place(
        self,
        draft: Path,
        path: Path,
        key: str,
        metadata: Mapping[str, str],
        *,
        if_none_match: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        """Bring a finished draft to its key, if the conditions hold. Writers of the machine take turns."""
        draft.chmod(self._modes.file)
        sync(draft)
        try:
            make_folder(path.parent, self._modes.folder)
        except FileExistsError as error:
            raise _no_room(key) from error
        with self._turn():
            if path.is_dir():
                raise _no_room(key)
            present, status = _etag(status_of(path)), draft.stat()
            if if_match is not None and present != if_match:
                raise ObjectChanged(f"{key} is another object by now.", remedy="Read it again and start anew.")
            if metadata:
                with self._draft() as file:
                    keep_metadata(self._metadata, key, file, present=present, etag=etag_of(status), new=metadata)
            if if_none_match:
                _link(draft, path, key)
            else:
                draft.replace(path)
            if not metadata:
                drop_metadata(self._metadata, key)
        sync(path.parent)
        return _info(key, status, {name.lower(): value for name, value in metadata.items()})

    def _may_share(self, source: BinaryIO) -> bool:
        """Return whether a file may become ours by a second name: modes are of both, and what is public stays so."""
        return self._modes != FOR_OWNER or not os.fstat(source.fileno()).st_mode & 0o077

    def _own_folder(self, name: str = "") -> Path:
        folder = self._root / _OWN / name
        if not folder.is_dir():
            os.stat(self._root)  # a root that is missing is made by `create` only
            for path in (self._root / _OWN, folder):  # drafts are nobody's but ours, of what clients read too
                path.mkdir(mode=FOR_OWNER.folder, exist_ok=True)
        return folder

    @contextmanager
    def _draft(self) -> Iterator[Path]:
        """Return an empty file on the same file system; what is left of it goes."""
        handle, name = tempfile.mkstemp(dir=self._own_folder("tmp"))
        os.close(handle)
        draft = Path(name)
        try:
            yield draft
        finally:
            draft.unlink(missing_ok=True)
            draft.with_suffix(".link").unlink(missing_ok=True)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Hold the folder's lock, which the processes of this machine share."""
        with (self._own_folder() / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _call(self, operation: str, key: str) -> Iterator[None]:
        """Turn the system's errors into ours."""
        try:
            yield
        except OSError as error:
            if isinstance(error, _NOT_THERE) and self._root.is_dir():
                raise ObjectNotFound(f"There is no object {key}.", remedy="Check the key.") from error
            log.warning("store_call_failed", operation=operation, key=key, error=str(error))
            if isinstance(error, _NOT_THERE):
                raise StoreMissing(
                    f"There is no folder {self._root}.", remedy="Run manage.py create_storage."
                ) from error
            what = f"The folder {self._root} failed at {operation} of {key}: {error.strerror}."
            if error.errno in _FORBIDDEN:
                raise StoreMissing(
                    what, remedy="Give it to the user that runs repomgr: it must read and write all of it."
                ) from error
            raise StoreUnavailable(what, remedy="Check the disk and the space left on it, then try again.") from error


def _etag(status: os.stat_result | None) -> str | None:
    return None if status is None else etag_of(status)


def _info(key: str, status: os.stat_result, metadata: Mapping[str, str]) -> ObjectInfo:
    return ObjectInfo(
        key=key,
        size=status.st_size,
        etag=etag_of(status),
        content_type=content_type(key),
        cache_control=cache_control(key),
        modified=datetime.fromtimestamp(status.st_mtime, UTC),
        metadata=metadata,
    )


def _link(draft: Path, path: Path, key: str) -> None:
    try:
        os.link(draft, path)
    except FileExistsError as error:
        raise ObjectExists(f"{key} is there already.", remedy="Objects of this key are never replaced.") from error


def _no_room(key: str) -> ObjectExists:
    return ObjectExists(
        f"{key} can't be stored: a part of it is an object and a folder at once.", remedy="Use another key."
    )
