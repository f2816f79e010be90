"""Backups: whole or refused, and the table that comes back of one is the same, item by item."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from boto3.dynamodb.types import TypeSerializer

from packages_app.core.errors import BackupRefused, TableMissing, TableUnavailable
from packages_app.core.last_given import LastGiven
from packages_app.core.locations import DynamoTable
from packages_app.core.ports import Silent
from packages_app.package_table.backup_file import read_backup, write_backup
from packages_app.package_table.dynamo_table import DynamoPackageTable
from packages_app.package_table.raw_table import RawTable, canonical
from packages_app.services.takeover.restore import restore
from repomgr.servers.process import free_port
from tests.package_table.dynamo_proxy import DynamoProxy
from tests.package_table.earlier_release import as_before
from tests.package_table.old_tables import REGION, make_table, old_record
from tests.records import make_record

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ODD = old_record(
    "9.9", tags={"b", "a"}, numbers={Decimal(3), Decimal("1.5")}, raw=b"\x00\xff", raws={b"\x01", b"\x00"},
    nested={"list": [Decimal(1), None, True, "ü\n"], "empty": {}}, empty="",
)  # fmt: skip


@pytest.fixture
def table(moto):
    return make_table(moto, "version", [ODD, *(old_record(f"1.{number}") for number in range(60))])


@pytest.fixture
def backup(table, tmp_path):
    return write_backup(tmp_path / "backup.jsonl", table.name, table.shape(), table.items(), NOW)


def place(moto, name=""):
    return DynamoTable(name, REGION, moto)


def items_of(table):
    return sorted(canonical(item) for item in table.items())


def test_a_backup_holds_every_item_with_its_types(table, backup):
    assert (backup.table, backup.taken, backup.count) == (table.name, "2026-01-02T03:04:05+00:00", 61)
    assert read_backup(backup.path) == backup
    assert sorted(map(canonical, backup.items())) == items_of(table)
    assert backup.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in backup.path.parent.iterdir()] == ["backup.jsonl"]


def test_a_restore_brings_back_an_identical_table(table, backup, moto):
    before, shape = items_of(table), table.shape()
    table._client.delete_table(TableName=table.name)
    done = restore(backup.path, None, place(moto), Silent())
    assert (done.table, done.made, done.written, done.known) == (table.name, True, 61, 0)
    assert items_of(table) == before
    assert table.shape() == shape
    again = restore(backup.path, None, place(moto), Silent())
    assert (again.made, again.written, again.known) == (False, 0, 61)


def test_a_restore_writes_only_what_is_missing_and_replaces_nothing(table, backup, moto):
    before = items_of(table)
    keys = [{"version": {"S": f"1.{number}"}} for number in range(10)]
    list(table.delete_all(keys))
    assert restore(backup.path, None, place(moto), Silent()).written == 10
    assert items_of(table) == before
    list(table.put_all([{name: TypeSerializer().serialize(v) for name, v in old_record("1.1", notes="x").items()}]))
    changed = items_of(table)
    with pytest.raises(BackupRefused, match=rf"{table.name} .*\b1 records .*\b1\.1\b"):
        restore(backup.path, None, place(moto), Silent())
    assert items_of(table) == changed


def test_a_restore_into_a_table_with_other_keys_is_refused(backup, moto):
    other = make_table(moto, "package_id", [])
    with pytest.raises(BackupRefused, match=rf"{other.name} .*\bpackage_id, .*\bversion\b"):
        restore(backup.path, place(moto, other.name), place(moto), Silent())
    assert items_of(other) == []


def test_what_a_throttled_table_leaves_undone_is_written_again(table, backup, moto):
    waits = []
    with DynamoProxy(moto, unprocessed=6) as proxy:
        restored = RawTable(place(proxy.url, f"{table.name}-again"), sleep=waits.append)
        restored.create(backup.shape)
        assert list(restored.put_all(backup.items()))[-1] == 61
    assert items_of(restored_at(moto, restored.name)) == items_of(table)
    assert proxy.calls["BatchWriteItem"] > 6
    assert len(waits) == 6
    assert max(waits) > min(waits)


def restored_at(moto, name):
    return RawTable(place(moto, name))


def test_a_table_that_stays_throttled_ends_with_an_error(table, moto):
    with DynamoProxy(moto, unprocessed=1000) as proxy:
        throttled = RawTable(place(proxy.url, table.name), sleep=lambda _seconds: None)
        with pytest.raises(TableUnavailable, match="left .* items"):
            list(throttled.put_all([{"version": {"S": str(n)}} for n in range(25)]))


def test_a_backup_is_never_written_over(table, backup):
    before = backup.path.read_bytes()
    with pytest.raises(BackupRefused, match="is there already"):
        write_backup(backup.path, table.name, table.shape(), [], NOW)
    assert backup.path.read_bytes() == before


def corrupt(text, how):
    lines = text.splitlines(keepends=True)
    return {
        "cut within a line": text[: len(text) // 2],
        "cut after a line": "".join(lines[:-1]),
        "a line less": "".join([*lines[:5], *lines[6:]]),
        "an item changed": text.replace("Notes", "Other", 1),
        "goes on": text + lines[1],
        "no backup": json.dumps({"items": []}) + "\n",
        "no JSON": "<html>",
        "empty": "",
    }[how]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("cut within a line", "truncated"), ("cut after a line", r"truncated: .*\b61 records"),
        ("a line less", "was changed"), ("an item changed", "was changed"), ("goes on", "goes on"),
        ("no backup", "is no backup"), ("no JSON", "is no backup"), ("empty", "is no backup"),
    ],
)  # fmt: skip
def test_a_backup_that_is_not_whole_is_refused_and_nothing_is_made(backup, how, said, moto):
    backup.path.write_text(corrupt(backup.path.read_text(), how))
    with pytest.raises(BackupRefused, match=said):
        restore(backup.path, place(moto, "never-made"), place(moto), Silent())
    with pytest.raises(TableMissing):
        RawTable(place(moto, "never-made")).shape()


def test_a_file_that_is_not_there_and_a_folder_that_can_not_be_written(table, tmp_path):
    with pytest.raises(BackupRefused, match="can't be read"):
        read_backup(tmp_path / "absent")
    with pytest.raises(BackupRefused, match="can't be written"):
        write_backup(tmp_path / "absent" / "backup", table.name, table.shape(), [], NOW)


def test_a_server_that_is_away_is_named():
    away = RawTable(DynamoTable("t", REGION, f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(TableUnavailable, match="describe_table of t"):
        away.shape()


def test_no_release_is_said_to_show_all_of_a_restored_table(moto, tmp_path):
    ours = DynamoPackageTable(place(moto, f"t{uuid.uuid4().hex}"))
    ours.create()
    ours.put_new(make_record())
    ours.keep_releases("stable", ["0123456789abcdef"])
    raw = RawTable(ours._location)
    backup = write_backup(tmp_path / "ours.jsonl", raw.name, raw.shape(), raw.items(), NOW)
    for _ in range(2):
        restore(backup.path, place(moto, f"{raw.name}-again"), place(moto), Silent())
        again = DynamoPackageTable(place(moto, f"{raw.name}-again"))
        assert again.releases_of("stable") == ()
        assert list(again.all_records()) == [make_record()]
        assert again.pending_changes_of("stable") == ours.pending_changes_of("stable")


def test_a_restore_leaves_what_clients_were_given_since_as_it_is(moto, tmp_path):
    ours = DynamoPackageTable(place(moto, f"t{uuid.uuid4().hex}"))
    ours.create()
    ours.put_new(make_record())
    then, now = (LastGiven(NOW + timedelta(days=days), "A" * 40) for days in (0, 2))
    ours.keep_last_given("stable", then, before=None)
    raw = RawTable(ours._location)
    backup = write_backup(tmp_path / "ours.jsonl", raw.name, raw.shape(), raw.items(), NOW)
    ours.keep_last_given("stable", now, before=then)
    restore(backup.path, ours._location, place(moto), Silent())
    assert ours.last_given("stable") == now
    restore(backup.path, place(moto, f"{raw.name}-again"), place(moto), Silent())
    assert DynamoPackageTable(place(moto, f"{raw.name}-again")).last_given("stable") == then


@pytest.mark.parametrize("fresh", [False, True], ids=["into a table that is made", "into a fresh one of ours"])
def test_a_restored_table_of_the_release_before_never_gives_a_part_of_a_suite(moto, tmp_path, fresh):
    ours, target = (DynamoPackageTable(place(moto, f"t{uuid.uuid4().hex}")) for _ in range(2))
    ours.create()
    ours.put_many_new([make_record(), make_record("other")])
    as_before(ours)
    raw = RawTable(ours._location)
    backup = write_backup(tmp_path / "ours.jsonl", raw.name, raw.shape(), raw.items(), NOW)
    if fresh:
        target.create()
    restored = restore(backup.path, target._location, place(moto), Silent())
    assert (restored.written, restored.known) == (backup.count, 0)
    assert not target.suites_are_listed()
    assert len(list(target.records_of("stable"))) == 2
    assert target.create() is True
    assert len(list(target.records_of("stable"))) == 2
    assert len(list(target._items.of_partition("-listed"))) == 1
