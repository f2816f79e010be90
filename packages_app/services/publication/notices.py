"""News of publications: which packages came, and which can't be installed any more."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from packages_app.models import Job, Notice, Publication
from packages_app.publishing.outcome import Outcome
from packages_app.services.notices.notify import notify

_NAMED = 8
_NEW = timedelta(days=1)


def tell_of_new_versions(publication: Publication) -> Notice | None:
    """Tell once which packages a publication has brought; None when it brought none, or that has been told."""
    subject = f"{publication.suite} {publication.date:%Y-%m-%d %H:%M:%S}"
    told = Notice.objects.filter(kind=Notice.Kind.NEW_VERSION, subject=subject).exists()
    if told or not publication.added_count or timezone.now() - min(publication.published_at, publication.date) > _NEW:
        return None
    named = ", ".join(publication.added[:_NAMED])
    more = publication.added_count - _NAMED
    text = f"New in {publication.suite}: {named}{f' and {more} more' if more > 0 else ''}."
    return notify(Notice.Kind.NEW_VERSION, subject, text, level="info", job=publication.job)


def tell_of_uninstallable(outcome: Outcome, job: Job | None) -> None:
    """Tell of the packages that a publication has made uninstallable; each publication is a matter of its own."""
    if not outcome.uninstallable:
        return
    named = "; ".join(outcome.uninstallable[:_NAMED])
    notify(
        Notice.Kind.UNINSTALLABLE,
        f"{outcome.suite} {outcome.release.date:%Y-%m-%d %H:%M:%S}",
        f"{len(outcome.uninstallable)} packages of suite {outcome.suite} can't be installed since then: {named}.",
        level="warning",
        remedy="Publish what they need too, or withdraw what took its place.",
        job=job,
    )
