"""What the admin's front page tells: is the repository well, and what needs a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from packages_app.core.errors import RepomgrError
from packages_app.models import Conflict, DefinitionStatus, Job, Package, Publication
from packages_app.publishing.root import client_commands
from packages_app.services import adapters
from packages_app.services.publish import example_package

_LATELY = timedelta(days=7)
_SHOWN = 6


def front_page() -> dict[str, Any]:
    """Give the page's values: suites with their last publication, what needs attention, late jobs, client's lines.

    A broken configuration is shown in `fault` instead of making the page fail.
    """
    now = timezone.now()
    page: dict[str, Any] = {
        "jobs": Job.objects.select_related("requested_by")[:_SHOWN],
        "newest": Package.objects.order_by("-processed_timestamp")[:_SHOWN],
        "failed": Job.objects.filter(state=Job.State.FAILED, ended__gt=now - _LATELY)[:_SHOWN],
        "conflicts": Conflict.objects.filter(settled=False)[:_SHOWN],
        "definitions": [row for row in DefinitionStatus.objects.all() if row.problems or row.failed],
        "public_url": settings.PUBLIC_URL,
    }
    try:
        suites = adapters.repository().suites
        definitions = adapters.definitions()
    except RepomgrError as error:
        return {**page, "fault": str(error), "suites": []}
    bootstraps = definitions.bootstrap_packages()
    bootstrap = bootstraps[0] if bootstraps else None
    page["suites"] = [(suite, Publication.objects.filter(suite=suite.name).first()) for suite in suites]
    page["commands"] = client_commands(settings.PUBLIC_URL, bootstrap, example_package(definitions))
    page["now"] = now
    return page
