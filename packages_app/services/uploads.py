"""Uploads: a person's `.deb`, checked at once, staged, and taken in by a job."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import structlog

from packages_app.core.checksums import checksums_of_file
from packages_app.core.definition import Definition
from packages_app.core.errors import PackageRefused, VersionConflict
from packages_app.core.ports import Progress, Written
from packages_app.core.record import PackageRecord
from packages_app.debian.deb_file import open_deb
from packages_app.models import Job
from packages_app.publishing.local_copy import local_copy
from packages_app.services import adapters, jobs
from packages_app.services.conflicts import quarantine_conflict
from packages_app.services.intake import Origin, inspect, place_of, take_in
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
    user: jobs.Asker | None = None,
    wake_worker: bool = True,
) -> Job:
    """Check an uploaded file, put it into staging and ask for its intake; gives the job.

    Raises `PackageRefused`, `InvalidDeb` before anything is stored: a path in the name, no `.deb`, a package without
    a definition that takes uploads, another architecture, a suite or component that is not configured.
    """
    _check_filename(filename)
    definition = _target_of(path)
    control = inspect(path, definition).control
    place_of(definition, adapters.repository(), suite=suite, component=component)
    staged = f"uploads/{uuid4().hex}/{filename}"
    adapters.staging().put(staged, path)
    key = [control["Package"], control["Version"], control["Architecture"]]
    arguments = {"staged": staged, "suite": suite, "component": component, "key": key}
    return jobs.enqueue(Job.Kind.UPLOAD, arguments, user=user, wake_worker=wake_worker)


def intake_upload(job: Job, progress: Progress) -> dict[str, Any]:
    """Take a staged upload in; gives the record's key. A conflicting file is quarantined, the staged one removed."""
    staged: str = job.arguments["staged"]
    progress.step("fetch from staging", staged.rpartition("/")[2])
    done = _done_before(job)
    if done is not None:
        progress.note("an earlier run has taken it in; it was interrupted after that")
        return _result(done, new=True)
    with local_copy(adapters.staging(), staged) as path:
        checksums = checksums_of_file(path)
        definition = _target_of(path)
        place = place_of(
            definition, adapters.repository(), suite=job.arguments["suite"], component=job.arguments["component"]
        )
        try:
            record, written = take_in(path, checksums, definition, place, Origin(), progress)
        except VersionConflict as error:
            control = open_deb(path).control
            key = (control["Package"], control["Version"], control["Architecture"])
            who = job.requested_by.get_username() if job.requested_by else "a command"
            raise quarantine_conflict(path, checksums, key, f"upload by {who}", job=job, error=error) from error
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


def _check_filename(filename: str) -> None:
    if filename != Path(filename).name or filename.startswith(".") or not filename.isprintable() or "\\" in filename:
        raise PackageRefused(f"The file name {filename[:80]!r} holds a path.", remedy="Send the plain file name.")
    if not filename.endswith(".deb"):
        raise PackageRefused(f"{filename[:80]!r} is not named .deb.", remedy="Upload a Debian binary package.")


def _target_of(path: Path) -> Definition:
    """Give the definition that the package in this file belongs to; raises when none takes it."""
    name = open_deb(path).control["Package"]
    targets = {definition.name: definition for definition in upload_targets()}
    if name not in targets:
        known = ", ".join(targets) or "none"
        raise PackageRefused(
            f"The package {name} is not one that takes uploads.",
            remedy=f"Upload one of: {known}; or add a build_script definition for it in config/packages/.",
        )
    return targets[name]
