"""Publications looked at again: found by their number, digest or suite, what they held, and how two differ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import structlog

from packages_app.core.errors import NothingPublished, ObjectNotFound
from packages_app.core.history_errors import PublicationUnknown
from packages_app.core.layout import suite_path
from packages_app.core.record import TableKey
from packages_app.indexes.release import read_loosely
from packages_app.models import Publication
from packages_app.publishing.difference import Difference, difference
from packages_app.publishing.generations import digest_of, release_digest
from packages_app.publishing.kept_contents import contents_of, kept_contents, publications_in_place
from packages_app.services import adapters
from packages_app.services.jobs import queue
from packages_app.services.jobs.rights import require_publisher
from packages_app.signing.unproven import unproven_text

_DIGEST = re.compile(r"[0-9a-f]{6,64}\Z")
_NUMBER = re.compile(r"[0-9]{1,9}\Z")

log = structlog.get_logger(__name__)


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
    try:
        # No key is asked for: a Release that nobody of us has published is known by no digest.
        text = unproven_text(adapters.bucket().read(suite_path(name, "InRelease"))) or b""
    except ObjectNotFound:
        text = b""
    release = read_loosely(text)
    if release is None:
        raise NothingPublished(f"Suite {name} shows nothing.", remedy=f"Publish it: publish {name}.")
    return Shown(name, release_digest(text), date=release.date if "Date" in release.fields else None)


def shown_as(text: str) -> Shown:
    """Return the publication that a person names: a suite, for what it shows now, a row's number, or a digest.

    A digest is the beginning of a Release's SHA256, at least six digits of it. Raise `PublicationUnknown`, and
    `NothingPublished` for a suite.
    """
    text = text.strip()
    if text in {suite.name for suite in adapters.repository().suites}:
        return shown_now(text)
    if _NUMBER.match(text) and (row := Publication.objects.filter(pk=int(text)).first()):
        return shown_by(row)
    found = {(one.suite, one.digest): one for one in _by_digest(text)} if _DIGEST.match(text) else {}
    if len(found) == 1:
        return next(iter(found.values()))
    several = f"{len(found)} publications" if found else "No publication and no suite"
    raise PublicationUnknown(
        f"{several} can be meant by {text[:80]!r}.",
        remedy="Name a suite, the number of a row of the admin's publications, or more of a Release's SHA256.",
    )


def difference_of(before: Shown, after: Shown) -> Difference:
    """Return how what two publications showed differs; raise `ContentsGone`."""
    return difference(before.contents(), after.contents())


def publication_before(publication: Publication) -> Shown | None:
    """Return what the suite showed before a publication; None for its first, and where no row says it."""
    earlier = Publication.objects.filter(suite=publication.suite, pk__lt=publication.pk).order_by("-pk").first()
    return shown_by(earlier) if earlier is not None else None


def pin(publications: Iterable[Publication], user: queue.Asker | None, *, pinned: bool) -> int:
    """Keep publications for ever, or no longer than others; return how many were not so. Raise `RightMissing`."""
    require_publisher(user, "To keep a publication for ever")
    keys = [publication.pk for publication in publications]
    changed = Publication.objects.filter(pk__in=keys, pinned=not pinned).update(pinned=pinned)
    log.info("publications_pinned", publications=keys, pinned=pinned, user=user.get_username() if user else "")
    return changed


def _by_digest(text: str) -> Iterator[Shown]:
    """Yield the publications whose digests begin so: rows, else, where rows were lost, those on a suite's way back."""
    rows = list(Publication.objects.filter(release_sha256__startswith=text).order_by("pk"))
    yield from map(shown_by, rows)
    if rows:
        return
    begin = digest_of(text)
    for suite in adapters.repository().suites:
        kept = kept_contents(adapters.staging(), suite.name)
        dates = {one.sha256: one.date for one in kept}
        if not any(digest.startswith(begin) for digest in dates):
            continue
        for digest in publications_in_place(kept, shown_now(suite.name).digest):
            if digest.startswith(begin):
                yield Shown(suite.name, digest, date=dates[digest])
