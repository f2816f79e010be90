"""What is asked of one publication."""

from __future__ import annotations

from dataclasses import dataclass

from packages_app.core.record import TableKey


@dataclass(frozen=True)
class PublicationOptions:
    """What is asked of one publication.

    `rebuild`: read the whole suite, upload everything again, and publish even when pool files are missing, unless
    `hold_missing`: a candidate was held back for such. `resign`: make a new Release of the indexes in place, whatever
    is pending, without a look at records; where these can't be built upon, of the whole suite, and where that is held
    back, renew the dates of the one in place: clients must not stop because of what waits. `new_identity`: let Origin,
    Label, Suite and Codename change, `new_key` the key that signs. `whole`: read the whole suite, not only its pending
    changes. `approved`: the digest of the findings that a person has seen and accepts. `may_vanish`: packages without a
    record that a person has been told clients will lose.
    """

    rebuild: bool = False
    hold_missing: bool = False
    resign: bool = False
    new_identity: bool = False
    new_key: bool = False
    whole: bool = False
    approved: str = ""
    may_vanish: frozenset[TableKey] = frozenset()

    @property
    def of_all(self) -> bool:
        """Say whether the whole suite is to be read."""
        return self.rebuild or (not self.resign and (self.whole or bool(self.approved)))


DEFAULT_OPTIONS = PublicationOptions()
