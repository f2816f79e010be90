"""Offers that were fetched and refused: they are not fetched at each check, as long as they are the same.

An offer is another one when upstream says anything else of it, and it is judged anew when its definition, the release
of repomgr, or who has a word (APT_CHECK) is another. What is forgotten is fetched once more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from importlib.metadata import version

from django.conf import settings

from packages_app.core.definition import Definition
from packages_app.core.errors import (
    InvalidDeb,
    InvalidVersion,
    NotAsAnnounced,
    PackageRefused,
    RepomgrError,
    VersionConflict,
)
from packages_app.core.storable_text import storable
from packages_app.models import DefinitionStatus
from packages_app.services import adapters
from packages_app.services.mirror.definitions import mirror_definitions
from packages_app.services.transactions import in_transaction
from packages_app.sources.exchange import plain
from packages_app.sources.source import Offer

_OF_THE_FILE: tuple[type[RepomgrError], ...] = (PackageRefused, InvalidDeb, InvalidVersion)
_UNTIL_TOMORROW = timedelta(days=1)
"""After so long bytes that were not those announced are fetched again: they may have been spoilt on the way. So may
those of no sound package, of which nothing was announced: an answer without a length ends wherever it breaks off. That
other bytes are there of its version is known of such an offer once it is fetched."""


def forget_refused_offers(names: Collection[str]) -> None:
    """Forget what was refused of these definitions, of all when none is named: the next check fetches it once more."""
    rows = DefinitionStatus.objects.exclude(refused={})
    (rows.filter(name__in=names) if names else rows).update(refused={})


class RefusedOffers:
    """The refused offers of one definition, as the last check left them; those met again are kept by `keep`."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        found = DefinitionStatus.objects.filter(name=definition.name).values_list("refused", flat=True).first()
        self._before: dict[str, dict[str, str]] = found or {}
        self._met: dict[str, dict[str, str]] = {}
        self._noted: dict[str, dict[str, str]] = {}

    def why(self, offer: Offer) -> str:
        """Return why an offer was refused before, "" when it was not, or that was too long ago."""
        digest = self._digest(offer)
        known = self._before.get(digest)
        if known is None or (known["until"] and datetime.fromisoformat(known["until"]) < adapters.now()):
            return ""
        self._met[digest] = known
        return known["why"]

    def note(self, offer: Offer, named: str, error: Exception) -> None:
        """Take note of an offer that was fetched and refused for what it is; of other failures no note is taken.

        `named` is what people call it.
        """
        until = ""
        unannounced = not offer.sha256 and offer.size is None
        conflicts = not offer.sha256 and isinstance(error, VersionConflict)
        if isinstance(error, NotAsAnnounced) or conflicts or (unannounced and isinstance(error, InvalidDeb)):
            until = (adapters.now() + _UNTIL_TOMORROW).isoformat()
        elif not isinstance(error, _OF_THE_FILE):
            return
        said = {"offer": named, "from": plain(offer.deb_url), "why": str(error)}
        self._noted[self._digest(offer)] = {"until": until, **{name: storable(text) for name, text in said.items()}}

    def keep(self) -> None:
        """Keep what this check met, but for what a person has let be asked again meanwhile, and nothing else."""
        if not self._noted and self._met == self._before:
            return
        rows = DefinitionStatus.objects.filter(name=self._definition.name)
        if not rows.exists():
            mirror_definitions()

        def write() -> None:
            still = rows.select_for_update().values_list("refused", flat=True).first() or {}
            rows.update(refused={digest: why for digest, why in self._met.items() if digest in still} | self._noted)

        in_transaction(write)

    def _digest(self, offer: Offer) -> str:
        said = (offer, self._definition, version("repomgr"), settings.APT_CHECK)
        return hashlib.sha256(repr(said).encode()).hexdigest()[:32]
