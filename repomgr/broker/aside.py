"""Telling of a message that was put aside: in the log and as a notice, whatever state the database is in."""

from __future__ import annotations

import structlog
from django.db import close_old_connections

from packages_app.models import Notice
from packages_app.services.notices.notify import notify

KEPT = 100
"""So many unreadable messages are kept, the newest: enough to see whose they are."""

log = structlog.get_logger(__name__)


def tell(queue: str, why: str, place: str) -> None:
    """Tell that a message of a queue can't be read and lies in `place` now; raise nothing, since a worker reads on."""
    log.error("message_unreadable", queue=queue, why=why, place=place)
    try:
        close_old_connections()
        notify(
            Notice.Kind.MESSAGE_UNREADABLE,
            queue,
            f"A message of the queue {queue} can't be read: {why}. It lies in {place}.",
            remedy="Find out who else writes to the broker (BROKER_URL). If it woke a job, beat wakes that job again.",
        )
        close_old_connections()
    except Exception as error:  # the log has it; the next one is told again
        log.error("notice_failed", error=f"{type(error).__name__}: {error}")
