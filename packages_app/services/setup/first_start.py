"""What `make up` does before the processes start; all of it is safe to repeat."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command

from packages_app.core.definition import Definition
from packages_app.core.errors import RepomgrError
from packages_app.core.ports import Progress
from packages_app.models import Job, Publication
from packages_app.publishing.root import client_commands
from packages_app.services import adapters, job_services
from packages_app.services.intake.build_bootstrap import FIRST_VERSION, bootstrap_definition
from packages_app.services.jobs import queue
from packages_app.services.jobs.messages import drop_old_messages
from packages_app.services.mirror.definitions import mirror_definitions
from packages_app.services.publication.requests import request_publication
from packages_app.services.publication.root import example_package
from packages_app.services.setup.groups import ensure_groups
from packages_app.services.setup.private_files import close_to_others
from packages_app.services.setup.schedules import ensure_schedules
from packages_app.services.setup.storage import create_storage

ADMIN_NAME = "admin"


@dataclass(frozen=True)
class Welcome:
    """What a new user needs to know. `password` is "" when an administrator was there already."""

    admin_url: str
    user: str
    password: str
    repository_url: str
    commands: tuple[str, ...]


def first_start(progress: Progress) -> Welcome:
    """Make database, storage, key, schedules, an administrator, and the first signed publication."""
    progress.step("private files")
    close_to_others(progress)
    progress.step("database")
    call_command("migrate", verbosity=0, interactive=False)
    create_storage(progress)
    progress.step("signing key")
    progress.note(adapters.signer().fingerprint)
    ensure_groups()
    ensure_schedules()
    drop_old_messages()
    mirror_definitions()
    password = _ensure_admin()
    _publish_bootstraps(progress)
    for suite in adapters.repository().suites:
        if not Publication.objects.filter(suite=suite.name).exists():
            request_publication(suite.name)
    for job in job_services.run_waiting_publications(progress):
        if job.state == Job.State.FAILED:
            progress.note(f"{job}: {job.error} Remedy: {job.remedy}", level="error")
    definitions = adapters.definitions()
    bootstraps = definitions.bootstrap_packages()
    return Welcome(
        admin_url=f"http://127.0.0.1:{settings.PORT}/admin/",
        user=ADMIN_NAME,
        password=password,
        repository_url=settings.PUBLIC_URL,
        commands=tuple(
            client_commands(settings.PUBLIC_URL, bootstraps[0] if bootstraps else None, example_package(definitions))
        ),
    )


def _ensure_admin() -> str:
    """Make the first administrator; return the password made, or "" when one is there."""
    users = get_user_model()
    if users.objects.filter(is_superuser=True).exists():
        return ""
    password = secrets.token_urlsafe(12)
    users.objects.create_superuser(ADMIN_NAME, password=password)
    return password


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
