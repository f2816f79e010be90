"""Marks of what was written, in both adapters: what a publication has to look at, and what is known of Releases."""

import sqlite3
import threading
from datetime import UTC, datetime, timedelta

import pytest

from packages_app.core.errors import ObjectChanged, VersionConflict
from packages_app.core.last_given import LastGiven
from packages_app.package_table.sqlite_table import SqlitePackageTable
from tests.package_table.test_contract import table, unmade  # noqa: F401 - fixtures
from tests.records import make_record


def marked(table, suite="stable"):  # noqa: F811
    return sorted(change.key for change in table.pending_changes_of(suite))


def test_a_new_record_is_marked_in_each_of_its_suites(table):  # noqa: F811
    record = make_record("hello", "1:1.0~rc1", suites=("stable", "testing"))
    table.put_new(record)
    assert marked(table) == [record.key]
    assert marked(table, "testing") == [record.key]
    assert marked(table, "other") == []
    assert list(table.all_records()) == [record]


def test_a_write_that_changes_nothing_leaves_no_mark(table):  # noqa: F811
    record = make_record()
    table.put_new(record)
    table.remove_pending_changes("stable", table.pending_changes_of("stable"))
    table.put_new(record)
    with pytest.raises(VersionConflict):
        table.put_new(make_record(sha256_hash="0" * 64))
    assert marked(table) == []


def test_a_record_that_moves_is_marked_where_it_was_and_where_it_is(table):  # noqa: F811
    record = make_record(suites=("stable",))
    table.put_new(record)
    table.remove_pending_changes("stable", table.pending_changes_of("stable"))
    moved = table.set_suites(record, ["testing"])
    assert marked(table) == marked(table, "testing") == [record.key]
    table.remove_pending_changes("stable", table.pending_changes_of("stable"))
    with pytest.raises(ObjectChanged):
        table.set_suites(record, ["stable", "other"])
    assert marked(table) == marked(table, "other") == []
    assert moved.suites == ("testing",)


def test_only_the_marks_that_were_read_are_forgotten(table):  # noqa: F811
    record = make_record(suites=("stable",))
    table.put_new(record)
    read = table.pending_changes_of("stable")
    table.set_suites(record, ["stable", "testing"])
    table.remove_pending_changes("stable", read)
    assert marked(table) == [record.key]
    table.remove_pending_changes("stable", read)  # as a publication does that was cut off and is run again
    assert marked(table) == [record.key]


def test_many_records_written_at_once_are_each_marked_and_all_can_be_forgotten(table):  # noqa: F811
    records = [make_record("many", f"1.{number}") for number in range(60)]
    table.put_many_new(records)
    assert marked(table) == sorted(record.key for record in records)
    table.remove_pending_changes("stable", table.pending_changes_of("stable"))
    assert table.pending_changes_of("stable") == []
    assert len(list(table.all_records())) == 60


def test_of_two_who_write_one_record_at_once_one_leaves_a_mark(table):  # noqa: F811
    record, gate = make_record(), threading.Barrier(4)

    def write():
        gate.wait()
        table.put_new(record)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert marked(table) == [record.key]


def test_the_releases_that_show_the_table_are_kept_by_suite(table):  # noqa: F811
    assert table.releases_of("stable") == ()
    table.keep_releases("stable", ["a"])
    table.keep_releases("stable", ["a", "b"])
    table.keep_releases("testing", ["c"])
    assert table.releases_of("stable") == ("a", "b")
    assert table.releases_of("testing") == ("c",)
    assert list(table.all_records()) == []


def test_a_whole_table_is_read_each_record_once(table):  # noqa: F811
    records = [
        make_record(f"p{number}", f"1.{number}", suites=("stable", "testing")[: number % 3]) for number in range(90)
    ]
    table.put_many_new(records)
    table.take_lease("publish:stable", "holder", 60)
    assert sorted(table.all_records(), key=lambda r: r.key) == sorted(records, key=lambda r: r.key)


GIVEN = LastGiven(datetime(2026, 1, 1, tzinfo=UTC), "A" * 40)


def later(seconds, fingerprint=GIVEN.fingerprint):
    return LastGiven(GIVEN.date + timedelta(seconds=seconds), fingerprint)


def test_what_clients_were_given_last_is_kept_by_suite_and_is_no_record(table):  # noqa: F811
    assert table.last_given("stable") is None
    table.keep_last_given("stable", GIVEN, before=None)
    table.keep_last_given("testing", later(5), before=None)
    table.keep_last_given("stable", later(1, "B" * 40), before=GIVEN)
    assert table.last_given("stable") == later(1, "B" * 40)
    assert table.last_given("testing") == later(5)
    table.keep_releases("stable", ["0" * 64])
    table.keep_releases("old", ["0" * 64])
    assert table.suites_given() == {"old": None, "stable": later(1, "B" * 40), "testing": later(5)}
    assert list(table.all_records()) == []


@pytest.mark.parametrize("before", [None, later(2), later(0, "B" * 40)])
def test_who_read_another_note_was_overtaken_and_changes_nothing(table, before):  # noqa: F811
    table.keep_last_given("stable", GIVEN, before=None)
    with pytest.raises(ObjectChanged, match="stable"):
        table.keep_last_given("stable", later(9), before=before)
    assert table.last_given("stable") == GIVEN


def test_the_same_note_again_is_a_success(table):  # noqa: F811
    table.keep_last_given("stable", GIVEN, before=None)
    table.keep_last_given("stable", later(1), before=GIVEN)
    table.keep_last_given("stable", later(1), before=GIVEN)
    assert table.last_given("stable") == later(1)


def test_of_publishers_that_read_the_same_note_one_goes_on(table):  # noqa: F811
    gate, outcomes = threading.Barrier(4), []

    def keep(number):
        gate.wait()
        try:
            table.keep_last_given("stable", later(number), before=None)
            outcomes.append(number)
        except ObjectChanged:
            outcomes.append(None)

    keepers = [threading.Thread(target=keep, args=(number,)) for number in range(1, 5)]
    for keeper in keepers:
        keeper.start()
    for keeper in keepers:
        keeper.join()
    [kept] = [number for number in outcomes if number is not None]
    assert table.last_given("stable") == later(kept)


def test_a_table_without_a_place_for_the_note_gets_it_with_the_first_one(tmp_path):
    file = tmp_path / "table.sqlite3"
    before = SqlitePackageTable(file)
    before.create()
    with sqlite3.connect(file) as connection:
        connection.execute("DROP TABLE IF EXISTS given")
    assert before.last_given("stable") is None
    before.keep_last_given("stable", GIVEN, before=None)
    assert SqlitePackageTable(file).last_given("stable") == GIVEN
