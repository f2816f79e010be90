"""Finding lines of the audit trail: by who, package, suite, what, result, address and time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from packages_app.core.audit import ActorKind
from packages_app.core.errors import PackageRefused
from packages_app.models import AuditEntry, AuditName
from packages_app.models.of_archive import slug_of_rows
from packages_app.services.audit.write import owner_of_token

WORDS = ("who", "kind", "package", "suite", "what", "result", "from", "code", "job", "since", "until")
"""What a word of a search may begin with, before a colon; a word without finds a person, package, suite or deed."""
_COLUMNS = {"kind": "kind", "result": "result", "from": "address", "code": "code", "job": "job"}
_NAMED = {"package": AuditName.Kind.PACKAGE, "suite": AuditName.Kind.SUITE}


class SearchRefused(PackageRefused):
    """A search of the audit trail has a word that says nothing."""

    code = "bad_search"


@dataclass(frozen=True)
class Search:
    """Words of a search, each with its value: all of them hold for what is found."""

    words: tuple[tuple[str, str], ...] = ()


def parse_search(text: str) -> Search:
    """Return the search of a text such as `who:ann package:tool since:2026-11-01`; raise `SearchRefused`."""
    return Search(tuple(_word(each) for each in text.split()))


def found(search: Search, *, of_none: bool = False) -> QuerySet[AuditEntry]:
    """Return the lines that a search finds in the archive that was entered, newest first; raise `SearchRefused`.

    With `of_none` also those of no archive, such as of Django's own commands where there are several archives.
    """
    lines = lines_here(of_none=of_none)
    for word, value in search.words:
        lines = lines.filter(_condition(word, value))
    return lines


def lines_here(*, of_none: bool) -> QuerySet[AuditEntry]:
    """Return all lines of the archive that was entered, newest first, and with `of_none` those of no archive."""
    if not of_none:
        return AuditEntry.objects.all()
    return AuditEntry.of_all_archives.filter(archive__in=(slug_of_rows(), ""))


def moment(text: str, *, end: bool = False) -> datetime:
    """Return a time of ISO 8601, in UTC unless it says otherwise; of a day its beginning, or its `end`.

    Raise `SearchRefused`.
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise SearchRefused(
            f"{text[:40]!r} is no time.", remedy="Write a day, such as 2026-11-28, or 2026-11-28T14:30."
        ) from None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return when + timedelta(days=1) if end and len(text) <= len("2026-11-28") else when


def _word(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        return "", text
    if name not in WORDS or not value:
        raise SearchRefused(
            f"{text[:60]!r} can't be searched for.", remedy=f"Begin words with one of: {', '.join(WORDS)}; and a colon."
        )
    return name, value


def _condition(word: str, value: str) -> Q:
    if word in _NAMED:
        return _names(kind=_NAMED[word], name=value)
    if word in _COLUMNS:
        return Q(**{_COLUMNS[word]: value})
    return _CONDITIONS[word](value)


def _who(value: str) -> Q:
    """Return the condition of who acts: the name, also by a token of his, or of a command `USER@HOST`."""
    name, at, host = value.rpartition("@")
    acts = Q(actor=value) | Q(kind=ActorKind.TOKEN, actor__startswith=owner_of_token(value))
    return acts | Q(actor=name, address=host) if at else acts


def _names(**named: object) -> Q:
    return Q(Exists(AuditName.objects.filter(entry=OuterRef("pk"), **named)))


_CONDITIONS: Mapping[str, Callable[[str], Q]] = {
    "": lambda value: _who(value) | Q(what__startswith=value) | _names(name=value, kind__in=AuditName.Kind.values),
    "who": _who,
    "what": lambda value: Q(what__startswith=value),
    "since": lambda value: Q(happened__gte=moment(value)),
    "until": lambda value: Q(happened__lt=moment(value, end=True)),
}
