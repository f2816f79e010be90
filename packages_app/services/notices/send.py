"""Sending notices on: by e-mail, webhook and what else apprise knows. A fault here never stops other work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import structlog
from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from packages_app.models import Notice
from packages_app.services.archives import admin_page, present_archive
from packages_app.services.notices.addresses import Address, Message, deliver, notify_addresses
from packages_app.services.notices.notify import wanted_kinds

_WAITS = tuple(timedelta(minutes=minutes) for minutes in (0, 2, 10, 60, 360))
"""How long after a notice was made each try comes. The first gap is longer than a try can take (30 s)."""
_NEWS = timedelta(days=1)
_RECEIVED = "received"
_NEVER_SETTLED = Q(level="info") | Q(kind=Notice.Kind.UNINSTALLABLE) | Q(kind=Notice.Kind.JOB_FAILED, job=None)
"""What a publication did: each has notices of its own, which none need ever settle. And of a job that is forgotten
nobody knows what it was about: a file that was refused is seldom offered again."""

log = structlog.get_logger(__name__)


def send_notices() -> int:
    """Send what is due, and forget old notices; return how many have now been received at every address.

    A notice is sent until each address has it, and to none twice; only a worker that dies between sending and
    noting it down makes a copy. What was settled before it could be sent is not sent, nor are news of yesterday.
    """
    old = timezone.now() - timedelta(days=settings.NOTICES_KEPT_DAYS)
    Notice.objects.filter(Q(settled__lt=old) | _NEVER_SETTLED & Q(seen__lt=old)).delete()
    there = notify_addresses()
    return sum(_send(notice, there) for notice in _due()) if there else 0


def given_up() -> QuerySet[Notice]:
    """Return the open notices that could not be sent and are not tried again, newest first."""
    return Notice.objects.filter(sent=None, settled=None, tries__gte=len(_WAITS))


def sending_state(notice: Notice) -> str:
    """Say in a word or two how the sending of a notice stands."""
    if notice.sent is not None:
        return "sent"
    if notice.tries >= len(_WAITS):
        return "given up"
    return "tried again soon" if notice.tries and notice.settled is None else "not sent"


def message_of(notice: Notice) -> Message:
    """Return what people receive: what it is about, the sentence, the remedy, and where to look."""
    lines = [notice.text]
    if notice.remedy:
        lines += ["", f"What to do: {notice.remedy}"]
    lines += ["", f"Repository: {present_archive().public_url}", f"Seen: {notice.seen:%Y-%m-%d %H:%M:%S} UTC"]
    if page := admin_page("packages_app_notice_change", notice.pk):
        lines.append(f"In the admin: {page}")
    return Message(f"[{notice.level}] {notice}", "\n".join(lines), notice.level)


def _due() -> Iterator[Notice]:
    now = timezone.now()
    unsent = Notice.objects.filter(sent=None, settled=None, tries__lt=len(_WAITS), kind__in=wanted_kinds())
    for notice in unsent.exclude(level="info", created__lt=now - _NEWS).order_by("created"):
        if now >= notice.created + _WAITS[notice.tries]:
            yield notice


def _send(notice: Notice, there: list[Address]) -> bool:
    """Send one notice to the addresses that have not received it; return whether all have it now."""
    tries = notice.tries + 1
    if not Notice.objects.filter(pk=notice.pk, sent=None, tries=notice.tries).update(tries=tries):
        return False  # another worker has it
    report = [line for line in notice.sending_failed.splitlines() if line.endswith(f"]: {_RECEIVED}")]
    missing = [address for address in there if not any(f"[{address.digest}]" in line for line in report)]
    faults = deliver(message_of(notice), missing)
    failed = [f"{address.name}: {fault}" for address, fault in faults.items() if fault]
    if not failed:
        Notice.objects.filter(pk=notice.pk).update(sent=timezone.now(), sending_failed="")
        log.info("notice_sent", notice=str(notice.pk), kind=notice.kind, subject=notice.subject)
        return True
    report += [f"{address.name} [{address.digest}]: {_RECEIVED}" for address, fault in faults.items() if not fault]
    Notice.objects.filter(pk=notice.pk).update(sending_failed="\n".join([*failed, *report]))
    facts = {"notice": str(notice.pk), "kind": notice.kind, "subject": notice.subject, "faults": "; ".join(failed)}
    if tries < len(_WAITS):
        log.warning("notice_not_sent", tries=tries, **facts)
    else:
        log.error("notice_given_up", tries=tries, **facts)
    return False
