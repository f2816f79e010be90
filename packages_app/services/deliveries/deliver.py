"""A delivery from the upload to the jobs: what is sound is staged, looked at, and asked for in one go.

Packages without a definition are defined then, where that is needed and allowed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import structlog

from packages_app.core.errors import PackageRefused
from packages_app.models import Job
from packages_app.services.deliveries.delivered import (
    Place,
    delivered,
    keep,
    read_file,
    require_room,
    stage,
)
from packages_app.services.deliveries.preview import Fate, Judged, judged_for, look_at
from packages_app.services.intake.proposals import define
from packages_app.services.intake.upload_batch import ask_for_batch
from packages_app.services.intake.uploads import ask_for_intake, version_in
from packages_app.services.jobs import queue
from packages_app.services.rights.asker import Asker

_JOB_BYTES = 1024 * 1024 * 1024
"""So many bytes are taken in by one job: where staging is a bucket, it has a copy of each file meanwhile."""

log = structlog.get_logger(__name__)


def deliver(
    files: Sequence[tuple[Path, str]], delivery: str, place: Place, user: Asker, *, is_all: bool
) -> list[Judged]:
    """Look at files that a person sent, each a path and the name it was sent by, and stage those that may be taken in.

    Return their fates; one that is refused is noted with its reason and stops no other. `is_all` says that no more are
    to come: of a single file that is refused nothing is kept then. Raise `TooManyFiles`, and what the store raises.
    """
    require_room(user, sum(path.stat().st_size for path, _ in files))
    found = judged_for([read_file(path, name, place) for path, name in files], user)
    if is_all and len(found) == 1 and found[0].fate is Fate.REFUSED:
        return found
    for file, (path, _) in zip(found, files, strict=True):
        sound = file.fate is not Fate.REFUSED
        keep(stage(file.came, path, delivery, user) if sound else replace(file.came, refused=file.refused),
             delivery, user)  # fmt: skip
    return found


def take_delivery_in(delivery: str, chosen: Collection[str], user: Asker) -> list[Job]:
    """Ask for the intake of the chosen files of a person's delivery, by their numbers; return the jobs.

    A package without a definition is defined as was proposed, once all proposals are sound. What was asked for before
    is not asked for again. Raise `PackageRefused` where nothing is left to ask for, `TooManyJobs`, and what defining
    raises, before any job is made.
    """
    looked_at = look_at(delivered(delivery, user), user)
    wanted = [file for file in looked_at.files if file.may_be_taken and file.came.number in chosen]
    if not wanted:
        raise PackageRefused(
            "None of these files can be taken in, or none is ticked.", remedy="Tick one that is new, or upload others."
        )
    queue.require_room(user)
    needed = {file.proposal.name: file.proposal for file in wanted if file.proposal is not None}
    if needed:
        define(needed.values(), user)
    jobs = []
    for files in _for_jobs(wanted):
        job = _asked_for(files, user)
        jobs.append(job)
        for file in files:
            keep(replace(file.came, job=str(job.pk)), delivery, user)
    log.info("delivery_taken_in", delivery=delivery, files=len(wanted), defined=sorted(needed))
    return jobs


def _for_jobs(wanted: Sequence[Judged]) -> Iterator[list[Judged]]:
    """Yield files for the same place, so many at once as one job takes in."""
    by_place: dict[Place, list[Judged]] = defaultdict(list)
    for file in wanted:
        by_place[file.came.place].append(file)
    for files in by_place.values():
        some: list[Judged] = []
        size = 0
        for file in files:
            own = file.came.checksums.size if file.came.checksums is not None else 0
            if some and size + own > _JOB_BYTES:
                yield some
                some, size = [], 0
            some.append(file)
            size += own
        yield some


def _asked_for(files: Sequence[Judged], user: Asker) -> Job:
    place = asdict(files[0].came.place)
    if len(files) > 1 or not files[0].came.is_hashed:  # whose job alone could not tell who took its file in
        return ask_for_batch([(file.came.name, file.came.key) for file in files], user=user, **place)
    [file] = files
    control, checksums = file.came.contents.control, file.came.checksums
    return ask_for_intake(
        file.came.key, version_in(control, file.record.build if file.record else ""), user=user, **place,
        sha256=checksums.sha256 if checksums is not None else "",
    )  # fmt: skip
