"""Which generations of a suite a client may still hold: the newest ones, and those in place within some days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from packages_app.publishing.generations import FIRST, Generation, release_digest
from packages_app.publishing.published import Published


@dataclass(frozen=True)
class Keeping:
    """How much is kept: the newest `generations` (at least 1), and whatever was in place within `age`."""

    generations: int
    age: timedelta


@dataclass(frozen=True)
class Retention:
    """A suite's generations, parted. When not `complete`, something that was not kept may be held by clients too."""

    retained: tuple[Generation, ...]
    dropped: tuple[Generation, ...]
    complete: bool


def retention(kept: Sequence[Generation], published: Published, keeping: Keeping, now: datetime) -> Retention:
    """Part a suite's generations (oldest first) into those that stay and those that nobody holds any more.

    A generation was in place until the next one that certainly was. Of one that was kept and perhaps never in place
    the same is assumed, so it can only make more stay; one newer than what is in place belongs to a publication under
    way. Where the way back ends at a Release that was not kept, that one counts too: `complete` is False while it would
    be retained.
    """
    chain = in_place(kept, published)
    places = {one.sha256: number for number, one in enumerate(chain)}

    def followed_by(one: Generation) -> Sequence[Generation]:
        """Return what was in place after this generation; of one that is not in the chain, going by its date."""
        place = places.get(one.sha256)
        if place is None:
            place = max((number for number, link in enumerate(chain) if link.date <= one.date), default=-1)
        return chain[place + 1 :]

    def stays(successors: Sequence[Generation]) -> bool:
        return len(successors) < keeping.generations or successors[0].date > now - keeping.age

    retained = {one.key for one in kept if stays(followed_by(one))}
    complete = bool(chain) and (chain[0].replaces == FIRST or not stays(chain))
    return Retention(
        tuple(one for one in kept if one.key in retained),
        tuple(one for one in kept if one.key not in retained),
        complete,
    )


def in_place(kept: Sequence[Generation], published: Published) -> list[Generation]:
    """Return those generations that were in place one after the other, up to the one now, oldest first.

    Empty when the one in place now was not kept.
    """
    by_digest = {one.sha256: one for one in kept}
    chain: list[Generation] = []
    step = by_digest.pop(release_digest(published.text), None) if published.release is not None else None
    while step is not None:
        chain.append(step)
        step = by_digest.pop(step.replaces, None)
    return chain[::-1]
