"""What the port promises, kept by both adapters (R1, R12, R14)."""

import random
import threading
import uuid
from dataclasses import replace

import pytest
from hypothesis import given, settings

from packages_app.core.errors import (
    InvalidVersion,
    LeaseBusy,
    LeaseLost,
    ObjectChanged,
    PackageRefused,
    RecordNotFound,
    TableMissing,
    TableUnavailable,
    VersionConflict,
)
from packages_app.core.locations import DynamoTable
from packages_app.core.ports import Written
from packages_app.core.version import version_key
from packages_app.package_table.dynamo_item import Item
from packages_app.package_table.dynamo_items import SLOTS
from packages_app.package_table.dynamo_table import DynamoPackageTable
from packages_app.package_table.sqlite_table import SqlitePackageTable
from repomgr.servers.process import free_port
from tests.every import examples
from tests.records import TYPES, make_record, record_lists

FEW, FEW_SLOTS = 3, "dynamodb with few slots"
"""For long histories: each slot of a list is asked for at every look, and others see to it that 16 are used."""


class Hands:
    """A clock that is set by hand."""

    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture(params=["sqlite", pytest.param("dynamodb", marks=pytest.mark.outside)])
def unmade(request, tmp_path):
    clock = Hands()
    if request.param == "sqlite":
        table = SqlitePackageTable(tmp_path / "table.sqlite3", clock=clock)
    else:
        location = DynamoTable(f"t{uuid.uuid4().hex}", "eu-central-1", request.getfixturevalue("moto"))
        table = DynamoPackageTable(location, clock=clock, slots=FEW if request.param == FEW_SLOTS else SLOTS)
    table.clock = clock
    return table


@pytest.fixture
def table(unmade):
    assert unmade.create() is True
    return unmade


def test_making_it_again_changes_nothing(table):
    table.put_new(make_record())
    assert table.create() is False
    assert len(list(table.all_records())) == 1
    assert table.probe()


def test_a_record_comes_back_as_it_was_written(table):
    record = make_record(
        version="1:2.0~rc1+b-1",
        notes="é\n„x“",
        control="Package: hello\nX-Odd: ~\n more",
        suites=("b", "a"),
        homepage="",
    )
    assert table.put_new(record) is Written.ADDED
    assert table.get("hello", "1:2.0~rc1+b-1", "amd64") == record
    assert list(table.all_records()) == [record]


def test_what_is_not_there_is_none(table):
    assert table.get("hello", "1.0", "amd64") is None
    assert table.newest_of("hello") is None
    assert list(table.versions_of("hello")) == []


def test_two_architectures_of_one_version_do_not_collide(table):
    for architecture in ("amd64", "arm64"):
        assert table.put_new(make_record(architecture=architecture)) is Written.ADDED
    assert [record.architecture for record in table.versions_of("hello")] == ["amd64", "arm64"]


def test_the_same_bytes_again_change_nothing(table):
    record = make_record()
    table.put_new(record)
    assert table.put_new(replace(record, notes="other", suites=("testing",))) is Written.ALREADY_THERE
    assert table.get("hello", "1.0", "amd64") == record


def test_other_bytes_are_a_conflict_and_change_nothing(table):
    record = make_record()
    table.put_new(record)
    with pytest.raises(VersionConflict, match=record.sha256_hash):
        table.put_new(replace(record, sha256_hash="f" * 64))
    assert table.get("hello", "1.0", "amd64") == record


def test_many_are_written_and_read_as_one_is(table):
    many = [make_record(version=f"1.{number}") for number in range(150)]
    table.put_new(many[3])
    outcomes = table.put_many_new(many)
    assert [outcome for outcome in outcomes if outcome is not Written.ADDED] == [Written.ALREADY_THERE]
    assert outcomes[3] is Written.ALREADY_THERE
    found = table.get_many([record.key for record in many] + [("hello#9", "amd64")])
    assert found == {record.key: record for record in many}
    assert table.get_many([]) == {}
    assert table.put_many_new([]) == []


def test_a_conflict_among_many_is_named_and_replaces_nothing(table):
    table.put_new(make_record(version="1.1"))
    changed = replace(make_record(version="1.1"), sha256_hash="f" * 64)
    with pytest.raises(VersionConflict, match="hello 1.1"):
        table.put_many_new([make_record(version="1.0"), changed])
    assert table.get("hello", "1.1", "amd64") == make_record(version="1.1")


def test_a_record_without_a_debian_version_is_refused(table):
    with pytest.raises(InvalidVersion):
        table.put_new(make_record(version="not a version"))


def test_p5_a_query_by_name_gives_that_name_only_oldest_first(table):
    for name, version in (("kiro", "1.10"), ("kiro", "1.9"), ("kiro", "1.9~rc1"), ("kiro-cli", "9"), ("kir", "9")):
        table.put_new(make_record(name, version))
    assert [record.version for record in table.versions_of("kiro")] == ["1.9~rc1", "1.9", "1.10"]
    assert table.newest_of("kiro").version == "1.10"


def test_suites_change_only_from_what_was_seen(table):
    record = make_record()
    table.put_new(record)
    changed = table.set_suites(record, ["testing", "stable"])
    assert changed.suites == ("stable", "testing")
    assert table.get("hello", "1.0", "amd64") == changed
    with pytest.raises(ObjectChanged, match="stable, testing"):
        table.set_suites(record, [])
    with pytest.raises(RecordNotFound):
        table.set_suites(make_record("ghost"), [])
    assert table.set_suites(changed, []).suites == ()


def test_of_many_writers_one_adds_and_others_conflict(table):
    outcomes = []

    def write(number):
        try:
            outcomes.append(table.put_new(replace(make_record(), sha256_hash=f"{number:064x}")))
        except VersionConflict:
            outcomes.append(None)

    together(write, 6)
    assert outcomes.count(Written.ADDED) == 1
    assert outcomes.count(None) == 5


def together(work, count):
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_of_many_takers_one_gets_the_lease(table):
    got = []

    def take(number):
        try:
            got.append(table.take_lease("publish:stable", f"holder{number}", 60))
        except LeaseBusy:
            got.append(None)

    together(take, 6)
    assert got.count(None) == 5


def test_a_lease_is_held_renewed_released_and_its_fence_only_grows(table):
    first = table.take_lease("publish:stable", "one", 60)
    with pytest.raises(LeaseBusy, match=r"\bone\b.* publish:stable .*\b60 s\b"):
        table.take_lease("publish:stable", "two", 60)
    table.clock.now += 50
    renewed = table.renew_lease(first, 60)
    table.clock.now += 50
    with pytest.raises(LeaseBusy):
        table.take_lease("publish:stable", "two", 60)
    table.release_lease(renewed)
    second = table.take_lease("publish:stable", "two", 60)
    assert second.fence > first.fence
    table.release_lease(first)  # no longer ours: left alone
    with pytest.raises(LeaseBusy):
        table.take_lease("publish:stable", "three", 60)


def test_a_lease_that_ran_out_is_lost_once_another_took_it(table):
    first = table.take_lease("publish:stable", "one", 60)
    table.clock.now += 61
    second = table.take_lease("publish:stable", "two", 60)
    assert second.fence > first.fence
    with pytest.raises(LeaseLost):
        table.renew_lease(first, 60)


def test_a_lease_is_no_record_and_names_no_package(table):
    table.take_lease("x", "one", 60)
    table.put_new(make_record("lease", "1"))
    assert [record.package_name for record in table.all_records()] == ["lease"]


def test_a_missing_table_is_named_with_the_remedy(unmade):
    for call in (
        lambda: unmade.get("a", "1", "all"),
        lambda: list(unmade.all_records()),
        lambda: unmade.put_new(make_record()),
        lambda: unmade.newest_of("a"),
        lambda: unmade.take_lease("x", "y", 1),
        unmade.probe,
    ):
        with pytest.raises(TableMissing) as missing:
            call()
        assert "create_storage" in missing.value.remedy


def test_a_server_that_is_away_is_an_error_that_can_be_tried_again():
    away = DynamoPackageTable(DynamoTable("t", "eu-central-1", f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(TableUnavailable) as unavailable:
        away.get("a", "1", "all")
    assert unavailable.value.retryable
    assert "endpoint" in unavailable.value.remedy


def test_a_file_that_is_no_database_is_an_error(tmp_path):
    path = tmp_path / "table.sqlite3"
    path.write_bytes(b"no database at all " * 100)
    with pytest.raises(TableUnavailable, match="not a database"):
        SqlitePackageTable(path).get("a", "1", "all")
    with pytest.raises(TableUnavailable):
        SqlitePackageTable(path).create()


def test_an_item_of_another_program_is_read_with_what_it_has(moto):
    location = DynamoTable(f"t{uuid.uuid4().hex}", "eu-central-1", moto)
    table = DynamoPackageTable(location)
    table.create()
    table._items.put(Item("old#1.0", "amd64", package_name="old"))
    [record] = table.all_records()
    assert (record.package_name, record.version, record.architecture) == ("old", "1.0", "amd64")
    assert record.file_size is None
    assert "sha256_hash" in record.missing_fields()


@settings(max_examples=examples(100, 30))
@given(record_lists(suites=("stable", "testing"), incomplete=True))
def test_p1_p3_records_of_any_mix_of_types_come_back_each_once(tmp_path_factory, drawn):
    table = SqlitePackageTable(tmp_path_factory.mktemp("table") / "t.sqlite3")
    table.create()
    for record in drawn:
        table.put_new(record)
    found = list(table.all_records())
    assert sorted(found, key=lambda r: r.key) == sorted(drawn, key=lambda r: r.key)
    assert {record.package_type for record in found} <= set(TYPES)


@settings(max_examples=examples(100, 30))
@given(record_lists(max_size=6))
def test_p5_a_query_by_any_name_gives_that_name_only(tmp_path_factory, drawn):
    table = SqlitePackageTable(tmp_path_factory.mktemp("table") / "t.sqlite3")
    table.create()
    for record in drawn:
        table.put_new(record)
    for name in {record.package_name for record in drawn} | {"absent"}:
        found = {record.key for record in table.versions_of(name)}
        assert found == {record.key for record in drawn if record.package_name == name}


@settings(max_examples=examples(100, 30))
@given(record_lists(max_size=6))
def test_p6_the_newest_is_the_maximum_in_apts_order(tmp_path_factory, drawn):
    table = SqlitePackageTable(tmp_path_factory.mktemp("table") / "t.sqlite3")
    table.create()
    same_name = {(r.version, r.architecture): make_record("tool", r.version, r.architecture) for r in drawn}
    for record in same_name.values():
        table.put_new(record)
    newest = table.newest_of("tool")
    keys = [version_key(record.version) for record in same_name.values()]
    assert (newest and newest.version_key) == (max(keys) if keys else None)
    assert [record.version_key for record in table.versions_of("tool")] == sorted(keys)


LONG = "".join(f" {number:x}" for number in range(60_000))
"""About 350 KB of text that compresses."""


def test_a_long_control_paragraph_is_kept_once_and_comes_back(table):
    control = f"Package: long\nDepends: libc6\nDescription: long\n{LONG}\n"
    record = make_record("long", control=control, description=f"long\n{LONG}", depends="libc6")
    assert table.put_new(record) is Written.ADDED
    assert table.get("long", "1.0", "amd64") == record
    assert [*table.records_of("stable")] == [*table.all_records()] == [*table.versions_of("long")] == [record]
    changed = table.set_suites(record, ("stable", "testing"))
    assert table.get("long", "1.0", "amd64") == changed


def test_a_record_that_one_column_could_not_keep_is_refused_by_both(table):
    """Random text: nothing makes it smaller than what DynamoDB takes."""
    noise = random.Random(1).randbytes(420_000).hex()
    with pytest.raises(PackageRefused, match="long 1.0 amd64"):
        table.put_new(make_record("long", control=f"Package: long\nDescription: {noise}\n"))
    assert [*table.all_records()] == []
