"""The one way in which people name a publication: by its suite, the number of its row, or its Release's SHA256."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from packages_app.core.errors import NothingPublished, ObjectNotFound
from packages_app.core.history_errors import PublicationUnknown
from packages_app.core.layout import suite_path
from packages_app.core.record import TableKey
from packages_app.indexes.release import read_loosely
from packages_app.models import Publication
from packages_app.publishing.generations import Generation, digest_of, generations, release_digest
from packages_app.publishing.kept_contents import KeptContents, contents_of, kept_contents, publications_in_place
from packages_app.services import adapters
from packages_app.signing.unproven import unproven_text

FEWEST_DIGITS = 6
"""Of a Release's SHA256, for a name that is likely to be of one publication alone."""

_DIGEST = re.compile(rf"[0-9a-f]{{{FEWEST_DIGITS},64}}\Z", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}\Z", re.ASCII)
_NAMED = 3


@dataclass(frozen=True)
class Shown:
    """A publication of a suite: the beginning of its Release's SHA256, and its row's number, 0 where it has none."""

    suite: str
    digest: str
    number: int = 0
    date: datetime | None = None

    def __str__(self) -> str:
        date = f" of {self.date:%Y-%m-%d %H:%M:%S}" if self.date else ""
        return f"{self.suite} {self.digest}{date}"

    def contents(self) -> frozenset[TableKey]:
        """Return the keys of what it showed; raise `ContentsGone`."""
        return contents_of(adapters.bucket(), adapters.staging(), self.suite, self.digest)


def shown_by(publication: Publication) -> Shown:
    """Return what a row tells of."""
    return Shown(publication.suite, digest_of(publication.release_sha256), publication.pk, publication.date)


def shown_now(suite: str) -> Shown:
    """Return what a suite shows now; raise `PackageRefused` for an unknown suite, `NothingPublished`."""
    name = adapters.repository().suite_named(suite).name
    found = _in_place(name)
    if found is None:
        raise NothingPublished(f"Suite {name} shows nothing.", remedy=f"Publish it: publish {name}.")
    return found


def publication_in_place(suite: str) -> Publication | None:
    """Return the publication that clients of a suite see; None where it has no row yet: each has one after the switch.

    Raise what the bucket raises.
    """
    now = _in_place(suite)
    if now is None:
        return None
    return Publication.objects.filter(suite=suite, release_sha256__startswith=now.digest).first()


def shown_as(text: str, suite: str = "") -> Shown:
    """Return the publication that a person names, one of `suite` where that is given.

    It is named by a suite, for what that shows now, by the number of its row, or by the beginning of its Release's
    SHA256, `FEWEST_DIGITS` of it or more. Raise `PublicationUnknown` where none or several are meant, and
    `NothingPublished` for a suite.
    """
    text = text.strip()
    found = list({(one.suite, one.digest): one for one in _meant(text, suite)}.values())
    own = [one for one in found if suite in ("", one.suite)]
    if len(own) == 1:
        return own[0]
    if not own and found:
        said = f"{text[:80]!r} is {found[0]}, and no publication of suite {suite}."
    else:
        several = f"{len(own)} publications ({'; '.join(map(str, own[:_NAMED]))})" if own else "No publication"
        said = f"{several}{f' of suite {suite}' if suite else ' and no suite'} can be meant by {text[:80]!r}."
    raise PublicationUnknown(
        said,
        remedy="Name a suite, the number of a row of the admin's publications, or more of a Release's SHA256"
        f" ({FEWEST_DIGITS} digits of it at least).",
    )


def _meant(text: str, suite: str) -> Iterator[Shown]:
    """Yield what a text may mean: a number is that of a row, where there is one that fits, before it is a digest."""
    if text in {one.name for one in adapters.repository().suites}:
        yield shown_now(text)
        return
    row = Publication.objects.filter(pk=int(text)).first() if _NUMBER.match(text) else None
    if row is not None:
        yield shown_by(row)
        if suite in ("", row.suite):
            return
    if _DIGEST.match(text.lower()):
        yield from _by_digest(text.lower())


def _by_digest(text: str) -> Iterator[Shown]:
    """Yield the publications whose digests begin so: rows, else, where rows were lost, those on a suite's way back."""
    rows = list(Publication.objects.filter(release_sha256__startswith=text).order_by("pk"))
    yield from map(shown_by, rows)
    if rows:
        return
    begin = digest_of(text)
    for suite in adapters.repository().suites:
        now = _in_place(suite.name)
        if now is None:
            continue
        staging = adapters.staging()
        kept: list[Generation | KeptContents] = [*generations(staging, suite.name), *kept_contents(staging, suite.name)]
        dates = {now.digest: now.date, **{one.sha256: one.date for one in kept}}
        if not any(digest.startswith(begin) for digest in dates):
            continue
        for digest in {now.digest, *publications_in_place(kept, now.digest)}:
            if digest.startswith(begin):
                yield Shown(suite.name, digest, date=dates[digest])


def _in_place(suite: str) -> Shown | None:
    """Return what a suite shows now; None where nothing is there that can be read."""
    try:
        # No key is asked for: a Release that nobody of us has published is known by no digest.
        text = unproven_text(adapters.bucket().read(suite_path(suite, "InRelease"))) or b""
    except ObjectNotFound:
        text = b""
    release = read_loosely(text)
    if release is None:
        return None
    return Shown(suite, release_digest(text), date=release.date if "Date" in release.fields else None)
