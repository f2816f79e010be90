"""Which service does the work of which kind of job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from django.utils.module_loading import import_string

from packages_app.core.ports import Progress
from packages_app.models import Job
from packages_app.services.jobs import queue

_SERVICES: Mapping[str, str] = {
    Job.Kind.SYNC: "intake.sync.do_sync",
    Job.Kind.UPLOAD: "intake.upload_batch.do_upload",
    Job.Kind.BUILD: "intake.build_bootstrap.do_build",
    Job.Kind.PUBLISH: "publication.publish.do_publish",
    Job.Kind.FORCE_REBUILD: "repair.force_rebuild.do_force_rebuild",
    Job.Kind.REFRESH: "publication.refresh_signatures.do_refresh",
    Job.Kind.RECONCILE: "mirror.changes.do_reconcile",
    Job.Kind.SWEEP: "sweep.do_sweep",
    Job.Kind.MOVE: "lifecycle.move.do_move",
    Job.Kind.ROLL_BACK: "lifecycle.rollback.do_rollback",
    Job.Kind.RETAIN: "lifecycle.retention.do_retain",
    Job.Kind.PROMOTE: "lifecycle.promotion.do_promote",
    Job.Kind.PURGE: "lifecycle.purge.do_purge",
    Job.Kind.SNAPSHOT: "snapshots.jobs.do_snapshot",
    Job.Kind.KEYS: "keys.work.do_keys",
    Job.Kind.ADOPT: "takeover.adoption_jobs.do_adopt",
    Job.Kind.VERIFY: "repair.verification_jobs.verify_and_plan",
    Job.Kind.REPAIR: "repair.verification_jobs.repair_as_consented",
}
"""Functions by their names below this room, imported when a job of the kind is done: a command or a worker pays for
what it does alone."""


def service_of(kind: str) -> queue.Service:
    """Return what does the work of jobs of a kind, with the arguments of the job's row."""
    return cast("queue.Service", import_string(f"{__package__}.{_SERVICES[kind]}"))


def do_work(job: Job, progress: Progress) -> dict[str, Any]:
    """Do a job's work, whatever its kind; return its result. Raise what the kind's service raises."""
    return service_of(job.kind)(job, progress)


def run_job(job_id: UUID | str, *, watcher: Progress | None = None, patient: bool = True) -> Job:
    """Do a queued job's work here, as `queue.run`; return the job as it is afterwards."""
    return queue.run(job_id, do_work, watcher=watcher, patient=patient)


def run_waiting_publications(progress: Progress) -> list[Job]:
    """Run the publications that wait, here; leave those that a worker has taken to it. Return the jobs run."""
    return [run_job(job.pk, watcher=progress, patient=False) for job in queue.waiting_jobs(Job.Kind.PUBLISH)]
