"""Many records moved at once, by both adapters as the port promises: each by itself, whoever else moves them."""

import threading
import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from packages_app.core.errors import PackageRefused, TableUnavailable
from packages_app.core.locations import DynamoTable
from packages_app.core.moving import NewSuites
from packages_app.core.suite_change import What, change_of
from packages_app.package_table.dynamo_table import DynamoPackageTable
from packages_app.package_table.rules import MOST_SUITES
from tests.package_table.dynamo_proxy import DynamoProxy
from tests.package_table.test_contract import table, unmade  # noqa: F401 - fixtures
from tests.records import make_record

RECORDS = [make_record("many", f"1.{number}", suites=("stable",)) for number in range(60)]
FEW = RECORDS[:20]
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def to(record, suites, who="ann", **more):
    change = change_of(record, suites, What.PROMOTED, who=who, when=AT)
    return NewSuites(record, tuple(suites), change, **more)


def pending(table, suite):  # noqa: F811
    return sorted(change.key for change in table.pending_changes_of(suite))


def test_each_record_moves_with_its_history_its_pending_changes_and_its_lists(table):  # noqa: F811
    table.put_many_new(RECORDS)
    table.remove_pending_changes("stable", table.pending_changes_of("stable"))
    moves = [to(record, ["testing", "edge"]) for record in RECORDS[:-1]]
    moves.append(NewSuites(RECORDS[-1], ("stable",), other_fields='{"a":1}'))
    moved = table.set_suites_of_many(moves)
    wanted = [record.in_suites(["edge", "testing"]) for record in RECORDS[:-1]]
    wanted.append(replace(RECORDS[-1], other_fields='{"a":1}'))
    assert moved == wanted
    assert table.get_many([record.key for record in RECORDS]) == {record.key: record for record in wanted}
    assert list(table.records_of("stable")) == wanted[-1:]
    assert sorted(table.records_of("edge"), key=lambda record: record.key) == sorted(
        wanted[:-1], key=lambda record: record.key
    )
    keys = sorted(record.key for record in RECORDS)
    assert pending(table, "stable") == keys
    assert pending(table, "edge") == pending(table, "testing") == sorted(record.key for record in RECORDS[:-1])
    versions = [("many", record.version) for record in RECORDS]
    kept = table.histories_of(versions)
    assert kept == [[move.change] if move.change else [] for move in moves]
    assert kept == [table.suite_changes_of(*one) for one in versions]


def test_one_that_is_no_longer_as_it_was_read_stays_and_stops_no_other(table):  # noqa: F811
    table.put_many_new(RECORDS)
    table.set_suites(RECORDS[3], ["edge"])
    table.set_suites(RECORDS[4], ["stable"], other_fields='{"b":2}')
    for suite in ("stable", "edge"):
        table.remove_pending_changes(suite, table.pending_changes_of(suite))
    moves = [to(record, []) for record in RECORDS]
    moves[4] = to(RECORDS[4], [], other_fields='{"a":1}')
    moves.append(to(make_record("ghost"), []))
    moved = table.set_suites_of_many(moves)
    others = [number for number in range(61) if number not in (3, 4, 60)]
    assert [number for number, record in enumerate(moved) if record is not None] == others
    assert table.get("many", "1.3", "amd64").suites == ("edge",)
    assert table.get("many", "1.4", "amd64") == replace(RECORDS[4], other_fields='{"b":2}')
    assert table.suite_changes_of("many", "1.3") == table.suite_changes_of("many", "1.4") == []
    assert pending(table, "stable") == sorted(RECORDS[number].key for number in others if number < 60)
    assert pending(table, "edge") == []
    assert table.set_suites_of_many([]) == []


def test_of_those_who_move_the_same_records_at_once_each_record_is_moved_by_one(table):  # noqa: F811
    table.put_many_new(FEW)
    gate, moved = threading.Barrier(2), {}

    def move(who):
        gate.wait()
        moved[who] = table.set_suites_of_many([to(record, ["testing"], who) for record in FEW])

    movers = [threading.Thread(target=move, args=(who,)) for who in ("ann", "ben")]
    for mover in movers:
        mover.start()
    for mover in movers:
        mover.join()
    for number, record in enumerate(FEW):
        [mover] = [who for who, records in moved.items() if records[number] is not None]
        [change] = table.suite_changes_of("many", record.version)
        assert (change.who, change.after) == (mover, ("testing",)), record.named
    assert pending(table, "testing") == sorted(record.key for record in FEW)


@pytest.fixture
def location(moto):
    location = DynamoTable(f"t{uuid.uuid4().hex}", "eu-central-1", moto)
    ours = DynamoPackageTable(location)
    ours.create()
    ours.put_many_new(RECORDS)
    return location


def through(proxy, location, waits):
    return DynamoPackageTable(DynamoTable(location.name, location.region, proxy.url), sleep=waits.append)


@pytest.mark.outside
def test_many_go_into_a_transaction_and_those_of_one_that_was_cancelled_have_each_their_own(location, moto):
    moves = [to(record, ["testing"]) for record in RECORDS]
    with DynamoProxy(moto) as proxy:
        assert None not in through(proxy, location, []).set_suites_of_many(moves)
        assert proxy.calls["TransactWriteItems"] == 4  # of 16 records: six writes each, a hundred at most
    again = [to(replace(record, suites=("testing",)), ["edge"]) for record in RECORDS[:10]]
    with DynamoProxy(moto, cancelled=3) as proxy:
        assert None not in through(proxy, location, waits := []).set_suites_of_many(again)
        assert (proxy.calls["TransactWriteItems"], len(waits)) == (3 + 10, 2)
    with DynamoProxy(moto, cancelled=1000) as proxy, pytest.raises(TableUnavailable):
        through(proxy, location, []).set_suites_of_many([to(RECORDS[20].in_suites(["testing"]), [])])


@pytest.mark.outside
def test_a_move_whose_answer_was_lost_is_known_by_its_history(location, moto):
    moves = [to(record, ["testing"]) for record in RECORDS[:3]]
    ours = DynamoPackageTable(location)
    assert None not in ours.set_suites_of_many(moves[:2])
    assert [record is not None for record in ours.set_suites_of_many(moves)] == [True, True, True]
    assert len(ours.suite_changes_of("many", "1.0")) == 1
    assert ours.set_suites_of_many([to(RECORDS[0], ["testing"], "ben"), NewSuites(RECORDS[1], ("testing",)),
                                    NewSuites(RECORDS[2], ("edge",))]) == [None, moves[1].record.in_suites(["testing"]),
                                                                           None]  # fmt: skip


@pytest.mark.outside
def test_too_many_suites_of_one_are_refused_before_anything_moves(location):
    ours, many = DynamoPackageTable(location), [f"s{number}" for number in range(MOST_SUITES)]
    with pytest.raises(PackageRefused):
        ours.set_suites_of_many([to(RECORDS[0], []), to(RECORDS[1], many)])
    assert {record.suites for record in ours.all_records()} == {("stable",)}
    _, moved = ours.set_suites_of_many([to(RECORDS[0], []), to(RECORDS[1], many[1:])])
    assert moved.suites == tuple(sorted(many[1:]))
