"""What a command says itself is not said again by the log of the work that it runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings

from packages_app.services.jobs import progress, queue

JSON = "json"
ENDS = ("job_failed", "job_crashed")
STEPS = ("step_began", "step_note", "step_ended")
"""Events of jobs."""


def log_format() -> str:
    """Return in which format this process logs: json or console."""
    return str(settings.LOGGING["format"])


_by_the_log: ContextVar[bool] = ContextVar("by_the_log", default=False)


@contextmanager
def speaking_by_the_log(speaks: bool) -> Iterator[None]:
    """Let progress be lines of the log for the block, or not."""
    token = _by_the_log.set(speaks)
    try:
        yield
    finally:
        _by_the_log.reset(token)


def speaks_by_the_log() -> bool:
    """Return whether the present command's progress goes to the log: one that code calls is heard by its caller."""
    return _by_the_log.get()


@contextmanager
def unsaid(*events: tuple[str, ...]) -> Iterator[None]:
    """Keep these events of jobs out of the log for the block."""
    muted = {event for group in events for event in group}

    def is_heard(record: logging.LogRecord) -> bool:
        return not (isinstance(record.msg, dict) and record.msg.get("event") in muted)

    loggers = [logging.getLogger(module.__name__) for module in (queue, progress)]
    for logger in loggers:
        logger.addFilter(is_heard)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_heard)
