"""All that is measured, read anew at most every few seconds, and given in bounded time whatever does not answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from datetime import datetime
from threading import Lock

import structlog
from django.conf import settings
from django.db import connection
from django.db.models import Max, Min
from django_celery_beat.models import PeriodicTask

from packages_app.core.errors import RepomgrError
from packages_app.core.product import product_version
from packages_app.core.threads import Threads
from packages_app.services import adapters
from packages_app.services.archives import entered, slugs
from packages_app.services.metrics.figure import UP, Sample
from packages_app.services.metrics.repository import repository_samples
from packages_app.services.metrics.work import work_samples
from packages_app.services.outside_errors import told_as_ours
from packages_app.services.setup.disk_space import rooms

SECONDS = 5
"""So long an answer is waited for: Prometheus waits for 10 where nobody says otherwise."""
KEPT_SECONDS = 3

log = structlog.get_logger(__name__)


class Measurement:
    """The figures as they were read last. One reading goes on at a time, and serves all who ask meanwhile."""

    def __init__(self, read: Callable[[], list[Sample]]) -> None:
        self._read = read
        self._turn = Lock()
        self._threads = Threads(1, thread_name_prefix="metrics")
        self._asked: tuple[float, Future[list[Sample]]] | None = None

    def samples(self, seconds: float = SECONDS) -> list[Sample]:
        """Return all samples; where reading fails, or has not ended within so many seconds, `repomgr_up` alone, 0."""
        future = self._reading()
        wait([future], timeout=seconds)
        if not future.done():
            log.warning("not_measured", error="no answer in time")
            return [Sample(UP, (), 0)]
        if error := future.exception():
            log.warning("not_measured", error=f"{type(error).__name__}: {error}")
            return [Sample(UP, (), 0)]
        return future.result()

    def _work(self) -> list[Sample]:
        try:
            return self._read()
        finally:
            connection.close()

    def _reading(self) -> Future[list[Sample]]:
        with self._turn:
            now = time.monotonic()
            if self._asked is not None:
                began, future = self._asked
                if not future.done() or now - began < KEPT_SECONDS:
                    return future
            self._asked = now, self._threads.submit(self._work)
            return self._asked[1]


def read_samples() -> list[Sample]:
    """Return all samples of now; raise a `RepomgrError` where the database does not answer.

    An archive whose rows can't be read says so (`repomgr_archive_up`) and keeps no other from being read.
    """
    now = adapters.now()
    with told_as_ours():
        clock = PeriodicTask.objects.aggregate(last=Max("last_run_at"), made=Min("date_changed"))
    last = clock["last"] or clock["made"]  # one that has sent nothing yet is silent since it could
    found = [Sample(UP, (), 1), Sample("repomgr_build_info", (product_version(),), 1)]
    found.append(Sample("repomgr_clock_last_run_timestamp_seconds", (), last.timestamp() if last else 0))
    free: dict[str, float] = {}
    for slug in slugs():
        with entered(slug):
            found += _of_archive(slug, now)
            free |= {str(room.folder): room.free for room in rooms()}
    found += [Sample("repomgr_disk_free_bytes", (folder,), size) for folder, size in sorted(free.items())]
    return [*found, Sample("repomgr_disk_least_free_bytes", (), settings.LEAST_FREE_BYTES)]


def _of_archive(slug: str, now: datetime) -> list[Sample]:
    try:
        with told_as_ours():
            read = list(_read(now))
    except RepomgrError as error:
        log.warning("not_measured", archive=slug, code=error.code, error=error.message)
        return [Sample("repomgr_archive_up", (slug,), 0)]
    return [Sample("repomgr_archive_up", (slug,), 1), *(each._replace(labels=(slug, *each.labels)) for each in read)]


def _read(now: datetime) -> Iterator[Sample]:
    yield from work_samples(now)
    yield from repository_samples(now)
