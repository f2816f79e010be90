"""Which record an offer was taken in as before, so that it is not fetched again (docs/REQUIREMENTS.md R12)."""

from __future__ import annotations

from packages_app.core.conflict import conflict_between
from packages_app.core.definition import Definition
from packages_app.core.hand_made import maker_of
from packages_app.core.record import PackageRecord, built_for
from packages_app.services import adapters
from packages_app.sources.source import Offer


def known_record(offer: Offer, definition: Definition, *, alone: bool) -> PackageRecord | None:
    """Return the record of an offer that was taken in before, or None; `alone`: no other has its version and build.

    An offer that says nothing of its architecture is known by where it was fetched from or by its bytes. Its version
    alone can't tell: one release may hold a file for amd64, which is there, and one for arm64, which is not; nor where
    the definition describes several packages.
    """
    table, build = adapters.package_table(), definition.build_of(offer.filename)
    architectures = (offer.architecture,) if offer.architecture else definition.architectures
    places = [built_for(name, build) for name in architectures]
    keys = [(name, place) for name in definition.names for place in places]
    of_version = [r for name, place in keys if (r := table.get(name, offer.version, place)) is not None]
    alone = alone and not definition.packages
    # The place first: other bytes at the same place are an alarm, whatever else fits.
    for record in of_version:
        if record.deb_url == offer.deb_url:
            return record
    for record in of_version:
        if _same_bytes(offer, record):
            return record
    if not offer.sha256:  # what was made by hand may have other bytes than upstream's of its version
        of_version = [record for record in of_version if not maker_of(record) or _differ(offer, record)]
    one_package = bool(offer.architecture) and not definition.packages
    one_architecture = one_package or (alone and len(definition.architectures) == 1)
    # Without a checksum the version of a single offer has to do: it may only have moved to another address.
    if of_version and (one_architecture or (alone and not offer.sha256)):
        return of_version[0]
    # A feed may name a version otherwise than the package itself does.
    every = (record for name in definition.names for record in table.versions_of(name))
    same_place = (record for record in every if record.deb_url == offer.deb_url)
    return next((r for r in same_place if r.pub_date == offer.pub_date or _same_bytes(offer, r)), None)


def _differ(offer: Offer, record: PackageRecord) -> bool:
    return conflict_between(record.file_identity, offer.file_identity)


def _same_bytes(offer: Offer, record: PackageRecord) -> bool:
    return bool(offer.sha256) and not _differ(offer, record)
