"""Notices: said once, kept while they are so, settled when they are over. Sending them on is `send_notices`' work."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import structlog
from celery import current_app
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from packages_app.core.errors import SettingsError
from packages_app.core.storable_text import storable
from packages_app.models import Job, Notice

_LEVELS = ("info", "warning", "error")
SUBJECT_LENGTH = 255
"""So many characters of a subject are kept."""

log = structlog.get_logger(__name__)


def notify(
    kind: Notice.Kind, subject: str, text: str, *, level: str = "error", remedy: str = "", job: Job | None = None
) -> Notice:
    """Tell people of something; return the notice.

    What is open already of this kind and subject is renewed and not sent again; a new one wakes the sender. Raises
    ValueError for a level other than info, warning, error.
    """
    if level not in _LEVELS:
        raise ValueError(f"{level!r} is none of {', '.join(_LEVELS)}")
    subject, text, remedy = storable(subject, SUBJECT_LENGTH), storable(text), storable(remedy)
    getattr(log, level)("notice", notice=str(kind), subject=subject, text=text, remedy=remedy)
    now = timezone.now()
    values = {"text": text, "remedy": remedy, "level": level, "seen": now}
    if job is not None:
        values["job"] = job
    matter = Notice.objects.filter(kind=kind, subject=subject)
    if not matter.filter(settled=None).update(**values, times=F("times") + 1):
        try:
            with transaction.atomic():
                notice = Notice.objects.create(kind=kind, subject=subject, **values)
        except IntegrityError:  # another process said it a moment ago
            pass
        else:
            transaction.on_commit(_wake_sender)
            return notice
    return matter.latest("created")


def settle_notices(kind: Notice.Kind, subject: str) -> int:
    """Record that a matter is over; return how many notices were open."""
    return Notice.objects.filter(kind=kind, subject=storable(subject, SUBJECT_LENGTH), settled=None).update(
        settled=timezone.now()
    )


def settle_all_but(kind: Notice.Kind, subjects: Iterable[str]) -> int:
    """Record that all matters of a kind are over but those about `subjects`; return how many notices were open."""
    kept = [storable(subject, SUBJECT_LENGTH) for subject in subjects]
    return Notice.objects.filter(kind=kind, settled=None).exclude(subject__in=kept).update(settled=timezone.now())


def settle_unseen(kind: Notice.Kind, since: timedelta) -> int:
    """Record that the matters of a kind are over that nobody has said again for so long; return how many there were."""
    now = timezone.now()
    return Notice.objects.filter(kind=kind, settled=None, seen__lt=now - since).update(settled=now)


def wanted_kinds() -> list[str]:
    """Return the kinds that are sent on: those of NOTIFY_KINDS, all when it names none. Raise `SettingsError`."""
    wanted: list[str] = settings.NOTIFY_KINDS
    for kind in wanted:
        if kind not in Notice.Kind.values:
            raise SettingsError(
                f"NOTIFY_KINDS names {kind!r}, which is no kind of notice.",
                remedy=f"Use some of: {', '.join(Notice.Kind.values)}; leave it empty for all.",
            )
    return wanted or list(Notice.Kind.values)


def _wake_sender() -> None:
    """Make a worker send at once; when the broker is away, the clock does within a minute of its return."""
    if not settings.NOTIFY_URLS:
        return
    try:
        current_app.send_task("packages_app.tasks.send_notices")
    except Exception as error:  # whatever a broker's transport raises: the work that the notice is about is done
        log.warning("broker_away", task="send_notices", error=str(error))
