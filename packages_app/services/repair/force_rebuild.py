"""Force rebuild: everything that clients read made again from the package table alone (docs/REQUIREMENTS.md R7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from packages_app.core.ports import Progress
from packages_app.core.rights import Action
from packages_app.models import Job, Publication
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.services import adapters
from packages_app.services.jobs import queue
from packages_app.services.publication.publish import publish, result_of
from packages_app.services.publication.requests import known_suite, known_suites
from packages_app.services.repair.repair import repair_pool
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import require_of_job

FLAGS = ("repair", "new_identity", "new_key")
"""What a rebuild may do besides; each is part of what its job is about."""


def ask_for_rebuilds(
    suites: Iterable[str],
    flags: Mapping[str, bool],
    *,
    user: Asker | None,
    requested_as: str,
    wake_worker: bool = True,
) -> list[Job]:
    """Make a job for each of these suites, or give the one that waits; `flags` says which of FLAGS are wanted."""
    extra = "".join(f" with {name.replace('_', ' ')}" for name, wanted in flags.items() if wanted)
    return [
        queue.enqueue(
            Job.Kind.FORCE_REBUILD,
            {"suites": [name], **flags},
            subject=(name + extra)[:255],
            user=user,
            requested_as=requested_as,
            wake_worker=wake_worker,
        )
        for name in suites
    ]


def do_force_rebuild(job: Job, progress: Progress) -> dict[str, Any]:
    """Rebuild a job's suite, as `force_rebuild`; of several each gets a job of its own, named in `asked_for`."""
    flags = {name: job.arguments.get(name, False) for name in FLAGS}
    names = known_suites(job.arguments.get("suites", []))
    require_of_job(job, Action.PUBLISH, "A force rebuild", suites=names)
    if len(names) > 1:  # as earlier releases asked: each has an outcome of its own
        jobs = ask_for_rebuilds(names, flags, user=job.requested_by, requested_as=job.requested_as)
        return {"suites": [], "asked_for": [asked.subject for asked in jobs]}
    return force_rebuild(names, progress, **flags, job=job)


def force_rebuild(
    suites: list[str],
    progress: Progress,
    *,
    repair: bool = False,
    new_identity: bool = False,
    new_key: bool = False,
    job: Job | None = None,
) -> dict[str, Any]:
    """Rebuild suites (all when the list is empty) from the table; asks no upstream, reads no `.deb`.

    The mirror is made equal to the table by a job of its own. Missing pool files are named on the publication; with
    `repair` those of these suites are fetched again from `deb_url` first, and taken only when their SHA256 is the
    record's. `new_identity` and `new_key` show clients another identity and another signing key. Records that vanished,
    and what was held back, stay unpublished unless a person has approved just that. Return each suite's result and the
    repair's; raise as `publish`.
    """
    wanted = [known_suite(name).name for name in suites] or [s.name for s in adapters.repository().suites]
    result: dict[str, Any] = {}
    if repair:
        repaired = repair_pool(wanted, progress)
        result["repaired"], result["not_repaired"] = repaired.repaired, repaired.failed
    options = PublicationOptions(rebuild=True, new_identity=new_identity, new_key=new_key)
    result["suites"] = [
        result_of(publish(name, progress, options=options, kind=Publication.Kind.FORCE_REBUILD, job=job))
        for name in wanted
    ]
    queue.enqueue(Job.Kind.RECONCILE, subject="all")
    return result
