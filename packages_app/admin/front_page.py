"""What the admin's front page tells: is the repository well, and what needs a person."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from packages_app.admin.archive_switch import archive_here
from packages_app.admin.read_only import BOOTSTRAP, UPLOAD, deferred_of_job, suites_to_publish
from packages_app.core.documents import REPOSITORY
from packages_app.core.errors import DefinitionError, RepomgrError
from packages_app.core.redaction import redact
from packages_app.core.repository import Suite
from packages_app.core.rights import Action
from packages_app.models import DefinitionStatus, Job, Notice, Package, Publication
from packages_app.services import adapters
from packages_app.services.archives import present_archive
from packages_app.services.jobs.late import late_queues
from packages_app.services.notices.send import given_up
from packages_app.services.publication.client_lines import client_lines
from packages_app.services.publication.watch_expiry import near_expiry
from packages_app.services.rights.rule import rights_of
from packages_app.services.setup.faults import configuration_faults

_REPOSITORYS = ("repository.yaml", REPOSITORY)
_LATELY = timedelta(days=7)
_SHOWN = 6
_ALARMS_SHOWN = 20
_SEEN_BY_RIGHT = {
    "job": ("jobs", "late"),
    "package": ("newest", "first"),
    "notice": ("alarms", "unsent", "news"),
    "definitionstatus": ("definitions", "faults"),
    "publication": ("suites",),
}
"""What of the page is seen by whose right to view."""


def fill_front_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what the front page shows, and which buttons this user has."""
    may = {
        "publish": suites_to_publish(request), "publish_all": rights_of(request.user).may(Action.PUBLISH),
        "upload": request.user.has_perm(UPLOAD), "bootstrap": request.user.has_perm(BOOTSTRAP),
    }  # fmt: skip
    sees = {name: request.user.has_perm(f"packages_app.view_{name}") for name in _SEEN_BY_RIGHT}
    page = front_page()
    for name, values in _SEEN_BY_RIGHT.items():
        page |= dict.fromkeys(values if not sees[name] else (), ())
    title = f"Overview of {archive_here()}" if archive_here() else "Overview"
    return {**context, "title": title, "page": page, "may": may, "sees": sees}


def front_page() -> dict[str, Any]:
    """Return the page's values: suites with their last publication, what needs attention, late jobs, client's lines.

    `first` says that there is no package yet but what sets clients up, `described` how many others have definitions.
    `suites` are (suite, last publication or None, whether less than a quarter of its life is left); `definitions`
    those with faults, each named, and those whose last check failed and no open notice names. Each fault of a broken
    repository.yaml is in `faults`, and does not make the page fail.
    """
    now = timezone.now()
    definition_rows = DefinitionStatus.objects.defer("refused", "settings", "description")
    # Files that are at fault are shown with each of their faults.
    files = [*_REPOSITORYS, *(row.file for row in definition_rows if row.problems)]
    told = Notice.objects.filter(kind=Notice.Kind.CONFIGURATION_FAULTY, subject__in=files)
    open_ones = Notice.objects.filter(settled=None).exclude(level="info").exclude(pk__in=told).select_related("job")
    alarms = list(open_ones.defer(*deferred_of_job("job"))[:_ALARMS_SHOWN])
    newest = Package.objects.order_by("-processed_timestamp")
    page: dict[str, Any] = {
        "now": now,
        "jobs": Job.objects.select_related("requested_by").defer(*deferred_of_job())[:_SHOWN],
        "late": late_queues(now),
        "newest": newest.only("package_name", "version", "architecture", "build")[:_SHOWN],
        "alarms": alarms,
        "unsent": given_up().first(),
        "news": Notice.objects.filter(settled=None, level="info", seen__gt=now - _LATELY)[:_SHOWN],
        "definitions": [row for row in definition_rows if _needs_a_person(row, alarms)],
        "public_url": present_archive().public_url,
        "packages_folder": present_archive().config_dir / "packages",
    }
    try:
        suites = adapters.repository().suites
        commands, definitions = client_lines(), adapters.definitions()
    except DefinitionError:
        return {**page, "faults": [redact(str(fault)) for fault in configuration_faults()], "suites": []}
    except RepomgrError as error:
        return {**page, "faults": [str(error)], "suites": []}
    bootstraps = [definition.name for definition in definitions.bootstrap_packages()]
    page["first"] = not Package.objects.exclude(package_name__in=bootstraps).exists()
    page["described"] = len(definitions.by_name) - len(bootstraps)
    page["suites"] = [_suite(suite, now) for suite in suites]
    page["commands"] = commands
    return page


def _suite(suite: Suite, now: datetime) -> tuple[Suite, Publication | None, bool]:
    last = Publication.objects.filter(suite=suite.name).defer(*Publication.LISTS).first()
    return suite, last, last is not None and near_expiry(last.date, last.valid_until, now)


def _needs_a_person(row: DefinitionStatus, alarms: list[Notice]) -> bool:
    """Return whether a definition is at fault, and no notice shown says so already: its file, or its last check."""
    told = any(f"{notice.subject} ".startswith(f"{row.name} ") or f"{row.name}: " in notice.text for notice in alarms)
    return bool(row.problems) or (row.failed and not told)
