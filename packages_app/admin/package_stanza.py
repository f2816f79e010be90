"""The stanza and the address of a mirrored package, as clients see them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import fields

from packages_app.core.layout import public_address
from packages_app.core.record import PackageRecord
from packages_app.core.rollout import percentage_in
from packages_app.debian.stanza import stanza_of
from packages_app.models import Package
from packages_app.services.archives import present_archive


def package_stanzas(package: Package) -> list[tuple[str, str]]:
    """Return a row's stanza as its suites carry it, each with the suites that have just this one, sorted.

    Where a suite gives the version to a part of its clients the stanza says to how many, so there may be several. For
    an incomplete record there is the sentence that names what is missing.
    """
    names = {field.name for field in fields(PackageRecord)} - {"suites"}
    record = PackageRecord(**{name: getattr(package, name) for name in names})
    missing = record.missing_fields()
    if missing:
        return [("", f"No index carries this record: it has no {', no '.join(missing)}.")]
    suites: dict[int | None, list[str]] = defaultdict(list)
    for suite in sorted(membership.suite for membership in package.memberships.all()):
        suites[percentage_in(record, suite)].append(suite)
    if not suites:
        return [("", stanza_of(record))]
    return [(", ".join(some), stanza_of(record, percentage)) for percentage, some in suites.items()]


def download_url(package: Package) -> str:
    """Return the address that clients fetch a row's file from."""
    return public_address(present_archive().public_url, package.pool_path)
