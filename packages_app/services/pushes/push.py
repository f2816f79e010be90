"""Files that a machine pushes: all are sound and asked for, or none is stored.

The same bytes again are known, and other bytes of a version that is there are a conflict: nothing waits for a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from uuid import UUID

from packages_app.core.built_from import with_built_from
from packages_app.core.checksums import checksums_of_file
from packages_app.core.errors import PackageRefused, RecordNotFound, RepomgrError
from packages_app.core.record import PackageRecord, TableKey, make_package_id
from packages_app.debian.deb_file import open_deb
from packages_app.models import Job
from packages_app.services import adapters
from packages_app.services.deliveries.delivered import Place
from packages_app.services.intake.admit import Admission, admission_of_uploads, admit
from packages_app.services.intake.foreseen import known_of
from packages_app.services.intake.new_record import UPLOADED
from packages_app.services.intake.take_in import checked_record
from packages_app.services.intake.upload_batch import ask_for_batch
from packages_app.services.intake.uploads import ask_for_intake, check_filename, stage_file
from packages_app.services.jobs import queue
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import rights_of

MOST_FILES = 100
"""Files of one push."""
AS_DEFINED = "-"
"""Stands in an address for the suite, or the component, that the package's definition says."""


@dataclass(frozen=True)
class PushedFile:
    """A file that was pushed: its name, the record that it has or is to have, and whether that was there already."""

    name: str
    record: PackageRecord
    known: bool


@dataclass(frozen=True)
class Pushed:
    """The files of one push, and the job that takes the new ones in; None where all were known."""

    files: tuple[PushedFile, ...]
    job: Job | None


def place_at(suite: str, component: str = AS_DEFINED) -> Place:
    """Return the place that an address says."""
    return Place("" if suite == AS_DEFINED else suite, "" if component == AS_DEFINED else component)


def push(files: Sequence[tuple[Path, str]], place: Place, user: Asker | None) -> Pushed:
    """Take files, each a path and the name it was sent by, and ask for their intake.

    Raise before anything is stored: `InvalidDeb`, `PackageRefused`, `RightMissing`, `VersionConflict`, each naming its
    file where there are several; `TooManyJobs`, and what table and store raise.
    """
    if not files:
        raise PackageRefused("No file was sent.", remedy="Send one .deb at least.")
    if len(files) > MOST_FILES:
        raise PackageRefused(f"{len(files)} files were sent.", remedy=f"Send {MOST_FILES} at once at most.")
    admission = admission_of_uploads(
        rights_of(user), suite=place.suite, component=place.component, rollout=place.rollout, build=place.build
    )
    looked_at = [_looked_at(path, name, admission, alone=len(files) == 1) for path, name in files]
    _check_each_once(looked_at)
    new = [(path, file) for (path, _), file in zip(files, looked_at, strict=True) if not file.known]
    if not new:
        return Pushed(tuple(looked_at), None)
    queue.require_room(user)  # before anything is staged
    staged = [stage_file(path, file.name) for path, file in new]
    place_said = asdict(place)
    versions = [(file.record.package_name, file.record.version, file.record.built_for) for _, file in new]
    if len(new) == 1:
        sha256 = new[0][1].record.sha256_hash or ""
        job = ask_for_intake(staged[0], versions[0], sha256=sha256, user=user, **place_said)
    else:
        named = [(file.name, key) for (_, file), key in zip(new, staged, strict=True)]
        job = ask_for_batch(named, versions=versions, user=user, **place_said)
    said = job.token.built_from if job.token is not None else {}  # the job keeps it with the record
    told = [file if file.known else replace(file, record=with_built_from(file.record, said)) for file in looked_at]
    return Pushed(tuple(told), job)


def _looked_at(path: Path, name: str, admission: Admission, *, alone: bool) -> PushedFile:
    try:
        check_filename(name)
        contents = open_deb(path)
        admitted = admit(contents, admission, name)
        record = checked_record(contents, checksums_of_file(path), admitted, UPLOADED, ())
        known = known_of(record)
    except RepomgrError as error:
        if not alone:
            error.message = f"{name[:80]}: {error.message}"
        raise
    if known is None:
        return PushedFile(name, record, known=False)
    return PushedFile(name, known, known=set(record.suites) <= set(known.suites))


def _check_each_once(files: Sequence[PushedFile]) -> None:
    seen: dict[object, PushedFile] = {}
    for file in files:
        other = seen.setdefault(file.record.key, file)
        if other is not file:
            raise PackageRefused(
                f"{other.name} and {file.name} are both {file.record.named}.", remedy="Send each version once."
            )
        other = seen.setdefault(file.record.pool_path, file)
        if other is not file:
            raise PackageRefused(
                f"{other.name} and {file.name} have one place in the pool, {file.record.pool_path}.",
                remedy="Give each a version that differs in more than its epoch.",
            )


def pushed_by(number: UUID) -> Pushed:
    """Return what a job was asked to take in, as far as it is there; raise `RecordNotFound` for another job."""
    job = Job.objects.select_related("requested_by", "token").filter(pk=number, kind=Job.Kind.UPLOAD).first()
    if job is None:
        raise RecordNotFound(f"There is no upload {number}.", remedy="Its job is forgotten: look for the package.")
    records = adapters.package_table().get_many(keys_of(job)).values()
    files = [PushedFile((record.pool_path or "").rpartition("/")[2], record, known=False) for record in records]
    return Pushed(tuple(files), job)


def keys_of(job: Job) -> list[TableKey]:
    """Return the keys of the records that an upload's job takes in."""
    versions = job.arguments.get("versions") or [job.arguments.get("key") or ()]
    return [(make_package_id(version[0], version[1]), version[2]) for version in versions if version]
