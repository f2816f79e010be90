"""A DynamoDB that leaves a part of a call undone, or whose transactions meet: what is tried again, and for how long."""

import uuid

import pytest
from botocore.exceptions import ReadTimeoutError
from pynamodb.exceptions import GetError

from packages_app.core.errors import TableRefused, TableUnavailable
from packages_app.core.locations import DynamoTable
from packages_app.core.ports import Written
from packages_app.core.retry import CONTENDED, THROTTLED
from packages_app.package_table.dynamo_items import code_of
from packages_app.package_table.dynamo_table import DynamoPackageTable
from tests.package_table.dynamo_proxy import DynamoProxy
from tests.records import make_record

pytestmark = pytest.mark.outside
RECORDS = [make_record("many", f"1.{number}") for number in range(30)]
KEYS = [record.key for record in RECORDS]


@pytest.fixture
def location(moto):
    location = DynamoTable(f"t{uuid.uuid4().hex}", "eu-central-1", moto)
    DynamoPackageTable(location).create()
    return location


def through(proxy, location, waits):
    return DynamoPackageTable(DynamoTable(location.name, location.region, proxy.url), sleep=waits.append)


def test_what_a_throttled_table_leaves_of_a_read_is_asked_for_again(location, moto):
    DynamoPackageTable(location).put_many_new(RECORDS)
    waits = []
    with DynamoProxy(moto, unread=7) as proxy:
        found = through(proxy, location, waits).get_many(KEYS)
    assert sorted(found) == sorted(KEYS)
    assert (proxy.calls["BatchGetItem"], len(waits)) == (8, 7)


def test_what_a_throttled_table_leaves_of_removed_changes_is_removed_later(location, moto):
    DynamoPackageTable(location).put_many_new(RECORDS)
    waits = []
    with DynamoProxy(moto, unprocessed=6) as proxy:
        table = through(proxy, location, waits)
        table.remove_pending_changes("stable", table.pending_changes_of("stable"))
    assert DynamoPackageTable(location).pending_changes_of("stable") == []
    assert len(waits) == 6


@pytest.mark.parametrize(("fault", "operation"), [("unread", "BatchGetItem"), ("unprocessed", "BatchWriteItem")])
def test_a_table_that_stays_throttled_is_an_error_after_ten_rounds(location, moto, fault, operation):
    DynamoPackageTable(location).put_many_new(RECORDS)
    waits = []
    with DynamoProxy(moto, **{fault: 1000}) as proxy:
        table = through(proxy, location, waits)
        changes = table.pending_changes_of("stable")
        calls = {
            "unread": lambda: table.get_many(KEYS),
            "unprocessed": lambda: table.remove_pending_changes("stable", changes),
        }
        with pytest.raises(TableUnavailable) as unavailable:
            calls[fault]()
    assert unavailable.value.retryable
    assert (proxy.calls[operation], len(waits)) == (THROTTLED.tries, THROTTLED.tries - 1)


def test_a_transaction_that_meets_another_is_done_again(location, moto):
    waits = []
    with DynamoProxy(moto, cancelled=2) as proxy:
        table = through(proxy, location, waits)
        assert table.put_new(RECORDS[0]) is Written.ADDED
        assert proxy.calls["TransactWriteItems"] == 3
        assert [change.key for change in table.pending_changes_of("stable")] == [KEYS[0]]
    assert len(waits) == 2


def test_transactions_that_meet_others_again_and_again_are_an_error(location, moto):
    waits = []
    with DynamoProxy(moto, cancelled=1000) as proxy, pytest.raises(TableUnavailable, match="many#1.0"):
        through(proxy, location, waits).put_new(RECORDS[0])
    assert (proxy.calls["TransactWriteItems"], len(waits)) == (CONTENDED.tries, CONTENDED.tries - 1)


def test_a_condition_that_fails_is_an_answer_and_is_not_asked_for_again(location, moto):
    DynamoPackageTable(location).put_new(RECORDS[0])
    with DynamoProxy(moto) as proxy:
        assert through(proxy, location, []).put_new(RECORDS[0]) is Written.ALREADY_THERE
    assert proxy.calls["TransactWriteItems"] == 1


def test_an_error_that_came_without_an_answer_has_no_code():
    assert code_of(GetError("no answer", ReadTimeoutError(endpoint_url="http://127.0.0.1:9"))) is None


@pytest.mark.parametrize("reason", ["ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_transaction_that_is_throttled_is_done_again_for_as_long_as_a_batch(location, moto, reason):
    waits = []
    with DynamoProxy(moto, cancelled=THROTTLED.tries - 1, reason=reason) as proxy:
        table = through(proxy, location, waits)
        assert table.put_new(RECORDS[0]) is Written.ADDED
        assert [change.key for change in table.pending_changes_of("stable")] == [KEYS[0]]
    assert len(waits) == THROTTLED.tries - 1


def test_a_table_that_stays_throttled_is_no_matter_of_credentials(location, moto):
    with DynamoProxy(moto, cancelled=1000, reason="ThrottlingError") as proxy, pytest.raises(TableUnavailable) as ended:
        through(proxy, location, []).put_new(RECORDS[0])
    assert (proxy.calls["TransactWriteItems"], ended.value.retryable) == (THROTTLED.tries, True)
    assert "capacity" in ended.value.remedy


def test_an_item_that_the_server_does_not_take_is_told_and_not_tried_again(location, moto):
    with DynamoProxy(moto, cancelled=1000, reason="ValidationError") as proxy, pytest.raises(TableRefused) as ended:
        through(proxy, location, []).put_new(RECORDS[0])
    assert (proxy.calls["TransactWriteItems"], ended.value.retryable) == (1, False)
    assert "by the proxy" in ended.value.message
