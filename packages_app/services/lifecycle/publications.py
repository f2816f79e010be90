"""Publications looked at again: how two of them differ, and which are kept for ever."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from packages_app.core.rights import Action
from packages_app.models import Publication
from packages_app.publishing.difference import Difference, difference
from packages_app.services.publication.shown import Shown, shown_by
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import require

log = structlog.get_logger(__name__)


def difference_of(before: Shown, after: Shown) -> Difference:
    """Return how what two publications showed differs; raise `ContentsGone`."""
    return difference(before.contents(), after.contents())


def publication_before(publication: Publication) -> Shown | None:
    """Return what the suite showed before a publication; None for its first, and where no row says it."""
    earlier = Publication.objects.filter(suite=publication.suite, pk__lt=publication.pk).order_by("-pk").first()
    return shown_by(earlier) if earlier is not None else None


def pin(publications: Iterable[Publication], user: Asker | None, *, pinned: bool) -> int:
    """Keep publications for ever, or no longer than others; return how many were not so. Raise `RightMissing`."""
    chosen = list(publications)
    suites = {publication.suite for publication in chosen}
    require(user, Action.PUBLISH, "To keep a publication for ever", suites=suites)
    keys = [publication.pk for publication in chosen]
    changed = Publication.objects.filter(pk__in=keys, pinned=not pinned).update(pinned=pinned)
    log.info("publications_pinned", publications=keys, pinned=pinned, user=user.get_username() if user else "")
    return changed
