"""Structured logs: constant event names, identifiers as fields, one line an event on standard error."""

from __future__ import annotations

import logging
import logging.config
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET_NAMES = re.compile(r"secret|password|token|signing_key|authorization|cookie", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]+@")
_KEY_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----.*?(-----END [A-Z ]*-----|\Z)", re.DOTALL)


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank fields with a secret's name, passwords in addresses, and private keys (a structlog processor)."""
    for name, value in event.items():
        if _SECRET_NAMES.search(name) and value:
            event[name] = "(hidden)"
        elif isinstance(value, str):
            event[name] = _KEY_BLOCK.sub("(hidden key)", _URL_PASSWORD.sub(r"\1:(hidden)@", value))
    return event


def configure(options: MutableMapping[str, Any]) -> None:
    """Set up logging from Django's LOGGING: `level` and `format` ("json" or "console")."""
    # Tracebacks are made text before secrets are hidden, since they may hold some.
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        structlog.processors.UnicodeDecoder(),
    ]
    renderer: Any = structlog.processors.JSONRenderer()
    if options["format"] == "console":
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, hide_secrets, renderer],
                    "foreign_pre_chain": shared,
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
            "root": {"handlers": ["stderr"], "level": options["level"]},
            "loggers": {
                "botocore": {"level": "WARNING"},
                "httpx": {"level": "WARNING"},
                "celery.beat": {"level": "WARNING"},
                # A line for each file that each client fetches says nothing; refusals and crashes are warnings.
                "django_structlog.middlewares.request": {"level": "WARNING"},
            },
        }
    )
