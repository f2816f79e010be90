"""What is measured of an archive's repository: its suites, its definitions, and what waits for a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import structlog
from django.db.models import Count, Min, Q

from packages_app.core.errors import RepomgrError
from packages_app.models import Conflict, DefinitionStatus, HeldCandidate, Notice, Publication
from packages_app.models.values_there import values_there
from packages_app.services import adapters
from packages_app.services.metrics.figure import Sample

_HOUR = timedelta(hours=1)

log = structlog.get_logger(__name__)


def repository_samples(now: datetime) -> Iterator[Sample]:
    """Give the figures of suites, definitions, notices, candidates and conflicts, without the label `archive`."""
    suites, readable = _suites()
    yield Sample("repomgr_configuration_readable", (), readable)
    yield from _published(suites, now)
    yield from _definitions(now)
    kinds = dict(Notice.objects.filter(settled=None).order_by().values_list("kind").annotate(Count("pk")))
    for kind in Notice.Kind.values:
        yield Sample("repomgr_notices_open", (kind,), kinds.get(kind, 0))
    yield Sample("repomgr_held_candidates", (), HeldCandidate.objects.filter(state="waiting").count())
    yield Sample("repomgr_conflicts", (), Conflict.objects.filter(settled=False).count())


def _suites() -> tuple[list[str], bool]:
    """Return the suites that clients may have, and whether the configuration said so; else those ever published.

    What is configured no more has no clients, and its last row stays.
    """
    try:
        return [suite.name for suite in adapters.repository().suites], True
    except RepomgrError as error:
        log.warning("configuration_unreadable", code=error.code, error=error.message)
        return values_there(Publication, "suite"), False


def _published(suites: list[str], now: datetime) -> Iterator[Sample]:
    never = 0
    for suite in suites:
        rows = Publication.objects.filter(suite=suite)
        last = rows.values_list("published_at", "date", "valid_until", "packages", "job__started").first()
        if last is None:
            never += 1
            continue
        published, date, until, packages, started = last
        yield Sample("repomgr_suite_seconds_to_valid_until", (suite,), (until - now).total_seconds())
        yield Sample("repomgr_suite_valid_seconds", (suite,), (until - date).total_seconds())
        yield Sample("repomgr_suite_last_publication_timestamp_seconds", (suite,), published.timestamp())
        yield Sample("repomgr_suite_packages", (suite,), packages)
        if started is not None and started <= published:
            yield Sample("repomgr_suite_last_publication_seconds", (suite,), (published - started).total_seconds())
    yield Sample("repomgr_suites", ("published",), len(suites) - never)
    yield Sample("repomgr_suites", ("never_published",), never)
    lately = Publication.objects.filter(suite__in=suites, published_at__gt=now - _HOUR).order_by()
    kinds = dict(lately.values_list("kind").annotate(Count("pk")))
    for kind in Publication.Kind.values:
        yield Sample("repomgr_publications_last_hour", (kind,), kinds.get(kind, 0))


def _definitions(now: datetime) -> Iterator[Sample]:
    sound, used = Q(problems=[]), Q(enabled=True)
    counts = DefinitionStatus.objects.aggregate(
        well=Count("pk", filter=sound & used & Q(failed=False)),
        failing=Count("pk", filter=sound & used & Q(failed=True)),
        faulty=Count("pk", filter=~sound),
        off=Count("pk", filter=sound & ~used),
        oldest=Min("checked", filter=sound & used),
    )
    oldest = counts.pop("oldest")
    for state, definitions in counts.items():
        yield Sample("repomgr_definitions", (state,), definitions)
    yield Sample("repomgr_oldest_check_seconds", (), max((now - oldest).total_seconds(), 0) if oldest else 0)
