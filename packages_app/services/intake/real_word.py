"""What dpkg and apt, where they are installed, say of records before those are written (APT_CHECK)."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from packages_app.core.layout import ALL
from packages_app.core.record import PackageRecord
from packages_app.core.repository import Repository
from packages_app.debian.real_readers import Offered, complaints_of
from packages_app.debian.stanza import stanza_of


def asks_real_readers() -> bool:
    """Return whether they are to be asked."""
    return settings.APT_CHECK != "off"


def complaints_about(records: Sequence[PackageRecord], repository: Repository) -> dict[int, str]:
    """Return what they complain of, by the record's place among these; empty where all are sound, or none is asked."""
    if not records or not asks_real_readers():
        return {}
    architectures = [name for name in repository.architectures if name != ALL]
    return complaints_of([_offered(record) for record in records], architectures)


def _offered(record: PackageRecord) -> Offered:
    return Offered(record.package_name, record.version, record.architecture, record.control, stanza_of(record))
