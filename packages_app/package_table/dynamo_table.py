"""The distributed package table: DynamoDB, through PynamoDB."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import cached_property, partial

from pynamodb.exceptions import PynamoDBException
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from packages_app.core.at_once import at_once
from packages_app.core.document import document_of
from packages_app.core.last_given import LastGiven
from packages_app.core.locations import DynamoTable
from packages_app.core.moving import NewSuites
from packages_app.core.ports import Lease, PendingChange, Written
from packages_app.core.record import PackageRecord, TableKey, make_package_id
from packages_app.core.suite_change import Known, SuiteChange, is_purged
from packages_app.package_table.dynamo_builds import check_build, met_other_build
from packages_app.package_table.dynamo_changes import (
    of_old_layout,
    read_changes,
    read_pending,
    remove_pending,
    write_listed,
)
from packages_app.package_table.dynamo_errors import errors_told, unfit
from packages_app.package_table.dynamo_item import (
    INDEX_NAME,
    SHAPE,
    Item,
    purged_by,
    record_of,
    values_of,
)
from packages_app.package_table.dynamo_items import SLOTS, DynamoItems, code_of
from packages_app.package_table.dynamo_moves import move_record, move_records
from packages_app.package_table.dynamo_promises import CONDITION_FAILED, broken_promises
from packages_app.package_table.dynamo_scan import scan_records, suites_noted
from packages_app.package_table.dynamo_suites import (
    are_listed,
    list_all,
    list_records,
    look_up,
    purge_record,
    read_records,
    records_in,
    say_listed,
)
from packages_app.package_table.packed_text import check_size
from packages_app.package_table.raw_table import RawItem, RawTable
from packages_app.package_table.rules import (
    LEASE_ARCHITECTURE,
    LISTED,
    MOST_SUITES,
    given_by_another,
    given_id,
    lease_busy,
    lease_id,
    lease_lost,
    outcome_of_taken_key,
    releases_id,
    suites_changed,
)

_NEVER = 0
_WRITERS = 8


class DynamoPackageTable:
    """Fulfils `core.ports.PackageTable`."""

    most_suites: int | None = MOST_SUITES

    def __init__(
        self,
        location: DynamoTable,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        slots: int = SLOTS,
    ) -> None:
        self._location = location
        self._clock = clock
        self._sleep = sleep
        self._slots = slots

    @cached_property
    def _items(self) -> DynamoItems:
        return DynamoItems(self._location, slots=self._slots, sleep=self._sleep)

    def create(self) -> bool:
        """Make table, index and lists of suites where they are missing, and wait until they serve."""
        with self._call("create_table", self._location.name):
            if self._items.table_exists():
                if are_listed(self._items):
                    return False
                list_all(self._items)
                return True
            if not RawTable(self._location).create(SHAPE):  # another process makes it
                return False
            say_listed(self._items)
        return True

    def suites_are_listed(self) -> bool:
        """Return whether the table has its lists of suites."""
        with self._call("get_item", LISTED):
            return are_listed(self._items)

    def probe(self) -> str:
        """Try what we rely on: about fifteen requests."""
        with self._call("probe", self._location.name):
            broken = broken_promises(self._items)
        if broken:
            raise unfit(self._location.name, broken)
        return f"DynamoDB table {self._location.name}, which keeps conditions and transactions"

    def put_new(self, record: PackageRecord, change: SuiteChange | None = None) -> Written:
        """Write a record unless its key is there."""
        check_size(record)
        item, new = Item(**values_of(record)), Item.package_id.does_not_exist()
        with self._call("put_item", record.package_id):
            check_build(self._items, record, record.suites)
            if write_listed(self._items, lambda t: t.put(item, new), record.key, record.suites, change=change):
                return Written.ADDED
        # A try that was repeated may meet its own item; that is the same bytes.
        known, purged = self.look_up([record.key])
        if record.key in purged:
            raise is_purged(record.key, purged[record.key])
        if record.key not in known and record.suites:
            with self._call("query_history", record.package_id):
                raise met_other_build(self._items, record, record.suites)
        return outcome_of_taken_key(record, known.get(record.key, record))

    def put_many_new(self, records: Sequence[PackageRecord], changes: Sequence[SuiteChange] = ()) -> list[Written]:
        """Write records, several at once.

        Each by a conditional put: BatchWriteItem knows no conditions, so it could replace what another has written.
        """
        each: Iterable[SuiteChange | None] = changes or [None] * len(records)
        calls = [partial(self.put_new, *one) for one in zip(records, each, strict=True)]
        return at_once(calls, _WRITERS)

    def purge(self, record: PackageRecord, change: SuiteChange) -> None:
        """Remove a record that is in no suite, and refuse its key for ever."""
        with self._call("purge", record.package_id):
            if purge_record(self._items, record.key, change):
                return
        known, purged = self.look_up([record.key])
        if record.key not in purged:
            raise suites_changed(record, known.get(record.key))

    def look_up(self, keys: Collection[TableKey]) -> Known:
        """Read the records of these keys, and what purged others of them, consistently, a hundred a call."""
        with self._call("batch_get_item", f"{len(keys)} items"):
            return look_up(self._items, keys)

    def get_many(self, keys: Collection[TableKey]) -> dict[TableKey, PackageRecord]:
        """Read the records of these keys, consistently, a hundred a call."""
        return self.look_up(keys)[0]

    def set_suites(
        self,
        record: PackageRecord,
        suites: Iterable[str],
        change: SuiteChange | None = None,
        *,
        other_fields: str | None = None,
    ) -> PackageRecord:
        """Change a record's suites if they are still those of `record`."""
        with self._call("update_suites", record.package_id):
            return move_record(self._items, NewSuites(record, tuple(suites), change, other_fields))

    def set_suites_of_many(self, moves: Sequence[NewSuites]) -> list[PackageRecord | None]:
        """Change the suites of records, those of many in a transaction, and some of these at once."""
        with self._call("update_suites", f"{len(moves)} records"):
            return move_records(self._items, moves)

    def suite_changes_of(self, name: str, version: str) -> list[SuiteChange]:
        """Return what was kept of the changes of a version's suites, oldest first."""
        with self._call("query_history", name):
            return read_changes(self._items, make_package_id(name, version))

    def histories_of(self, versions: Sequence[tuple[str, str]]) -> list[list[SuiteChange]]:
        """Return what was kept of the changes of versions' suites, by a query each, several at once."""
        return at_once([partial(self.suite_changes_of, *one) for one in versions], _WRITERS)

    def get(self, name: str, version: str, built_for: str) -> PackageRecord | None:
        """Read one record, consistently."""
        item = self._item(make_package_id(name, version), built_for)
        return record_of(item) if item is not None and purged_by(item) is None else None

    def versions_of(self, name: str) -> Iterator[PackageRecord]:
        """Return all records of a name, oldest version first."""
        with self._call("query_by_name", name):
            found = [record_of(item) for item in self._items.of_index(INDEX_NAME, name)]
        # Items of one version come in no set order from the index.
        yield from sorted(found, key=lambda record: (record.version_key, record.built_for))

    def newest_of(self, name: str) -> PackageRecord | None:
        """Return a record of the newest version of a name: a query of one item."""
        with self._call("query_newest", name):
            found = list(self._items.of_index(INDEX_NAME, name, newest_only=True))
        return record_of(found[0]) if found else None

    def all_records(self) -> Iterator[PackageRecord]:
        """Return every record once, by a consistent scan of the base table, some segments at once."""
        with self._call("scan", self._location.name):
            yield from scan_records(self._items)

    def records_of(self, suite: str) -> Iterator[PackageRecord]:
        """Yield every record of a suite once, by its list, or by a scan where there are no lists yet."""
        with self._call("query_suite", suite):
            yield from records_in(self._items, suite)

    def documents_of(self, suite: str) -> Iterator[bytes]:
        """Yield the document of every record of a suite once, by key where there are lists of suites."""
        return map(document_of, self.records_of(suite))

    def pending_changes_of(self, suite: str) -> list[PendingChange]:
        """Return the pending changes of a suite."""
        with self._call("query_changes", suite):
            return read_pending(self._items, suite)

    def remove_pending_changes(self, suite: str, changes: Sequence[PendingChange]) -> None:
        """Remove just these; what an earlier release wrote is listed in its suites first."""
        with self._call("delete_changes", suite):
            if late := of_old_layout(changes):
                list_records(self._items, read_records(self._items, late))
            remove_pending(self._items, suite, changes)

    def releases_of(self, suite: str) -> tuple[str, ...]:
        """Return the digests that were last kept."""
        item = self._item(releases_id(suite), LEASE_ARCHITECTURE)
        return tuple(digest["S"] for digest in item.get("releases", {}).get("L", ())) if item is not None else ()

    def keep_releases(self, suite: str, digests: Sequence[str]) -> None:
        """Keep which Releases show all of this table but for the pending changes."""
        with self._call("put_releases", suite):
            self._items.put(Item(releases_id(suite), LEASE_ARCHITECTURE, releases=list(digests)))

    def last_given(self, suite: str) -> LastGiven | None:
        """Return what was last kept of what a suite's clients were given."""
        item = self._item(given_id(suite), LEASE_ARCHITECTURE)
        if item is None:
            return None
        return LastGiven(datetime.fromtimestamp(int(item["given_date"]["N"]), UTC), item["fingerprint"]["S"])

    def suites_given(self) -> dict[str, LastGiven | None]:
        """Return what was kept of each suite, by a scan of the base table."""
        with self._call("scan", self._location.name):
            suites = suites_noted(self._items)
        return {suite: self.last_given(suite) for suite in suites}

    def keep_last_given(self, suite: str, given: LastGiven, *, before: LastGiven | None) -> None:
        """Keep what a suite's clients are about to be given, where it is still `before`."""
        condition: Condition = Item.given_date.does_not_exist()
        if before is not None:
            condition = (Item.given_date == _seconds(before.date)) & (Item.fingerprint == before.fingerprint)
        actions = [Item.given_date.set(_seconds(given.date)), Item.fingerprint.set(given.fingerprint)]
        kept = self._update("keep_last_given", given_id(suite), LEASE_ARCHITECTURE, actions, condition)
        # A try that was repeated may meet what it has written itself.
        if kept is None and self.last_given(suite) != given:
            raise given_by_another(suite)

    def take_lease(self, name: str, holder: str, seconds: float) -> Lease:
        """Take a lease that is free, expired, or this holder's own."""
        now = self._clock()
        expires = now + seconds
        free = Item.fence.does_not_exist() | (Item.expires <= now) | (Item.holder == holder)
        actions = [Item.holder.set(holder), Item.expires.set(expires), Item.fence.add(1)]
        taken = self._update("take_lease", lease_id(name), LEASE_ARCHITECTURE, actions, free)
        if taken is not None:
            return Lease(name, holder, int(taken["fence"]["N"]), expires)
        known = self._known_lease(name)
        if known is None or known.holder == holder:  # it was another's a moment ago
            raise lease_busy(name, "another", seconds)
        raise lease_busy(name, known.holder, known.expires - now)

    def _known_lease(self, name: str) -> Lease | None:
        item = self._item(lease_id(name), LEASE_ARCHITECTURE)
        if item is None:
            return None
        return Lease(name, item["holder"]["S"], int(item["fence"]["N"]), float(item["expires"]["N"]))

    def renew_lease(self, lease: Lease, seconds: float) -> Lease:
        """Extend a lease that is still ours by its fence."""
        renewed = Lease(lease.name, lease.holder, lease.fence, self._clock() + seconds)
        if not self._set_expiry("renew_lease", lease, renewed.expires):
            raise lease_lost(lease)
        return renewed

    def release_lease(self, lease: Lease) -> None:
        """Let go of a lease, its fence remembered."""
        self._set_expiry("release_lease", lease, _NEVER)

    def _set_expiry(self, operation: str, lease: Lease, expires: float) -> bool:
        condition = (Item.holder == lease.holder) & (Item.fence == lease.fence) & (Item.expires > _NEVER)
        actions = [Item.expires.set(expires)]
        return self._update(operation, lease_id(lease.name), LEASE_ARCHITECTURE, actions, condition) is not None

    def _item(self, package_id: str, architecture: str) -> RawItem | None:
        with self._call("get_item", package_id):
            return self._items.get((package_id, architecture))

    def _update(
        self, operation: str, package_id: str, architecture: str, actions: Sequence[Action], condition: Condition
    ) -> RawItem | None:
        """Change an item on a condition; return it as it is then, None when the condition did not hold."""
        with self._call(operation, package_id):
            try:
                return self._items.update((package_id, architecture), actions, condition)
            except PynamoDBException as error:
                if code_of(error) != CONDITION_FAILED:
                    raise
                return None

    def _call(self, operation: str, about: str) -> AbstractContextManager[None]:
        return errors_told(self._location.name, operation, about)


def _seconds(date: datetime) -> int:
    return int(date.timestamp())
