"""Records that keep their files no longer: those that retention took out of their last suite, some days ago.

A record stays in the table for good, with its history. Its file is moved to `swept/` as an orphan's is.
"""

from __future__ import annotations

from datetime import datetime

from packages_app.core.ports import PackageTable
from packages_app.core.record import PackageRecord
from packages_app.core.suite_change import LEFT_BY_A_PERSON, What, changes_of, withdrawn_from

_BY_PEOPLE = (*LEFT_BY_A_PERSON, What.REJECTED)


def keeps_file(table: PackageTable, record: PackageRecord, before: datetime) -> bool:
    """Return whether a record's file is to stay in the pool; raise the table's errors.

    It goes where retention took the record out of its last suite before a moment, and nobody has withdrawn it from
    another: what a person took out stays, so that he can put it back.
    """
    if record.suites:
        return True
    changes = table.suite_changes_of(record.package_name, record.version)
    own = changes_of(changes, record.built_for)
    if not own or own[-1].what is not What.RETAINED or datetime.fromisoformat(own[-1].when) >= before:
        return True
    return bool(withdrawn_from(own, record.built_for, _BY_PEOPLE))
