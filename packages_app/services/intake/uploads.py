"""Uploads: a person's `.deb`, checked at once, staged, and taken in by a job."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import structlog

from packages_app.core.checksums import checksums_of_file
from packages_app.core.definition import Definition
from packages_app.core.errors import PackageRefused, VersionConflict
from packages_app.core.ports import Progress, Written
from packages_app.core.record import PackageRecord
from packages_app.debian.deb_file import DebContents, open_deb
from packages_app.models import Job
from packages_app.services import adapters
from packages_app.services.intake.conflicts import quarantine_conflict
from packages_app.services.intake.take_in import Origin, check_fits, place_of, take_in
from packages_app.services.jobs import queue
from packages_app.sources.registry import source_types

log = structlog.get_logger(__name__)


def upload_targets() -> list[Definition]:
    """Give the enabled definitions that take uploads, sorted by name."""
    types = source_types()
    return [
        definition
        for definition in adapters.definitions().by_name.values()
        if definition.enabled and types[definition.source_type].takes_uploads
    ]


def stage_upload(
    path: Path,
    filename: str,
    *,
    suite: str = "",
    component: str = "",
    user: queue.Asker | None = None,
    wake_worker: bool = True,
) -> Job:
    """Check an uploaded file, put it into staging and ask for its intake; gives the job.

    Raises `PackageRefused`, `InvalidDeb` before anything is stored: a path in the name, no `.deb`, a package without
    a definition that takes uploads, another architecture, a suite or component that is not configured.
    """
    check_filename(filename)
    contents = open_deb(path)
    definition = target_of(contents, upload_targets())
    check_fits(contents, definition)
    place_of(definition, adapters.repository(), suite=suite, component=component)
    staged = f"uploads/{uuid4().hex}/{filename}"
    adapters.staging().put(staged, path)
    key = list(key_of(contents))
    arguments = {"staged": staged, "suite": suite, "component": component, "key": key}
    return queue.enqueue(Job.Kind.UPLOAD, arguments, user=user, wake_worker=wake_worker)


def intake_upload(job: Job, progress: Progress) -> dict[str, Any]:
    """Take a staged upload in; gives the record's key. A conflicting file is quarantined, the staged one removed."""
    staged: str = job.arguments["staged"]
    progress.step("fetch from staging", staged.rpartition("/")[2])
    done = _done_before(job)
    if done is not None:
        progress.note("an earlier run has taken it in; it was interrupted after that")
        return _result(done, new=True)
    with adapters.staging().as_local_file(staged) as path:
        checksums, contents = checksums_of_file(path), open_deb(path)
        definition = target_of(contents, upload_targets())
        place = place_of(
            definition, adapters.repository(), suite=job.arguments["suite"], component=job.arguments["component"]
        )
        try:
            record, written = take_in(path, checksums, definition, place, Origin(), progress, contents=contents)
        except VersionConflict as error:
            key, origin = key_of(contents), uploader_of(job)
            raise quarantine_conflict(path, checksums, key, origin, job=job, error=error) from error
    adapters.staging().delete(staged)
    if written is Written.ALREADY_THERE:
        progress.note("this version is there already, with the same bytes: nothing to do")
    return _result(record, new=written is Written.ADDED)


def _done_before(job: Job) -> PackageRecord | None:
    """Give the record of an upload whose staged file is gone: it is removed only once it is taken in."""
    if adapters.staging().head(job.arguments["staged"]) is not None:
        return None
    key = job.arguments.get("key")  # jobs of earlier releases have none
    return adapters.package_table().get(*key) if key else None


def _result(record: PackageRecord, *, new: bool) -> dict[str, Any]:
    return {
        "package": record.package_name,
        "version": record.version,
        "architecture": record.architecture,
        "new": new,
    }


def uploader_of(job: Job) -> str:
    """Say where a job's files come from, for the report of a conflict."""
    return f"upload by {job.requested_by.get_username() if job.requested_by else 'a command'}"


def key_of(contents: DebContents) -> tuple[str, str, str]:
    """Give a package's name, version and architecture."""
    control = contents.control
    return control["Package"], control["Version"], control["Architecture"]


def check_filename(filename: str) -> None:
    """Check the name under which a file was sent; raises `PackageRefused` for a path, and for no `.deb`."""
    if filename != Path(filename).name or filename.startswith(".") or not filename.isprintable() or "\\" in filename:
        raise PackageRefused(f"The file name {filename[:80]!r} holds a path.", remedy="Send the plain file name.")
    if not filename.endswith(".deb"):
        raise PackageRefused(f"{filename[:80]!r} is not named .deb.", remedy="Upload a Debian binary package.")


def target_of(contents: DebContents, targets: Sequence[Definition]) -> Definition:
    """Give the definition that a package belongs to; raises `PackageRefused` when none of `targets` is."""
    name = contents.control["Package"]
    for definition in targets:
        if definition.name == name:
            return definition
    known = ", ".join(definition.name for definition in targets) or "none"
    raise PackageRefused(
        f"The package {name} is not one that takes uploads.",
        remedy=f"Upload one of: {known}; or add a build_script definition for it in config/packages/.",
    )
