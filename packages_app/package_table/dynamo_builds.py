"""That a suite never gets two builds of a version, in DynamoDB.

The lines that list the builds of a version and architecture in a suite are one item, written on a condition in the
record's own transaction (`dynamo_changes`). So two builds never come into a suite, whoever writes at the same time.
A build's line stays when it leaves. That of a record without a build goes, as it always did; its history tells.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from packages_app.core.builds import OtherBuild, check_one_build, other_build, suites_of_others
from packages_app.core.record import PackageRecord
from packages_app.package_table.dynamo_changes import read_changes
from packages_app.package_table.dynamo_item import purged_by, record_of
from packages_app.package_table.dynamo_items import DynamoItems


def check_build(items: DynamoItems, record: PackageRecord, suites: Collection[str]) -> None:
    """Raise `OtherBuild` for a build that is to come into a suite that has or had another; PynamoDB's errors.

    A record without a build costs nothing here.
    """
    if record.build and suites:
        check_one_build(record, suites, _others(items, record))


def met_other_build(items: DynamoItems, record: PackageRecord, suites: Iterable[str]) -> OtherBuild:
    """Return the error of a write that met another build's line; raise PynamoDB's errors."""
    others, wanted = _others(items, record), sorted(suites)
    suite = next((one for one in wanted if one in others), wanted[0])
    return other_build(record, suite, others.get(suite, ""))


def _others(items: DynamoItems, record: PackageRecord) -> dict[str, str]:
    plain = items.get((record.package_id, record.architecture)) if record.build else None
    there = [record_of(plain)] if plain is not None and purged_by(plain) is None else []
    return suites_of_others(record, read_changes(items, record.package_id), there)
