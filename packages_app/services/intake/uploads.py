"""Uploads: a person's `.deb`, checked at once, staged, and taken in by a job."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings

from packages_app.core.errors import ObjectNotFound, PackageRefused
from packages_app.core.ports import Progress
from packages_app.core.record import PackageRecord, built_for
from packages_app.core.rollout import check_steps
from packages_app.core.suite_change import VersionPurged
from packages_app.debian.deb_file import open_deb
from packages_app.models import Conflict, Job
from packages_app.services import adapters
from packages_app.services.intake.admit import Admission, admission_of, admission_of_uploads, admit, defined
from packages_app.services.intake.conflicts import refusal_of, settle
from packages_app.services.intake.new_record import Provenance
from packages_app.services.intake.take_in import Refused, StagedFile, take_in
from packages_app.services.jobs import queue
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import rights_of, rights_of_job
from packages_app.uploading import TooLarge

PACKAGE_ENDINGS = (".deb", ".ddeb")
"""How files of packages are named; those of debug symbols may have a name of their own, and are packages as others."""

_LONGEST_NAME = 200
"""Bytes of UTF-8. File systems and S3 hold 255 and 1024, of a name and of a key with all that stands before."""


def stage_upload(
    path: Path,
    filename: str,
    *,
    suite: str = "",
    component: str = "",
    rollout: Sequence[int] = (),
    build: str = "",
    user: Asker | None = None,
    wake_worker: bool = True,
) -> Job:
    """Check an uploaded file, put it into staging and ask for its intake; return the job.

    Raise `PackageRefused`, `InvalidDeb` before anything is stored: a path in the name, no `.deb`, a package without
    a definition that takes uploads, another architecture, a suite or component that is not configured, steps of a
    roll-out or the label of a build that are none. Raise `RightMissing` for a bootstrap package, and for a place, a
    roll-out or a build that the definition does not name, by one who may not publish; and for a package that a source
    watches, by one who may not upload hot-fixes.
    """
    check_filename(filename)
    if rollout:
        check_steps(rollout)
    contents = open_deb(path)
    admission = admission_of_uploads(rights_of(user), suite=suite, component=component, build=build, rollout=rollout)
    admitted = admit(contents, admission, filename)
    queue.require_room(user)  # before anything is staged
    version = version_in(contents.control, admitted.destination.build)
    return ask_for_intake(
        stage_file(path, filename), version, sha256=_sha256_of(path), suite=suite, component=component, build=build,
        rollout=rollout, user=user, wake_worker=wake_worker,
    )  # fmt: skip


def stage_file(path: Path, filename: str) -> str:
    """Put an uploaded file into staging; return its key there. Raise what the store raises."""
    staged = f"uploads/{uuid4().hex}/{filename}"
    adapters.staging().put(staged, path)
    return staged


def version_in(control: Mapping[str, str], build: str) -> tuple[str, str, str]:
    """Return name, version and `built_for` of the record that a control paragraph is to have, as one of its builds."""
    return (control["Package"], control["Version"], built_for(control["Architecture"], build))


def ask_for_intake(
    staged: str,
    version: tuple[str, str, str],
    *,
    sha256: str,
    suite: str,
    component: str,
    rollout: Sequence[int],
    build: str,
    user: Asker | None,
    wake_worker: bool = True,
) -> Job:
    """Ask for the intake of a file that is staged, whose record is to have this `version_in`; return the job."""
    arguments = {
        "staged": staged, "suite": suite, "component": component, "build": build,
        "key": [*version], "sha256": sha256, "rollout": [*rollout],
    }  # fmt: skip
    return queue.enqueue(Job.Kind.UPLOAD, arguments, user=user, wake_worker=wake_worker)


def intake_upload(job: Job, progress: Progress) -> dict[str, Any]:
    """Take a staged upload in, and remove it from staging; return the record's key and whether it is new.

    Raise what `take_in` refuses it for; a conflicting file is quarantined, and each refused one stays in staging.
    """
    staged: str = job.arguments["staged"]
    filename = staged.rpartition("/")[2]
    progress.step("fetch from staging", filename)
    done = _done_before(job)
    if done is not None:
        progress.note("these bytes are in the repository; the file that was uploaded is gone from staging")
        return _result(done, new=added_by(job, done) or "sha256" not in job.arguments)
    admission = admission_of_job(job)
    with adapters.staging().as_local_file(staged) as path:
        [taken] = take_in([StagedFile(filename, path, provenance=provenance_of(job))], admission, progress)
        if isinstance(taken, Refused):
            if isinstance(taken.error, VersionPurged):  # nobody is to have these bytes
                adapters.staging().delete(staged)
            raise refusal_of(taken, uploader_of(job), job=job)
    adapters.staging().delete(staged)
    settle(Conflict.objects.filter(quarantined=staged))  # the file of one that was settled as two builds
    new = taken.added or added_by(job, taken.record)
    if not new:
        progress.note("this version is there already, with the same bytes: nothing to do")
    return _result(taken.record, new=new)


def added_by(job: Job, record: PackageRecord) -> bool:
    """Return whether an earlier run of a job that was begun again has added a record: not before it was asked for."""
    return job.tries > 0 and record.processed_timestamp >= job.created.isoformat(timespec="seconds")


def admission_of_job(job: Job) -> Admission:
    """Return what the files of a job are measured by: its place and roll-out, and the rights of who asked for it."""
    said = job.arguments  # jobs of earlier releases have no build; only a settled conflict names suites and definition
    if name := said.get("definition"):
        settled = admission_of(defined(name))
        return replace(settled, suites=tuple(said["suites"]), build=said["build"], rights=rights_of_job(job))
    return admission_of_uploads(
        rights_of_job(job), suite=said["suite"], component=said["component"], rollout=said.get("rollout", ()),
        build=said.get("build", ""),
    )  # fmt: skip


def _done_before(job: Job) -> PackageRecord | None:
    """Return the record of an upload whose staged file is gone, where it has the uploaded bytes; None for one in place.

    Raise `ObjectNotFound` where the file was refused, and swept since: it was never taken in.
    """
    if adapters.staging().head(job.arguments["staged"]) is not None:
        return None
    key = job.arguments.get("key")  # jobs of earlier releases have none, and no SHA256 later ones
    record = adapters.package_table().get(*key) if key else None
    uploaded = job.arguments.get("sha256", "")
    if uploaded and (record is None or record.sha256_hash != uploaded):
        has = f"the repository has other bytes, SHA256 {record.sha256_hash}" if record else "the repository has none"
        raise ObjectNotFound(
            f"The file that was uploaded, SHA256 {uploaded}, is gone from staging and was not taken in: of"
            f" {' '.join(key)} {has}.",
            remedy="Upload the file again; a version that clients have needs another version number.",
        )
    return record


def _sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _result(record: PackageRecord, *, new: bool) -> dict[str, Any]:
    return {
        "package": record.package_name,
        "version": record.version,
        "architecture": record.built_for,
        "new": new,
        "suites": [*record.suites],
    }


def provenance_of(job: Job) -> Provenance:
    """Return where the files of an upload come from: who brought them, and what was vouched for with his token."""
    return Provenance(who=job.asker, built_from=job.token.built_from if job.token is not None else {})


def uploader_of(job: Job) -> str:
    """Return where a job's files come from, for the report of a conflict."""
    return f"upload by {job.asker}"


def check_filename(filename: str) -> None:
    """Check the name under which a file was sent; raise `PackageRefused` for a path, and for no package's name."""
    if filename != Path(filename).name or filename.startswith(".") or not filename.isprintable() or "\\" in filename:
        raise PackageRefused(f"The file name {filename[:80]!r} holds a path.", remedy="Send the plain file name.")
    if len(filename.encode()) > _LONGEST_NAME:
        raise PackageRefused(
            f"The file name {filename[:80]!r}… is longer than {_LONGEST_NAME} bytes.", remedy="Rename it."
        )
    if not filename.endswith(PACKAGE_ENDINGS):
        raise PackageRefused(f"{filename[:80]!r} is not named .deb.", remedy="Upload a Debian binary package.")


def check_size(filename: str, size: int) -> None:
    """Check the size in bytes that a file is said to have; raise `TooLarge`, and `PackageRefused` for an empty one."""
    if not 0 < size <= settings.UPLOAD_LIMIT_BYTES:
        refusal = TooLarge if size > 0 else PackageRefused
        raise refusal(
            f"{filename[:80]} has {size} bytes; from 1 to {settings.UPLOAD_LIMIT_BYTES} are taken.",
            remedy="Upload a Debian binary package, or let an administrator raise UPLOAD_LIMIT_BYTES.",
        )
