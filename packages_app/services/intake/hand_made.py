"""Versions made by hand of packages that a source watches: people hear of one until the source has a newer version."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from packages_app.core.hand_made import maker_of
from packages_app.core.record import PackageRecord
from packages_app.models import Notice
from packages_app.services import adapters
from packages_app.services.notices.notify import notify, settle_notices

_REMEDY = "When upstream has a newer version this is over by itself; if it is not to stay, withdraw it."


def tell_of_hand_made(records: Iterable[PackageRecord]) -> None:
    """Tell people of the packages of which some of these records were made by hand."""
    for name in sorted({record.package_name for record in records if maker_of(record)}):
        _tell(name)


def settle_overtaken(packages: Collection[str]) -> None:
    """Look again at those of some packages that people were told of: the source may have a newer version by now."""
    told = Notice.objects.filter(kind=Notice.Kind.HAND_MADE_VERSION, subject__in=packages, settled=None)
    for name in told.values_list("subject", flat=True):
        _tell(name)


def _tell(name: str) -> None:
    """Tell people of the version that clients get of a package, where it was made by hand; else that it is over."""
    shown = [record for record in adapters.package_table().versions_of(name) if record.suites]
    newest = max((record.version_key for record in shown), default="")
    by_hand = [record for record in shown if maker_of(record) and record.version_key == newest]
    if not by_hand:
        settle_notices(Notice.Kind.HAND_MADE_VERSION, name)
        return
    record = by_hand[0]
    notify(
        Notice.Kind.HAND_MADE_VERSION,
        name,
        f"{name} {record.version} was made by hand, by {maker_of(record)}, and stands beside what {record.package_type}"
        " brings: it is what clients get until upstream has a newer version.",
        level="warning",
        remedy=_REMEDY,
    )
