"""What a publication's lists hold: counts and the first names in its row, all names in an object of staging.

A first publication, a rebuild or a table that was lost names tens of thousands; rows, log lines and pages stay small.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from packages_app.core.errors import ObjectNotFound
from packages_app.models import Publication
from packages_app.services import adapters

FIRST = 100
"""So many of each list stand in a row, in a log line and on a page."""
INCLUDED = "included"
"""The packages that a force rebuild has shown: in the object alone."""

Lists = Mapping[str, Sequence[Any]]
"""Lists by their names: those of `Publication.LISTS`, and perhaps `INCLUDED`."""

log = structlog.get_logger(__name__)


def keep_lists(publication: Publication, lists: Lists) -> None:
    """Put lists into a publication that is about to be saved; those that are not given stay.

    Where one is longer than a row holds, all of them are written to staging first: what a row names is there.
    """
    whole = {**whole_lists(publication), **lists}
    for name in Publication.LISTS:
        setattr(publication, name, list(whole[name][:FIRST]))
        setattr(publication, f"{name}_count", len(whole[name]))
    publication.lists_key = ""
    if any(len(each) > FIRST for each in whole.values()):
        publication.lists_key = f"publications/{publication.suite}/{publication.release_sha256}.json"
        body = json.dumps({name: list(each) for name, each in whole.items()}, indent=0, ensure_ascii=False)
        adapters.staging().put(publication.lists_key, body.encode())


def whole_lists(publication: Publication) -> dict[str, list[Any]]:
    """Return all lists of a publication whole; where their object is gone or damaged, what its row holds of them."""
    in_row = {name: list(getattr(publication, name)) for name in Publication.LISTS}
    if not publication.lists_key:
        return in_row
    try:
        return {**in_row, **json.loads(adapters.staging().read(publication.lists_key))}
    except (ObjectNotFound, ValueError, TypeError) as error:
        log.warning("publication_lists_unreadable", key=publication.lists_key, error=str(error))
        return in_row
