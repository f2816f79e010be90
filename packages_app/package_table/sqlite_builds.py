"""That a suite never gets two builds of a version, in the embedded table: looked at in the transaction that writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from packages_app.core.builds import check_one_build, suites_of_others
from packages_app.core.document import record_in
from packages_app.core.record import PackageRecord
from packages_app.package_table.sqlite_history import read_changes, were_purged

_OTHERS = (
    "SELECT document FROM records WHERE package_id = ? AND architecture >= ? AND architecture < ? AND architecture != ?"
)
"""All builds of a version and architecture but one, the record without one included: `#` is followed by `$`."""


def check_builds(connection: sqlite3.Connection, record: PackageRecord, suites: Iterable[str]) -> None:
    """Raise `OtherBuild` where a suite has or had another build of a record's version and architecture."""
    architecture = record.architecture
    rows = connection.execute(_OTHERS, (record.package_id, architecture, f"{architecture}$", record.built_for))
    others = [record_in(document) for (document,) in rows]
    if others or record.build or were_purged(connection, record.package_id):
        changes = read_changes(connection, record.package_id)
        check_one_build(record, suites, suites_of_others(record, changes, others))
