"""Many uploads at once: small files in batches, a job each, spread over the processors; large ones by themselves."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from packages_app.core.errors import FileUnreadable, PackageRefused, RepomgrError
from packages_app.core.ports import Progress
from packages_app.core.readable import check_readable
from packages_app.models import Job
from packages_app.services.intake.spread import spread
from packages_app.services.intake.upload_batch import intake_batch, stage_batch
from packages_app.services.intake.uploads import PACKAGE_ENDINGS, check_filename, intake_upload, stage_upload
from packages_app.services.jobs import queue
from packages_app.stores.local_files import status_of

_SMALL_BYTES = 1024 * 1024
_BATCH_FILES = 1000
_BATCH_BYTES = 16 * 1024 * 1024

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class UploadFile:
    """A file to take in: the name that people know it by, where it is, its size in bytes."""

    name: str
    path: Path
    size: int


@dataclass(frozen=True)
class Uploaded:
    """What became of some files: how many were new and known, and sentences about those that were not taken in.

    `error_code` is that of what stopped all of them, or "".
    """

    files: int
    new: int = 0
    known: int = 0
    refused: tuple[str, ...] = ()
    error_code: str = ""


def files_of(source: Path) -> list[UploadFile]:
    """Return the file, or the `.deb` files in the folder and below it, sorted by name.

    Raise `PackageRefused` for a folder without any and for a name that is no package's, `FileUnreadable` for what is no
    file that can be read. Of what lies in the folder, that is named when it is its turn.
    """
    if not os.path.isdir(source):
        check_readable(source)
        check_filename(source.name)
        return [UploadFile(source.name, source, source.stat().st_size)]
    files = sorted(_below(source), key=lambda file: file.name)
    if not files:
        raise PackageRefused(f"The folder {source} holds no .deb.", remedy="Name the folder that the packages are in.")
    return files


def _below(source: Path) -> Iterator[UploadFile]:
    closed: list[OSError] = []
    for folder, _, names in os.walk(source, onerror=closed.append):
        own = os.path.relpath(folder, source)
        before = "" if own == os.curdir else f"{own}/"
        for name in names:
            if name.endswith(PACKAGE_ENDINGS):
                yield UploadFile(before + name, path := Path(folder, name), _size_of(path))
    yield from (UploadFile(os.path.relpath(one.filename, source), Path(one.filename), 0) for one in closed)


def _size_of(path: Path) -> int:
    """Return a file's size; 0 for what is none, which is named once it is to be read."""
    try:
        status = status_of(path)
    except OSError:
        status = None
    return status.st_size if status is not None else 0


def upload_files(
    files: Sequence[UploadFile],
    progress: Progress,
    *,
    suite: str = "",
    component: str = "",
    rollout: Sequence[int] = (),
    build: str = "",
) -> Iterator[Uploaded]:
    """Stage files and take them in here; return what became of each batch. What was taken in before is known.

    Publications are asked for and not made. A batch that fails stops no other.
    """
    progress.step("take in", f"{len(files)} files")
    take_in = partial(_take_in, suite=suite, component=component, rollout=tuple(rollout), build=build)
    done = 0
    for uploaded in spread(take_in, list(_batches(files))):
        done += uploaded.files
        progress.advance(done, len(files))
        yield uploaded


def _batches(files: Iterable[UploadFile]) -> Iterator[list[UploadFile]]:
    """Return small files in batches, and each large one alone."""
    batch: list[UploadFile] = []
    size = 0
    for file in files:
        if file.size > _SMALL_BYTES:
            yield [file]
            continue
        if len(batch) == _BATCH_FILES or size + file.size > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch


def _take_in(files: list[UploadFile], suite: str, component: str, rollout: Sequence[int], build: str) -> Uploaded:
    stage = partial(stage_upload, suite=suite, component=component, rollout=rollout, build=build, wake_worker=False)
    try:
        if files[0].size > _SMALL_BYTES:
            [file] = files
            check_readable(file.path)
            job = stage(file.path, file.path.name)
            return _outcome(queue.run(job.pk, intake_upload, patient=False), [file.name], [])
        bodies, unread = _read(files)
        if not bodies:
            return Uploaded(len(files), refused=tuple(unread), error_code=FileUnreadable.code)
        job = stage_batch(bodies, suite=suite, component=component, rollout=rollout, build=build, wake_worker=False)
        return _outcome(queue.run(job.pk, intake_batch, patient=False), [name for name, _ in bodies], unread)
    except RepomgrError as error:
        return _nothing(files, error, error.code)
    except Exception as error:
        log.exception("batch_failed", files=len(files))
        return _nothing(files, error, "internal_error")


def _nothing(files: list[UploadFile], error: Exception, code: str) -> Uploaded:
    return Uploaded(len(files), refused=(f"{_named([file.name for file in files])}: {error}",), error_code=code)


def _read(files: list[UploadFile]) -> tuple[list[tuple[str, bytes]], list[str]]:
    """Return the files' names and bytes, and a sentence for each that can't be read."""
    bodies, unread = [], []
    for file in files:
        try:
            check_readable(file.path)
            bodies.append((file.name, file.path.read_bytes()))
        except (FileUnreadable, OSError) as error:
            unread.append(f"{file.name}: {FileUnreadable.code}: {error}")
    return bodies, unread


def _outcome(job: Job, names: list[str], unread: list[str]) -> Uploaded:
    """Return what a job made of the files of these names, beside those that could not be read."""
    result, code = job.result, job.error_code or (FileUnreadable.code if unread else "")
    refused = result.get("refused", [])
    if job.state == Job.State.FAILED and not refused:
        refused = [f"{_named(names)}: {job.error} Remedy: {job.remedy}"]
    elif job.state not in Job.ENDED:
        refused = [f"{_named(names)}: {job.get_state_display()}; a worker has them"]
    new = int(result.get("new", 0))
    known = int(result.get("known", job.state == Job.State.DONE and not new))
    return Uploaded(len(names) + len(unread), new, known, (*refused, *unread), code)


def _named(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}, {len(names)} files"
