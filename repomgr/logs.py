"""Structured logs: constant event names, identifiers as fields, one line an event on standard error."""

from __future__ import annotations

import logging
import logging.config
import sys
from collections.abc import Mapping, MutableMapping
from http import HTTPStatus
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation

from packages_app.core.archive import entered_slug
from packages_app.core.redaction import without_secrets

_REFUSALS = (SuspiciousOperation, PermissionDenied, BadRequest)

_LOGGERS: Mapping[str, Mapping[str, Any]] = {
    "botocore": {"level": "WARNING"},
    "httpx": {"level": "WARNING"},
    # It writes headers as they come, and a redirect's address may be signed.
    "httpcore": {"level": "WARNING"},
    # Each message that comes and goes, and each tick of the clock: jobs tell of themselves.
    "celery": {"level": "WARNING"},
    "django_structlog.celery": {"level": "WARNING"},
    # A lock is an event of our own, login_locked.
    "axes": {"level": "ERROR"},
    # Addresses of notices hold passwords, and both name parts of them; `send_notices` logs how it went.
    "apprise": {"level": "WARNING", "handlers": ["nowhere"], "propagate": False},
    "urllib3": {"level": "WARNING"},
    # How many requests wait for a thread, one line each time; who went away, by a path of any length.
    "waitress": {"level": "WARNING"},
    "waitress.queue": {"level": "ERROR"},
    # What was refused has its line already: request_refused or request_finished; what failed outside, request_failed.
    "django.request": {"level": "ERROR", "filters": ["not told"]},
    # A line for each file that each client fetches says nothing; refusals and crashes are warnings.
    "django_structlog.middlewares.request": {"level": "WARNING"},
}
"""Loggers of libraries that say too much, or what nobody may read."""


def redact_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank fields with a secret's name, and what `redact` finds in texts, at any depth (a structlog processor)."""
    for name, value in event.items():
        event[name] = without_secrets(name, value)
    return event


def of_archive(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Say of which archive an event is, where an installation has several (a structlog processor)."""
    if (slug := entered_slug()) and len(settings.ARCHIVES) > 1:
        event.setdefault("archive", slug)
    return event


def refusal_in_one_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Leave out the traceback of what a stranger was refused for: it is no fault of ours (a structlog processor)."""
    raised = event.get("exc_info")
    if isinstance(raised[1] if isinstance(raised, tuple) else raised, _REFUSALS):
        del event["exc_info"]
    return event


def printable(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Write what a terminal would take for orders, or for a line of its own, as it is escaped (a structlog processor).

    Strangers choose paths, and vendors what errors quote. A traceback keeps its lines.
    """
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _escaped(value, but="\n" if name in ("exception", "stack") else "")
    return event


def _escaped(text: str, *, but: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in but else char.encode("unicode_escape").decode() for char in text
    )


def not_told(record: logging.LogRecord) -> bool:
    """Return whether what Django says of an answer is news: each exception that is answered by 503 has its own line."""
    return not record.exc_info or getattr(record, "status_code", None) != HTTPStatus.SERVICE_UNAVAILABLE


def configure(options: MutableMapping[str, Any]) -> None:
    """Set up logging from Django's LOGGING: `level` and `format` ("json" or "console")."""
    # Tracebacks are made text before secrets are hidden, since they may hold some.
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        of_archive,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        refusal_in_one_line,
        structlog.processors.format_exc_info,
        structlog.processors.UnicodeDecoder(),
    ]
    renderers: list[Any] = [structlog.processors.JSONRenderer()]
    if options["format"] == "console":
        console = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        renderers = [printable, console]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact_secrets, *renderers],
        "foreign_pre_chain": shared,
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"structured": formatter},
            "filters": {"not told": {"()": lambda: not_told}},
            "handlers": {
                "stderr": {"class": "logging.StreamHandler", "formatter": "structured"},
                "nowhere": {"class": "logging.NullHandler"},
            },
            "root": {"handlers": ["stderr"], "level": options["level"]},
            "loggers": _LOGGERS,
        }
    )
