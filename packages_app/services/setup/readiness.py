"""Whether all that work needs answers now: asked often, by load balancers, so it only reads, and in bounded time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from functools import partial
from threading import Lock

import structlog
from celery import current_app
from django.db import connection

from packages_app.core.layout import suite_path
from packages_app.core.threads import Threads
from packages_app.services import adapters
from packages_app.services.archives import entered, slugs

SECONDS = 5
"""So long an answer is waited for."""

log = structlog.get_logger(__name__)

_asked: dict[str, Future[None]] = {}
_turn = Lock()
_threads = Threads(4, thread_name_prefix="readiness")


def ready(seconds: float = SECONDS) -> Mapping[str, bool]:
    """Return whether database, broker, package table and bucket have answered within so many seconds, by name.

    What is asked already, and has not answered, is not asked a second time. Why something is away is for the log.
    """
    with _turn:
        for name, probe in _probes().items():
            if name not in _asked or _asked[name].done():
                _asked[name] = _threads.submit(probe)
        asked = dict(_asked)
    wait(asked.values(), timeout=seconds)
    return {name: _is_well(name, future) for name, future in asked.items()}


def _is_well(name: str, future: Future[None]) -> bool:
    if not future.done():
        log.warning("not_ready", what=name, error="no answer in time")
        return False
    if error := future.exception():
        log.warning("not_ready", what=name, error=f"{type(error).__name__}: {error}")
        return False
    return True


def _database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM django_migrations")
            cursor.fetchone()
    finally:
        connection.close()


def _broker() -> None:
    with current_app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=SECONDS)


def _table() -> None:
    adapters.package_table().releases_of(adapters.repository().default_suite.name)


def _bucket() -> None:
    adapters.bucket().head(suite_path(adapters.repository().default_suite.name, "InRelease"))


def _probes() -> dict[str, Callable[[], None]]:
    """Return what is asked, by name: table and bucket of every archive."""
    probes = {"database": _database, "broker": _broker}
    for slug in slugs():
        of_archive = f" of {slug}" if len(slugs()) > 1 else ""
        for name, probe in (("package table", _table), ("bucket", _bucket)):
            probes[name + of_archive] = partial(_within, slug, probe)
    return probes


def _within(slug: str, probe: Callable[[], None]) -> None:
    with entered(slug):
        probe()
