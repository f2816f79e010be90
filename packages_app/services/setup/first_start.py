"""What `make up` does before the processes start; all of it is safe to repeat."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import chain

from django.conf import settings
from django.core.management import call_command

from packages_app.core.definition import Definition
from packages_app.core.errors import CandidateHeld, NothingPublished, RepomgrError
from packages_app.core.layout import suite_path
from packages_app.core.ports import Progress
from packages_app.models import Job, Publication
from packages_app.services import adapters, job_services
from packages_app.services.archives import in_each, present_archive
from packages_app.services.intake.build_bootstrap import FIRST_VERSION, bootstrap_definition
from packages_app.services.jobs import queue
from packages_app.services.jobs.messages import drop_old_messages
from packages_app.services.keys.told import tell_keys
from packages_app.services.mirror.definitions import mirror_definitions
from packages_app.services.publication.client_lines import client_lines
from packages_app.services.publication.requests import request_publication
from packages_app.services.setup.first_password import ADMIN_NAME, FirstPassword, ensure_admin
from packages_app.services.setup.groups import ensure_groups
from packages_app.services.setup.private_files import close_to_others
from packages_app.services.setup.schedules import ensure_schedules
from packages_app.services.setup.storage import create_storage


@dataclass(frozen=True)
class Welcome:
    """What a new user needs to know, of what is so in the archive that was entered.

    `password` says nothing when an administrator was there. `commands` set a client up and are () where what they fetch
    is not there; `unpublished` names suites without a Release in place, and why.
    """

    admin_url: str
    user: str
    password: FirstPassword
    repository_url: str
    commands: tuple[str, ...]
    unpublished: tuple[str, ...]


def first_start(progress: Progress, *, watched: bool) -> Welcome:
    """Make database, storage, key, schedules, an administrator, and the first signed publication, of every archive.

    `watched` says that a person sees what is printed, the first password too.
    Raise `NothingPublished` when a suite has no Release in place afterwards, unless its publication waits for a
    person, who needs the admin for it; and the errors of table, store and key.
    """
    progress.step("private files")
    close_to_others(progress)
    progress.step("database")
    call_command("migrate", verbosity=0, interactive=False)
    in_each(partial(_prepare, progress))
    ensure_groups()
    ensure_schedules()
    drop_old_messages()
    password = ensure_admin(progress, watched=watched)
    unpublished = tuple(chain.from_iterable(in_each(partial(_publish, progress))))
    return Welcome(
        admin_url=f"http://127.0.0.1:{settings.PORT}/admin/",
        user=ADMIN_NAME,
        password=password,
        repository_url=present_archive().public_url,
        commands=client_lines(in_bucket=True),
        unpublished=unpublished,
    )


def _prepare(progress: Progress) -> None:
    create_storage(progress)
    progress.step("signing key")
    progress.note(adapters.signer().fingerprint)
    mirror_definitions()


def _publish(progress: Progress) -> tuple[str, ...]:
    """Publish what is not in place; return the suites that wait for a person."""
    _publish_bootstraps(progress)
    for suite in adapters.repository().suites:
        if not Publication.objects.filter(suite=suite.name).exists() or not _is_in_place(suite.name):
            request_publication(suite.name)
    unpublished = _unpublished(job_services.run_waiting_publications(progress))
    tell_keys()
    return unpublished


def _is_in_place(suite: str) -> bool:
    return adapters.bucket().head(suite_path(suite, "InRelease")) is not None


def _unpublished(jobs: list[Job]) -> tuple[str, ...]:
    """Return the suites whose first publication waits for a person; raise `NothingPublished` for another reason."""
    failed = {job.arguments["suite"]: job for job in jobs if job.state == Job.State.FAILED}
    waiting = []
    for suite in adapters.repository().suites:
        if _is_in_place(suite.name):
            continue
        job = failed.get(suite.name)
        if job is None or job.error_code != CandidateHeld.code:
            why = f"{job.error_code}: {job.error}" if job else "Its publication was left to a worker."
            raise NothingPublished(
                f"Suite {suite.name} has nothing in place that clients could read. {why}",
                remedy=job.remedy if job else "See the worker's log, then run manage.py first_start again.",
            )
        waiting.append(f"{suite.name}: {job.error}")
    return tuple(waiting)


def _publish_bootstraps(progress: Progress) -> None:
    """Build the first version of each bootstrap package that has none."""
    for definition in adapters.definitions().bootstrap_packages():
        if adapters.package_table().newest_of(definition.name) is None and _is_built_here(definition):
            job = queue.enqueue(
                Job.Kind.BUILD,
                {"name": definition.name, "version": FIRST_VERSION},
                subject=definition.name,
                wake_worker=False,
            )
            job = job_services.run_job(job.pk, watcher=progress)
            if job.state == Job.State.FAILED:
                # The repository works without it; clients are then set up by hand, as the instructions page says.
                progress.note(f"{definition.name} was not built: {job.error} Remedy: {job.remedy}", level="warning")


def _is_built_here(definition: Definition) -> bool:
    try:
        bootstrap_definition(definition.name)
    except RepomgrError:
        return False
    return True
