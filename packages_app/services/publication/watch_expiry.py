"""Expiry dates watched: of each suite's Release, after which clients stop, and of the signing key."""

from __future__ import annotations

from datetime import datetime

import structlog
from django.utils.timesince import timeuntil

from packages_app.core.errors import RepomgrError, SigningKeyError
from packages_app.models import Notice, Publication, Webhook
from packages_app.publishing.published import read_published
from packages_app.services import adapters
from packages_app.services.notices.notify import notify, settle_all_but, settle_notices
from packages_app.services.webhooks.facts import expiry_near
from packages_app.services.webhooks.tell import tell

_KEY = "signing key"
KEY_REMEDY = (
    "Prolong it (keys prolong), or change to another key (keys add, keys rotate): clients need time for either."
)

log = structlog.get_logger(__name__)


def watch_expiry() -> list[str]:
    """Raise a notice for what is near its expiry and settle the others; return the subjects that are near.

    Works without the bucket or the key too: their absence is a reason why a Release is not signed again.
    """
    suites = [suite.name for suite in adapters.repository().suites]
    near = [suite for suite in suites if _suite_is_near(suite)]
    settle_all_but(Notice.Kind.EXPIRY_NEAR, [*suites, _KEY])  # a suite that is configured no more has no clients
    return [*near, _KEY] if _key_is_near() else near


def near_expiry(date: datetime, valid_until: datetime, now: datetime) -> bool:
    """Return whether less than a quarter of a Release's life is left: renewing it at half of its life has failed."""
    return valid_until - now < (valid_until - date) / 4


def _suite_is_near(suite: str) -> bool:
    dates = _dates(suite)
    now = adapters.now()
    if dates is None or not near_expiry(*dates, now):
        settle_notices(Notice.Kind.EXPIRY_NEAR, suite)
        return False
    until = dates[1]
    left = _time_left(until, now)
    text = f"Clients stop trusting suite {suite} on {until:%Y-%m-%d %H:%M} UTC, in {left}: it was not signed again."
    if until <= now:
        text = f"Clients refuse suite {suite}: its Release expired on {until:%Y-%m-%d %H:%M} UTC."
    notice = notify(
        Notice.Kind.EXPIRY_NEAR,
        suite,
        text,
        remedy="See that beat and workers run and why 'renew signatures' failed; force_rebuild signs at once.",
    )
    tell(Webhook.Event.EXPIRY_NEAR, [expiry_near(notice, suite)])
    return True


def _dates(suite: str) -> tuple[datetime, datetime] | None:
    """Return Date and Valid-Until that clients see, or those recorded last where they can't be read."""
    try:
        published = read_published(adapters.bucket(), suite, adapters.signer().public_keyring())
        if published.release is not None and published.etag is not None:
            return published.release.date, published.release.valid_until
    except RepomgrError as error:
        log.warning("release_unreadable", suite=suite, code=error.code, error=error.message)
    last = Publication.objects.filter(suite=suite).first()
    return (last.date, last.valid_until) if last else None


def _time_left(until: datetime, now: datetime) -> str:
    return timeuntil(until, now).replace("\N{NO-BREAK SPACE}", " ")


def _key_is_near() -> bool:
    """Look at the signing key; one that can't sign any more counts as near its end."""
    try:
        signer = adapters.signer()
    except SigningKeyError as error:
        notice = notify(Notice.Kind.EXPIRY_NEAR, _KEY, error.message, remedy=error.remedy)
        tell(Webhook.Event.EXPIRY_NEAR, [expiry_near(notice)])
        return True
    ending = [said for facts in signer.facts if (said := facts.ends_soon(adapters.now()))]
    if not ending:
        settle_notices(Notice.Kind.EXPIRY_NEAR, _KEY)
        return False
    notice = notify(Notice.Kind.EXPIRY_NEAR, _KEY, " ".join(ending), level="warning", remedy=KEY_REMEDY)
    tell(Webhook.Event.EXPIRY_NEAR, [expiry_near(notice)])
    return True
