"""The mirror: the package table copied into Django's database for browsing, after the table, never before it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import structlog

from packages_app.core.batches import batches_of
from packages_app.core.errors import InvalidVersion
from packages_app.core.ports import Progress
from packages_app.core.record import PackageRecord, TableKey, named_key
from packages_app.core.storable_text import storable
from packages_app.core.version import version_key
from packages_app.models import Package, SuiteMembership, Webhook
from packages_app.models.package import KEY_COLUMNS, key_of_row
from packages_app.services.adapters import now, package_table
from packages_app.services.mirror.bulk_rows import lock_rows, write_rows
from packages_app.services.mirror.fitting import fitting, is_key_of_a_row, with_place, written
from packages_app.services.mirror.names import add_names, renew_names
from packages_app.services.mirror.unmirrored import Unmirrored
from packages_app.services.publication.requests import request_publications, wake_publications
from packages_app.services.transactions import in_transaction
from packages_app.services.webhooks.facts import is_news, new_version
from packages_app.services.webhooks.tell import tell

# Records of which the rows are read, compared and written at a time.
_BATCH = 1000
_OF_RECORDS = ("package_id", *(field.name for field in fields(PackageRecord) if field.name != "suites"))
_COLUMNS = (*_OF_RECORDS, "version_key")
_record_values = attrgetter(*_OF_RECORDS)
_key_in = itemgetter(*map(_COLUMNS.index, KEY_COLUMNS))
_LONGEST_NAMED = 500
_NO_MORE: tuple[int | None, Iterable[tuple[int, str, str]]] = (None, ())

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Reconciled:
    """What a reconciliation found: records read, rows added, changed and removed, and records that no row holds."""

    records: int
    added: int
    changed: int
    removed: int
    left_out: int = 0


@dataclass(frozen=True)
class _Batch:
    added: int
    changed: int
    suites: frozenset[str]
    rows: frozenset[int]
    left_out: tuple[str, ...] = ()


class _Mirrored(NamedTuple):
    """A row as it is compared with its record: the values of `_COLUMNS`, and its memberships, (suite, name), sorted."""

    pk: int
    values: tuple[Any, ...]
    memberships: list[tuple[str, str]]


def mirror_record(record: PackageRecord) -> bool:
    """Bring one record's row up to date; True when something changed."""
    return mirror_records([record])


def mirror_records(records: list[PackageRecord], *, ask: bool = False) -> bool:
    """Bring the rows of some records, of a key each, up to date in one transaction; True when something changed.

    With `ask`, publications of the suites that were found to differ are asked for in it, and wait to be waked.
    """
    batch = _mirror_batch(records, ask=ask)
    unmirrored = Unmirrored()
    unmirrored.left_out(batch.left_out)
    unmirrored.tell(looked_at=[record.named for record in records])
    return bool(batch.added or batch.changed)


def reconcile_mirror(progress: Progress) -> Reconciled:
    """Make the mirror equal to the table, and ask for publications of the suites that were found to differ."""
    progress.step("read the package table")
    reconciliation = Reconciliation(progress)
    for _ in reconciliation.through(package_table().all_records()):
        pass
    return reconciliation.found


class Reconciliation:
    """The mirror made equal to the table, by the records that whoever needs all of them reads anyway."""

    def __init__(self, progress: Progress) -> None:
        self.found = Reconciled(0, 0, 0, 0)
        self._progress = progress

    def through(self, all_records: Iterable[PackageRecord]) -> Iterator[PackageRecord]:
        """Return all records of the table on, which are read from here on; the mirror is equal to them at the end.

        Then publications are asked for of the suites that were found to differ. Only rows that were there at the start
        are removed: one that appears meanwhile has a record that was not read yet.
        """
        unmatched, unmirrored = _rows_by_content(), Unmirrored()
        read = added = changed = left_out = 0
        suites: set[str] = set()
        kept: set[int] = set()
        for records in batches_of(all_records, _BATCH):
            batch = _mirror_differing(records, unmatched)
            read, added, changed = read + len(records), added + batch.added, changed + batch.changed
            left_out += _tell_of(batch.left_out, self._progress)
            unmirrored.left_out(batch.left_out)
            suites |= batch.suites
            kept |= batch.rows
            self._progress.advance(read, read)
            yield from records
        unseen = set(unmatched.values()) - kept
        self._progress.step("remove rows without a record", str(len(unseen)))
        for pks in batches_of(sorted(unseen), _BATCH):
            suites |= _remove(pks)
        renew_names()
        unmirrored.tell()
        wake_publications(suites)
        log.info("mirror_reconciled", records=read, added=added, changed=changed, removed=len(unseen))
        self.found = Reconciled(read, added, changed, len(unseen), left_out)


def _tell_of(left_out: Sequence[str], progress: Progress) -> int:
    """Name the records whose rows the database does not hold; return how many they are."""
    for name in left_out:
        progress.note(f"{name} has no row here: its database does not hold what the record says", level="error")
    return len(left_out)


def _mirror_differing(records: list[PackageRecord], unmatched: dict[int, int]) -> _Batch:
    """Bring the rows of those records up to date that have none among the unmatched ones, and take out theirs."""
    if not unmatched:  # nor has any of them a row of other content
        return _mirror_new(records)
    return _mirror_batch([record for record in records if unmatched.pop(_content(record), None) is None], ask=True)


def reconcile_keys(keys: Collection[TableKey], progress: Progress) -> Reconciled:
    """Make the rows of these keys equal to the table, and ask for publications of the suites that were found to differ.

    A row whose record is gone is removed. The answer counts the records that were read.
    """
    read = added = changed = removed = left_out = 0
    suites: set[str] = set()
    unmirrored = Unmirrored()
    for some in batches_of(sorted(keys), _BATCH):
        records = package_table().get_many(some)
        batch = _mirror_batch(list(records.values()), ask=True)
        left_out += _tell_of(batch.left_out, progress)
        unmirrored.left_out(batch.left_out)
        rows = _rows_of({key[0] for key in some if is_key_of_a_row(key)})
        gone = [rows[key].pk for key in some if key in rows and key not in records]
        suites |= batch.suites | (_remove(gone) if gone else set())
        read, added, changed = read + len(records), added + batch.added, changed + batch.changed
        removed += len(gone)
        progress.advance(read, len(keys))
    if removed:
        renew_names()
    unmirrored.tell(looked_at=list(map(named_key, keys)))
    wake_publications(suites)
    return Reconciled(read, added, changed, removed, left_out)


def mirror_differences(records: Iterable[PackageRecord]) -> list[TableKey]:
    """Return the keys of rows that are not as their record says, that lack, or that have no record, sorted.

    `records` is the whole table, read a moment ago: what differs is looked at once more, since records may have come.
    """
    unmatched = _rows_by_content()
    suspects = {record.key for record in records if unmatched.pop(_content(record), None) is None}
    for pks in batches_of(unmatched.values(), _BATCH):
        suspects |= set(Package.objects.filter(pk__in=pks).order_by().record_keys())
    differing: list[TableKey] = []
    for some in batches_of(sorted(suspects), _BATCH):
        now = package_table().get_many(some)
        rows = _rows_of({key[0] for key in some if is_key_of_a_row(key)})
        differing += [key for key in some if not _same(rows.get(key), now.get(key))]
    return differing


def _rows_by_content() -> dict[int, int]:
    """Return the keys of all rows, each under the hash of all that the row and its memberships say (see `_content`).

    One pass over both tables, of which two numbers a row are kept; a row that is written meanwhile counts as another.
    """
    rows = Package.objects.order_by("pk").values_list(*_COLUMNS, "pk").iterator(chunk_size=_BATCH)
    memberships = SuiteMembership.objects.order_by("package_id").values_list("package_id", "suite", "package_name")
    groups = groupby(memberships.iterator(chunk_size=_BATCH), key=itemgetter(0))
    package, members = next(groups, _NO_MORE)
    found: dict[int, int] = {}
    for row in rows:
        pk = row[-1]
        while package is not None and package < pk:
            package, members = next(groups, _NO_MORE)
        own = sorted((suite, name) for _, suite, name in members) if package == pk else ()
        found[hash((row[:-1], tuple(own)))] = pk
    return found


def _content(record: PackageRecord) -> int:
    """Return the hash of all that a record's row and memberships have to say; 64 bits, of one process only.

    Two values that differ in one column never share it, other than by chance in 2**64.
    """
    return hash((_values(record), tuple(_memberships(record))))


def _same(row: _Mirrored | None, record: PackageRecord | None) -> bool:
    if row is None or record is None:
        return row is None and record is None
    return row.values == _values(record) and row.memberships == _memberships(record)


def _rows_of(package_ids: Collection[str]) -> dict[TableKey, _Mirrored]:
    """Return the rows of these packages by their key, in two queries; plain values, since thousands are compared."""
    found = list(Package.objects.filter(package_id__in=package_ids).order_by().values_list(*_COLUMNS, "pk"))
    memberships: dict[int, list[tuple[str, str]]] = defaultdict(list)
    members = SuiteMembership.objects.filter(package__in=[row[-1] for row in found])
    for pk, suite, name in members.values_list("package_id", "suite", "package_name"):
        memberships[pk].append((suite, name))
    return {key_of_row(_key_in(row)): _Mirrored(row[-1], row[:-1], sorted(memberships[row[-1]])) for row in found}


def _mirror_new(records: list[PackageRecord]) -> _Batch:
    """Write the rows of records that have none, and ask for publications, in one transaction."""
    new = written(with_place(records), lambda some: _write(some, (), ask=True))
    return _Batch(len(new), 0, _suites_of(new, ()), frozenset(), _without(records, new))


def _mirror_batch(records: list[PackageRecord], *, ask: bool = False) -> _Batch:
    """Bring the rows of some records up to date: what differs is written in one transaction, the rest only read.

    With `ask`, publications are asked for in the same one: a row that is as it should be is no reason for any later on.
    """
    keyed = {record.key: record for record in with_place(records)}
    rows = _rows_of({package_id for package_id, _ in keyed})
    stay = frozenset(key for key, record in keyed.items() if key in rows and rows[key].values == _values(record))
    same = [keyed[key] for key in keyed if key in stay and rows[key].memberships == _memberships(keyed[key])]
    differing = [one for one in keyed.values() if one.key not in stay or rows[one.key].memberships != _memberships(one)]
    kept = frozenset(row.pk for key, row in rows.items() if key in keyed)

    def write(some: Sequence[PackageRecord]) -> None:
        _write(some, [rows[record.key] for record in some if record.key in rows], ask=ask, stay=stay)

    now = written(differing, write)
    before = [rows[record.key] for record in now if record.key in rows]
    return _Batch(len(now) - len(before), len(before), _suites_of(now, before), kept, _without(records, [*same, *now]))


def _suites_of(records: Iterable[PackageRecord], before: Iterable[_Mirrored]) -> frozenset[str]:
    suites = {suite for record in records for suite in record.suites}
    return frozenset(suites | {suite for row in before for suite, _ in row.memberships})


def _without(records: Collection[PackageRecord], mirrored: Collection[PackageRecord]) -> tuple[str, ...]:
    """Return the names of the records that are not among the mirrored ones, as a database keeps them."""
    keys = {record.key for record in mirrored}
    return tuple(storable(record.named, _LONGEST_NAMED) for record in records if record.key not in keys)


def _write(
    records: Sequence[PackageRecord], before: Collection[_Mirrored], *, ask: bool,
    stay: frozenset[TableKey] = frozenset(),
) -> None:  # fmt: skip
    """Write the rows of records, new or there, and their memberships and names, each in bulk.

    Rows that `stay` get memberships alone. One that another worker wrote or removed meanwhile is no fault.
    """
    keys = Package.objects.filter(package_id__in={record.package_id for record in records}).order_by()
    if stay:
        lock_rows(keys, KEY_COLUMNS)
        stay &= frozenset(keys.record_keys())
    write_rows(Package, _COLUMNS, (_values(one) for one in records if one.key not in stay), key=KEY_COLUMNS)
    pks = {key_of_row(row): pk for pk, *row in keys.values_list("pk", *KEY_COLUMNS)}
    SuiteMembership.objects.filter(package__in=[row.pk for row in before if row.memberships]).delete()
    memberships = [(pks[record.key], *membership) for record in records for membership in _memberships(record)]
    write_rows(SuiteMembership, ("package", "suite", "package_name"), memberships, key=("suite", "package"))
    add_names({record.package_name for record in records})
    _tell_of_new(records, before)
    if ask:
        request_publications(_suites_of(records, before), wake_worker=False)


def _tell_of_new(records: Sequence[PackageRecord], before: Collection[_Mirrored]) -> None:
    """Tell webhooks of what was taken in lately and has its first row now, whoever finds it first."""
    there = {key_of_row(_key_in(row.values)) for row in before}
    new = [record for record in records if record.key not in there]
    if new:
        tell(Webhook.Event.VERSION_ADDED, (new_version(record) for record in new if is_news(record, now())))


def _remove(pks: Sequence[int]) -> set[str]:
    """Remove rows, and ask for publications of the suites that they were in; return these."""
    rows = Package.objects.filter(pk__in=pks)
    memberships = SuiteMembership.objects.filter(package__in=pks)

    def remove() -> set[str]:
        lock_rows(rows, KEY_COLUMNS)
        suites = set(memberships.values_list("suite", flat=True))
        memberships.delete()
        rows.delete()
        request_publications(suites, wake_worker=False)
        return suites

    return in_transaction(remove)


def _values(record: PackageRecord) -> tuple[Any, ...]:
    """Return the row's values of a record, in the order of `_COLUMNS`, as columns hold them."""
    return fitting(_COLUMNS, (*_record_values(record), _version_key(record.version)))


@lru_cache(maxsize=4096)  # packages of one source, which have its version, come close to each other
def _version_key(version: str) -> str:
    try:
        return version_key(version)
    except InvalidVersion:  # a foreign record: shown, sorted first, left out of indexes
        return ""


def _memberships(record: PackageRecord) -> list[tuple[str, str]]:
    return [(suite, record.package_name) for suite in record.suites]
