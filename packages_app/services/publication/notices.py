"""News of publications: which packages came, and which can't be installed any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils import timezone

from packages_app.models import Job, Notice, Publication
from packages_app.publishing.outcome import Outcome
from packages_app.services.notices.notify import notify, settle_notices
from packages_app.services.publication.publication_lists import whole_lists

_NAMED = 8
_ASKED_AGAIN = 100
"""Packages at most."""
_NEW = timedelta(days=1)


def tell_of_new_versions(publication: Publication) -> Notice | None:
    """Tell once which packages a publication has brought; None when it brought none, or that has been told."""
    subject = _matter(publication.suite, publication.date)
    told = Notice.objects.filter(kind=Notice.Kind.NEW_VERSION, subject=subject).exists()
    if told or not publication.added_count or timezone.now() - min(publication.published_at, publication.date) > _NEW:
        return None
    named = ", ".join(publication.added[:_NAMED])
    more = publication.added_count - _NAMED
    text = f"New in {publication.suite}: {named}{f' and {more} more' if more > 0 else ''}."
    return notify(Notice.Kind.NEW_VERSION, subject, text, level="info", job=publication.job)


def told_uninstallable(suite: str) -> frozenset[str]:
    """Return the packages of a suite that open notices are about, as `name version architecture`.

    Notices of so many that asking about them anew would cost each publication something are left to a person.
    """
    told: frozenset[str] = frozenset()
    for _, keys in _open_matters(suite):
        told = told | keys if len(told | keys) <= _ASKED_AGAIN else told
    return told


def tell_of_uninstallable(outcome: Outcome, job: Job | None) -> None:
    """Tell of the packages that a publication has made uninstallable; each publication is a matter of its own.

    One is over when all of them can be installed again, or are gone, as far as that was asked (`told_uninstallable`).
    """
    if outcome.mended:
        for subject, keys in _open_matters(outcome.suite):
            if keys <= outcome.mended:
                settle_notices(Notice.Kind.UNINSTALLABLE, subject)
    if not outcome.uninstallable:
        return
    named = "; ".join(outcome.uninstallable[:_NAMED])
    notify(
        Notice.Kind.UNINSTALLABLE,
        _matter(outcome.suite, outcome.release.date),
        f"{len(outcome.uninstallable)} packages of suite {outcome.suite} can't be installed since then: {named}.",
        level="warning",
        remedy="Publish what they need too, or withdraw what took its place.",
        job=job,
    )


def _open_matters(suite: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the subject of each open notice of a suite, with the packages that a publication made uninstallable."""
    notices = Notice.objects.filter(kind=Notice.Kind.UNINSTALLABLE, settled=None, subject__startswith=f"{suite} ")
    subjects = set(notices.values_list("subject", flat=True))
    if not subjects:
        return
    for publication in Publication.objects.filter(suite=suite, uninstallable_count__gt=0):
        subject = _matter(suite, publication.date)
        if subject in subjects:
            lines = whole_lists(publication)["uninstallable"]
            yield subject, frozenset(line.partition(": ")[0] for line in lines)


def _matter(suite: str, date: datetime) -> str:
    return f"{suite} {date:%Y-%m-%d %H:%M:%S}"
