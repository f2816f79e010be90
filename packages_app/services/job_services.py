"""Which service does the work of which kind of job, with the arguments taken out of the job's row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from packages_app.core.ports import Progress
from packages_app.models import Job
from packages_app.services.intake.build_bootstrap import build_and_take_in
from packages_app.services.intake.sync import sync_packages
from packages_app.services.intake.trial import TRIAL, try_definition
from packages_app.services.intake.upload_batch import intake_batch
from packages_app.services.intake.uploads import intake_upload
from packages_app.services.jobs import queue
from packages_app.services.jobs.rights import require_publisher
from packages_app.services.lifecycle.move import do_move
from packages_app.services.lifecycle.promotion import do_promote
from packages_app.services.lifecycle.purge import do_purge
from packages_app.services.lifecycle.retention import do_retain
from packages_app.services.lifecycle.rollback import do_rollback
from packages_app.services.mirror.changes import reconcile_what_is_due
from packages_app.services.publication.publish import publish, result_of
from packages_app.services.publication.refresh_signatures import refresh_signatures
from packages_app.services.publication.requests import known_suites
from packages_app.services.repair.force_rebuild import FLAGS, ask_for_rebuilds, force_rebuild
from packages_app.services.repair.verification_jobs import repair_as_consented, verify_and_plan
from packages_app.services.snapshots.jobs import do_snapshot
from packages_app.services.sweep import sweep


def _sync(job: Job, progress: Progress) -> dict[str, Any]:
    if TRIAL in job.arguments:
        return try_definition(job.arguments["name"], job.arguments[TRIAL], progress)
    return sync_packages(job.arguments.get("names", []), progress, job=job)


def _upload(job: Job, progress: Progress) -> dict[str, Any]:
    return intake_batch(job, progress) if "files" in job.arguments else intake_upload(job, progress)


def _build(job: Job, progress: Progress) -> dict[str, Any]:
    # A right may have been taken between the request and now; jobs of earlier releases needed a smaller one.
    require_publisher(job.requested_by, f"A build of {job.arguments['name']}")
    address = job.arguments.get("repository_url", "")
    name, version = job.arguments["name"], job.arguments["version"]
    return build_and_take_in(name, version, progress, repository_url=address, who=job.asker)


def _publish(job: Job, progress: Progress) -> dict[str, Any]:
    return result_of(publish(job.arguments["suite"], progress, job=job))


def _force_rebuild(job: Job, progress: Progress) -> dict[str, Any]:
    flags = {name: job.arguments.get(name, False) for name in FLAGS}
    names = known_suites(job.arguments.get("suites", []))
    if len(names) > 1:  # as earlier releases asked: each has an outcome of its own
        jobs = ask_for_rebuilds(names, flags, user=job.requested_by, requested_as=job.requested_as)
        return {"suites": [], "asked_for": [asked.subject for asked in jobs]}
    return force_rebuild(names, progress, **flags, job=job)


def _refresh(job: Job, progress: Progress) -> dict[str, Any]:
    return refresh_signatures(progress, suites=job.arguments.get("suites", []), job=job)


def _reconcile(job: Job, progress: Progress) -> dict[str, Any]:
    return reconcile_what_is_due(progress, whole=job.arguments.get("whole", False))


def _sweep(job: Job, progress: Progress) -> dict[str, Any]:
    return sweep(progress, dry_run=job.arguments.get("dry_run", False))


SERVICES: Mapping[str, queue.Service] = {
    Job.Kind.SYNC: _sync,
    Job.Kind.UPLOAD: _upload,
    Job.Kind.BUILD: _build,
    Job.Kind.PUBLISH: _publish,
    Job.Kind.FORCE_REBUILD: _force_rebuild,
    Job.Kind.REFRESH: _refresh,
    Job.Kind.RECONCILE: _reconcile,
    Job.Kind.SWEEP: _sweep,
    Job.Kind.MOVE: do_move,
    Job.Kind.ROLL_BACK: do_rollback,
    Job.Kind.RETAIN: do_retain,
    Job.Kind.PROMOTE: do_promote,
    Job.Kind.PURGE: do_purge,
    Job.Kind.SNAPSHOT: do_snapshot,
    Job.Kind.VERIFY: verify_and_plan,
    Job.Kind.REPAIR: repair_as_consented,
}


def do_work(job: Job, progress: Progress) -> dict[str, Any]:
    """Do a job's work, whatever its kind; return its result. Raise what the kind's service raises."""
    return SERVICES[job.kind](job, progress)


def run_job(job_id: UUID | str, *, watcher: Progress | None = None, patient: bool = True) -> Job:
    """Do a queued job's work here, as `queue.run`; return the job as it is afterwards."""
    return queue.run(job_id, do_work, watcher=watcher, patient=patient)


def run_waiting_publications(progress: Progress) -> list[Job]:
    """Run the publications that wait, here; leave those that a worker has taken to it. Return the jobs run."""
    return [run_job(job.pk, watcher=progress, patient=False) for job in queue.waiting_jobs(Job.Kind.PUBLISH)]
