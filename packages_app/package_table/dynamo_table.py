"""The distributed package table: DynamoDB, through PynamoDB."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import structlog
from pynamodb.exceptions import DoesNotExist, PynamoDBException, TableDoesNotExist
from pynamodb.expressions.update import Action

from packages_app.core.document import document_of
from packages_app.core.errors import TableMissing, TableUnavailable
from packages_app.core.locations import DynamoTable
from packages_app.core.ports import Lease, PendingChange, Written
from packages_app.core.record import PackageRecord, TableKey, make_package_id
from packages_app.package_table.dynamo_changes import of_old_layout, read_pending, remove_pending, write_listed
from packages_app.package_table.dynamo_item import Item, item_model, record_of, values_of
from packages_app.package_table.dynamo_scan import scan_records
from packages_app.package_table.dynamo_suites import (
    are_listed,
    list_all,
    list_records,
    read_records,
    records_in,
    say_listed,
)
from packages_app.package_table.rules import (
    LEASE_ARCHITECTURE,
    LISTED,
    lease_busy,
    lease_id,
    lease_lost,
    outcome_of_taken_key,
    releases_id,
    suites_changed,
)

_CONDITION_FAILED = "ConditionalCheckFailedException"
_NO_TABLE = "ResourceNotFoundException"
_IN_USE = "ResourceInUseException"
_NEVER = 0
_WRITERS = 8

log = structlog.get_logger(__name__)


class DynamoPackageTable:
    """Fulfils `core.ports.PackageTable`."""

    def __init__(self, location: DynamoTable, *, clock: Callable[[], float] = time.time) -> None:
        self._location = location
        self._clock = clock

    @cached_property
    def _items(self) -> Any:
        model = item_model(self._location)
        # Each failed try is logged, also those that botocore repeats by itself.
        events = model._get_connection().connection.client.meta.events
        events.register("needs-retry.dynamodb", _log_failed_try)
        return model

    def create(self) -> bool:
        """Make table, index and lists of suites where they are missing, and wait until they serve."""
        with self._call("create_table", self._location.name):
            if self._items.exists():
                if are_listed(self._items):
                    return False
                list_all(self._items)
                return True
            try:
                self._items.create_table(wait=True)
            except PynamoDBException as error:
                if error.cause_response_code == _IN_USE:  # another process makes it
                    return False
                raise
            say_listed(self._items)
        return True

    def suites_are_listed(self) -> bool:
        """Return whether the table has its lists of suites."""
        with self._call("get_item", LISTED):
            return are_listed(self._items)

    def probe(self) -> str:
        """Read one item."""
        self.get("probe", "0", "all")
        return f"DynamoDB table {self._location.name}"

    def put_new(self, record: PackageRecord) -> Written:
        """Write a record unless its key is there."""
        item, new = self._items(**values_of(record)), Item.package_id.does_not_exist()
        with self._call("put_item", record.package_id):
            if write_listed(self._items, lambda t: t.save(item, condition=new), record.key, record.suites):
                return Written.ADDED
        # A try that was repeated may meet its own item; that is the same bytes.
        known = self.get(record.package_name, record.version, record.architecture)
        return outcome_of_taken_key(record, known or record)

    def put_many_new(self, records: Sequence[PackageRecord]) -> list[Written]:
        """Write records, several at once.

        Each by a conditional put: BatchWriteItem knows no conditions, so it could replace what another has written.
        """
        with ThreadPoolExecutor(_WRITERS, thread_name_prefix="put") as writers:
            return list(writers.map(self.put_new, records))

    def get_many(self, keys: Collection[TableKey]) -> dict[TableKey, PackageRecord]:
        """Read the records of these keys, consistently, a hundred a call."""
        with self._call("batch_get_item", f"{len(keys)} items"):
            return {record.key: record for record in read_records(self._items, keys)}

    def set_suites(self, record: PackageRecord, suites: Iterable[str]) -> PackageRecord:
        """Change a record's suites if they are still those of `record`."""
        changed = record.in_suites(suites)
        actions: list[Action] = [Item.suites.set(list(changed.suites))]
        condition = Item.package_id.exists() & (Item.suites == list(record.suites))
        item = self._items(*record.key)
        with self._call("update_suites", record.package_id):
            done = write_listed(
                self._items,
                lambda t: t.update(item, actions=actions, condition=condition),
                record.key,
                changed.suites,
                before=record.suites,
            )
        if not done:
            known = self.get(record.package_name, record.version, record.architecture)
            if known is None or known.suites != changed.suites:
                raise suites_changed(record, known)
        return changed

    def get(self, name: str, version: str, architecture: str) -> PackageRecord | None:
        """Read one record, consistently."""
        item = self._item(make_package_id(name, version), architecture)
        return record_of(item) if item is not None else None

    def versions_of(self, name: str) -> Iterator[PackageRecord]:
        """Return all records of a name, oldest version first."""
        with self._call("query_by_name", name):
            found = [record_of(item) for item in self._items.by_name.query(name)]
        # Items of one version come in no set order from the index.
        yield from sorted(found, key=lambda record: (record.version_key, record.architecture))

    def newest_of(self, name: str) -> PackageRecord | None:
        """Return a record of the newest version of a name: a query of one item."""
        with self._call("query_newest", name):
            found = list(self._items.by_name.query(name, scan_index_forward=False, limit=1))
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
        return tuple(item.releases or ()) if item is not None else ()

    def keep_releases(self, suite: str, digests: Sequence[str]) -> None:
        """Keep which Releases show all of this table but for the pending changes."""
        with self._call("put_releases", suite):
            self._items(releases_id(suite), LEASE_ARCHITECTURE, releases=list(digests)).save()

    def take_lease(self, name: str, holder: str, seconds: float) -> Lease:
        """Take a lease that is free, expired, or this holder's own."""
        now = self._clock()
        expires = now + seconds
        free = Item.fence.does_not_exist() | (Item.expires <= now) | (Item.holder == holder)
        actions = [Item.holder.set(holder), Item.expires.set(expires), Item.fence.add(1)]
        taken = self._update("take_lease", lease_id(name), LEASE_ARCHITECTURE, actions, free)
        if taken is not None:
            return Lease(name, holder, int(taken.fence), expires)
        known = self._item(lease_id(name), LEASE_ARCHITECTURE)
        if known is None or known.holder == holder:  # it was another's a moment ago
            raise lease_busy(name, "another", seconds)
        raise lease_busy(name, known.holder, known.expires - now)

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

    def _item(self, package_id: str, architecture: str) -> Any:
        with self._call("get_item", package_id):
            try:
                return self._items.get(package_id, architecture, consistent_read=True)
            except DoesNotExist:
                return None

    def _update(self, operation: str, package_id: str, architecture: str, actions: list[Any], condition: Any) -> Any:
        """Change an item on a condition; return it as it is then, None when the condition did not hold."""
        item = self._items(package_id, architecture)
        with self._call(operation, package_id):
            try:
                item.update(actions=actions, condition=condition)
            except PynamoDBException as error:
                if error.cause_response_code != _CONDITION_FAILED:
                    raise
                return None
        return item

    @contextmanager
    def _call(self, operation: str, about: str) -> Iterator[None]:
        """Name the operation and its object in logs, and turn PynamoDB's errors into ours."""
        with structlog.contextvars.bound_contextvars(table_operation=operation, item=about):
            try:
                yield
            except TableDoesNotExist as error:
                raise self._missing() from error
            except PynamoDBException as error:
                log.warning("table_call_gave_up", code=error.cause_response_code, error=str(error))
                if error.cause_response_code == _NO_TABLE:
                    raise self._missing() from error
                raise TableUnavailable(
                    f"DynamoDB failed at {operation} of {about}: {error.cause_response_code or error}.",
                    remedy=f"Check the endpoint, the credentials and their rights on the table {self._location.name}.",
                ) from error

    def _missing(self) -> TableMissing:
        return TableMissing(
            f"There is no DynamoDB table {self._location.name}, or it lacks its index.",
            remedy="Run manage.py create_storage, or correct PACKAGE_TABLE_URL.",
        )


def _log_failed_try(
    attempts: int, response: Any = None, caught_exception: Exception | None = None, **_rest: Any
) -> None:
    """Log a failed try (a botocore event handler; return None, so that botocore decides about the retry)."""
    status = response[0].status_code if response else 0
    if caught_exception is not None or status >= 500 or (response and _throttled(response[1])):
        log.warning(
            "table_call_failed",
            attempt=attempts,
            status=status,
            error=str(caught_exception or response[1].get("Error")),
        )


def _throttled(answer: Any) -> bool:
    return "Throttl" in str(answer.get("Error", {}).get("Code", "")) or "Exceeded" in str(answer.get("Error", {}))
