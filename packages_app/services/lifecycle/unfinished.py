"""What somebody who died left undone of moves into a suite or out of it: rows, files and the publication."""

from __future__ import annotations

from packages_app.core.batches import batches_of
from packages_app.services import adapters
from packages_app.services.lifecycle.files import put_back_files
from packages_app.services.mirror.packages import mirror_records
from packages_app.services.publication.requests import request_publication, request_publications

_BATCH = 500


def bring_up_to_date(suite: str) -> bool:
    """Bring the rows of a suite's pending changes up to date, and put back files; return whether there are any.

    Publications of the other suites that their records are in are asked for: a change is pending there too. Raise the
    errors of table, store and database.
    """
    changes = adapters.package_table().pending_changes_of(suite)
    for some in batches_of(changes, _BATCH):
        records = adapters.package_table().get_many({change.key for change in some}).values()
        mirror_records(list(records))
        request_publications({other for record in records for other in record.suites} - {suite})
        put_back_files(record for record in records if record.suites)
    return bool(changes)


def complete(suite: str) -> None:
    """Do so, and ask for the publication that shows them; raise the errors of table, store and database."""
    if bring_up_to_date(suite):
        request_publication(suite)
