"""What is in a suite, asked of both adapters: always all of it, whatever was written before, by whichever release."""

import threading
from operator import attrgetter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packages_app.core.document import document_of, record_in
from packages_app.core.errors import ObjectChanged, PackageRefused, TableMissing, VersionConflict
from packages_app.package_table.dynamo_items import SLOTS
from packages_app.package_table.dynamo_table import DynamoPackageTable
from packages_app.package_table.rules import MOST_SUITES
from packages_app.package_table.sqlite_table import SqlitePackageTable
from tests.every import examples
from tests.package_table.earlier_release import as_before, keys_of, move_as_before, write_as_before
from tests.package_table.test_contract import FEW_SLOTS, table, unmade  # noqa: F401 - fixtures
from tests.records import make_record

SUITES = ("stable", "testing", "edge")


def of(table, suite):  # noqa: F811
    """The records of a suite by their keys; each must come once."""
    records = list(table.records_of(suite))
    by_key = {record.key: record for record in records}
    assert len(by_key) == len(records)
    return by_key


def expected(table, suite):  # noqa: F811
    return {record.key: record for record in table.all_records() if suite in record.suites}


def fits(table):  # noqa: F811
    for suite in (*SUITES, "nowhere"):
        assert of(table, suite) == expected(table, suite), suite
        assert {record.key: record for record in map(record_in, table.documents_of(suite))} == expected(table, suite)


def test_a_record_is_in_each_of_its_suites_as_it_was_written(table):  # noqa: F811
    record, other = make_record("hello", "1:2~rc1-1", suites=("stable", "testing")), make_record(suites=())
    table.put_many_new([record, other])
    assert of(table, "stable") == of(table, "testing") == {record.key: record}
    assert of(table, "edge") == {}
    assert len(list(table.all_records())) == 2


@pytest.mark.parametrize("others", [0, 40])
def test_documents_come_by_key_and_the_same_each_time(table, others):  # noqa: F811
    records = [make_record(f"p{number % 7}", f"{number}", suites=("stable", "edge")) for number in range(12)]
    table.put_many_new([*records, *(make_record(f"q{number}", suites=("testing",)) for number in range(others))])
    documents = list(table.documents_of("stable"))
    assert list(map(record_in, documents)) == sorted(records, key=attrgetter("key"))
    assert list(table.documents_of("edge")) == documents == list(map(document_of, map(record_in, documents)))
    assert documents == [msgspec.json.encode(record_in(document).as_dict()) for document in documents]


def test_a_record_that_moves_is_where_it_is(table):  # noqa: F811
    record = make_record(suites=("stable", "testing"))
    table.put_new(record)
    moved = table.set_suites(record, ["testing", "edge"])
    assert of(table, "stable") == {}
    assert of(table, "testing") == of(table, "edge") == {moved.key: moved}
    with pytest.raises(ObjectChanged):
        table.set_suites(record, ["stable"])
    table.set_suites(moved, [])
    fits(table)


def test_a_write_that_is_refused_lists_nothing(table):  # noqa: F811
    table.put_new(make_record())
    with pytest.raises(VersionConflict):
        table.put_new(make_record(sha256_hash="f" * 64, suites=("edge",)))
    table.put_new(make_record(suites=("edge",)))
    assert of(table, "edge") == {}
    fits(table)


def test_a_suite_of_many_records_is_read_whole(table):  # noqa: F811
    records = [make_record("many", f"1.{number}", suites=SUITES[: 1 + number % 2]) for number in range(110)]
    table.put_many_new(records)
    assert len(of(table, "stable")) == 110
    assert len(of(table, "testing")) == 55
    assert next(table.records_of("stable")).package_name == "many"  # whoever wants no more leaves nothing behind


ACTS = st.tuples(
    st.sampled_from(("put", "put many", "move", "remove pending")),
    st.integers(0, 7),
    st.sets(st.sampled_from(SUITES)),
)


def drawn(many, some, *histories):
    """Run with so many drawn examples: each call of moto's takes its time."""
    return lambda test: settings(max_examples=examples(many, some))(given(*histories)(test))


def begin(table):  # noqa: F811
    """Withdraw the records of the example before; gives what acts in one of the ways of `ACTS`."""
    for record in list(table.all_records()):
        if record.suites:
            table.set_suites(record, [])

    def act(what, number, suites, put):
        record = make_record(f"p{number}", f"1.{number}", suites=tuple(suites))
        known = table.get(record.package_name, record.version, record.architecture)
        if what == "remove pending":
            for suite in suites:
                table.remove_pending_changes(suite, table.pending_changes_of(suite))
        elif what == "put many":
            table.put_many_new([record, make_record(f"q{number}", "2.0", "all", suites=tuple(suites))])
        elif what == "put" or known is None:
            put(record)
        else:
            table.set_suites(known, suites)

    return act


def end_in_what_records_say(table, history):  # noqa: F811
    act = begin(table)
    for one in history:
        act(*one, table.put_new)
    fits(table)


def never_give_a_part(table, before, after):  # noqa: F811
    act = begin(table)

    def follow(history):
        for what, number, suites in history:
            known = table.get(f"p{number}", f"1.{number}", "amd64")
            if what == "move" and known is not None:
                move_as_before(table, known, sorted(suites))
            elif what == "put" and known is None:
                write_as_before(table, make_record(f"p{number}", f"1.{number}", suites=tuple(suites)))
            else:
                act(what, number, suites, table.put_new)
        fits(table)

    follow(before)
    as_before(table)
    assert not table.suites_are_listed()
    follow(before)
    assert table.create() is True
    assert table.suites_are_listed()
    follow(after)
    assert table.create() is False
    fits(table)


@pytest.mark.parametrize("unmade", ["sqlite"], indirect=True)
@drawn(60, 20, st.lists(ACTS, max_size=12))
def test_after_any_history_a_suite_is_what_its_records_say(table, history):  # noqa: F811
    end_in_what_records_say(table, history)


@pytest.mark.parametrize("unmade", [FEW_SLOTS], indirect=True)
@drawn(10, 3, st.lists(ACTS, max_size=8))
def test_after_any_history_in_dynamodb_too(table, history):  # noqa: F811
    end_in_what_records_say(table, history)


@pytest.mark.parametrize("unmade", ["sqlite"], indirect=True)
@drawn(30, 10, st.lists(ACTS, max_size=6), st.lists(ACTS, max_size=6))
def test_a_table_of_the_release_before_never_gives_a_part(table, before, after):  # noqa: F811
    never_give_a_part(table, before, after)


@pytest.mark.parametrize("unmade", [FEW_SLOTS], indirect=True)
@drawn(6, 2, st.lists(ACTS, max_size=4), st.lists(ACTS, max_size=4))
def test_a_table_of_the_release_before_never_gives_a_part_in_dynamodb_too(table, before, after):  # noqa: F811
    never_give_a_part(table, before, after)


def test_lists_are_made_while_others_write(table):  # noqa: F811
    table.put_many_new([make_record("old", f"1.{number}", suites=("stable", "testing")) for number in range(60)])
    as_before(table)
    threads = [threading.Thread(target=write, args=(table, number)) for number in range(3)]
    threads.append(threading.Thread(target=table.create))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert table.suites_are_listed()
    assert len(of(table, "edge")) == 3 * 5
    fits(table)


def write(table, writer):  # noqa: F811
    """Write new records as either release does, and move old ones."""
    for number in range(5):
        one = make_record(f"new{writer}", f"1.{number}", suites=("edge", "stable"))
        write_as_before(table, one) if number % 2 else table.put_new(one)
        old = table.get("old", f"1.{5 * writer + number}", "amd64")
        table.set_suites(old, ["testing"])


def test_a_table_is_listed_when_it_is_made_and_a_missing_one_is_named(unmade):  # noqa: F811
    for call in (lambda: list(unmade.records_of("stable")), unmade.suites_are_listed):
        with pytest.raises(TableMissing):
            call()
    unmade.create()
    assert unmade.suites_are_listed()


def test_a_line_without_its_record_is_passed_over(table):  # noqa: F811
    record, other = make_record(), make_record("other")
    table.put_many_new([record, other])
    remove_by_hand(table, record)
    assert of(table, "stable") == {other.key: other}


def remove_by_hand(table, record):  # noqa: F811
    if isinstance(table, SqlitePackageTable):
        with table._connection("by_hand", write=True) as connection:
            connection.execute("DELETE FROM records WHERE package_id = ?", (record.package_id,))
    else:
        table._items.delete_all([record.key])


def test_pending_changes_of_the_layout_before_are_read_and_removed(table):  # noqa: F811
    records = [make_record("late", f"1.{number}") for number in range(5)]
    for record in records[:3]:
        write_as_before(table, record)
    table.put_many_new(records[3:])
    changes = table.pending_changes_of("stable")
    assert sorted(change.key for change in changes) == [record.key for record in records]
    table.remove_pending_changes("stable", changes)
    table.remove_pending_changes("stable", changes)
    assert table.pending_changes_of("stable") == []
    assert len(of(table, "stable")) == 5


@pytest.mark.outside
@pytest.mark.parametrize("unmade", ["dynamodb"], indirect=True)  # one file has no partitions
def test_what_is_written_to_one_suite_is_spread_over_sixteen_partitions(table):  # noqa: F811
    table.put_many_new([make_record("spread", f"1.{number}") for number in range(80)])
    partitions = [partition for partition, _ in keys_of(table) if partition.startswith("-")]
    for kind in ("-pending#stable#", "-suite#stable#"):
        counts = [partitions.count(f"{kind}{slot:02}") for slot in range(SLOTS)]
        assert sum(counts) == 80
        assert min(counts) > 0


def test_more_suites_than_a_transaction_takes_are_refused_by_name(table):  # noqa: F811
    assert table.most_suites == (MOST_SUITES if isinstance(table, DynamoPackageTable) else None)
    many = [f"suite{number}" for number in range((table.most_suites or 120) + 1)]
    record, other = make_record(suites=tuple(many[:-1])), make_record("other", suites=tuple(many))
    table.put_new(record)
    if table.most_suites is not None:
        with pytest.raises(PackageRefused):
            table.set_suites(record, many)
        with pytest.raises(PackageRefused):
            table.put_new(other)
        assert of(table, "suite7") == {record.key: record}
    else:
        table.put_new(other)
        assert of(table, "suite7") == {record.key: record, other.key: other}
