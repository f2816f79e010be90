"""What an intake would refuse of a sound file, told before anything of it is stored or asked for."""

from __future__ import annotations

from packages_app.core.conflict import conflict_between, pool_conflict, version_conflict
from packages_app.core.errors import ImmutableObjectConflict, ObjectNotFound
from packages_app.core.record import PackageRecord
from packages_app.core.suite_change import is_purged, is_withdrawn, withdrawn_from
from packages_app.services import adapters
from packages_app.services.intake.store_and_record import other_build
from packages_app.stores.immutable import check_same


def known_of(offered: PackageRecord) -> PackageRecord | None:
    """Return the record that a file has already, with its bytes; None for one that is new.

    Raise `VersionConflict` for other bytes, of its version or at its place in the pool, which versions share that
    differ in their epoch alone; `VersionPurged`, `VersionWithdrawn`, `OtherBuild`. Intake decides again.
    """
    table = adapters.package_table()
    recorded, purged = table.look_up([offered.key])
    if offered.key in purged:
        raise is_purged(offered.key, purged[offered.key])
    known = recorded.get(offered.key)
    if known is None:
        _check_place(offered)
        return None
    if conflict_between(known.file_identity, offered.file_identity):
        raise version_conflict(known.named, known.file_identity, offered.file_identity)
    missing = set(offered.suites) - set(known.suites)
    changes = table.suite_changes_of(known.package_name, known.version) if missing else []
    withdrawn = withdrawn_from(changes, known.built_for)
    if stays_out := sorted(missing & withdrawn.keys()):
        raise is_withdrawn(known, withdrawn[stays_out[0]], stays_out[0])
    return known


def _check_place(offered: PackageRecord) -> None:
    if (other := other_build(offered)) is not None:
        raise other
    bucket = adapters.bucket()
    if offered.pool_path and bucket.head(offered.pool_path) is not None:
        try:
            check_same(bucket, offered.pool_path, offered.file_identity)
        except ImmutableObjectConflict as error:
            raise pool_conflict(offered.named, error) from error
        except ObjectNotFound:  # an orphan that a sweep took this moment
            return
