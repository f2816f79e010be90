"""The Celery application."""

from __future__ import annotations

import os
import warnings

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import setup_logging
from django_structlog.celery.steps import DjangoStructLogInitStep
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "repomgr.settings")

# Ours put aside what is no message. They are loaded when a broker is first spoken to, after Django is set up.
TRANSPORT_ALIASES["filesystem"] = "repomgr.broker.folder:Transport"
TRANSPORT_ALIASES["redis"] = TRANSPORT_ALIASES["rediss"] = "repomgr.broker.redis_lists:Transport"

# Celery warns of being run by root, since messages that are pickles run code: ours are JSON, and no other is accepted.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("repomgr")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)


@setup_logging.connect
def keep_logging(**_named: object) -> None:
    """Leave logs as the settings have set them up: where nobody does so, Celery sets a level of its own."""
