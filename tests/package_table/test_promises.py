"""A DynamoDB that lacks or ignores what we rely on is found by the probe, by name."""

import json
import uuid

import boto3
import pytest

from packages_app.core.errors import TableUnavailable, TableUnfit
from packages_app.core.locations import DynamoTable
from packages_app.package_table.dynamo_table import DynamoPackageTable
from tests.records import make_record
from tests.stores.failing_server import FailingServer, failing_server

REGION = "eu-central-1"


def table_at(server, name=""):
    table = DynamoPackageTable(DynamoTable(name or f"t{uuid.uuid4().hex}", REGION, server))
    table.create()
    return table


def broken_at(call):
    with pytest.raises(TableUnfit) as unfit:
        call()
    assert (unfit.value.code, unfit.value.retryable) == ("table_unfit", False)
    return unfit.value.broken


def items_of(server, name):
    client = boto3.client("dynamodb", endpoint_url=server, region_name=REGION)
    return sorted(item["package_id"]["S"] for item in client.scan(TableName=name)["Items"])


class LaxServer(FailingServer):
    """Passes calls of one operation on with conditions that always hold."""

    operation = ""

    def passed_on(self, headers, body):
        if not headers.get("X-Amz-Target", "").endswith(f".{self.operation}"):
            return body
        del headers["Content-Length"]
        return json.dumps(_without_conditions(json.loads(body))).encode()


class StrictServer(FailingServer):
    """Passes calls of one operation on with conditions that never hold."""

    operation = ""

    def passed_on(self, headers, body):
        if not headers.get("X-Amz-Target", "").endswith(f".{self.operation}"):
            return body
        del headers["Content-Length"]
        return json.dumps(_with_conditions(json.loads(body), "({0}) AND (NOT ({0}))")).encode()


class HalvingServer(FailingServer):
    """Does the first half of a transaction: alone, or before it passes the whole on."""

    alone, moto = False, ""

    def passed_on(self, headers, body):
        if not headers.get("X-Amz-Target", "").endswith(".TransactWriteItems"):
            return body
        document = json.loads(body)
        first = document["TransactItems"][0]["Put"]
        if self.alone:
            del headers["Content-Length"]
            return json.dumps({**document, "TransactItems": document["TransactItems"][:1]}).encode()
        client = boto3.client("dynamodb", endpoint_url=self.moto, region_name=REGION)
        client.put_item(TableName=first["TableName"], Item=first["Item"])
        return body


def _without_conditions(value):
    return _with_conditions(value, "({0}) OR (NOT ({0}))")


def _with_conditions(value, form):
    if isinstance(value, list):
        return [_with_conditions(inner, form) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        name: form.format(inner) if name == "ConditionExpression" else _with_conditions(inner, form)
        for name, inner in value.items()
    }


def test_a_server_that_keeps_conditions_and_transactions_is_taken_and_nothing_is_left(ministack):
    table = table_at(ministack, "kept")
    table.put_new(make_record())
    before = items_of(ministack, "kept")
    assert table.probe()
    assert items_of(ministack, "kept") == before


def test_a_server_without_transactions_is_refused_and_nothing_is_left(dynalite):
    table = table_at(dynalite, "lacks-transactions")
    assert broken_at(table.probe) == ("TransactWriteItems is not known (UnknownOperationException)",)
    assert items_of(dynalite, "lacks-transactions") == ["-listed"]


def test_a_write_there_says_so_too_and_nothing_of_credentials(dynalite):
    table = table_at(dynalite)
    assert broken_at(lambda: table.put_new(make_record())) == (
        "TransactWriteItems is not known (UnknownOperationException)",
    )


@pytest.mark.parametrize("operation", ["UpdateItem", "TransactWriteItems"])
def test_each_call_whose_condition_is_ignored_is_named(moto, operation):
    name = f"t{uuid.uuid4().hex}"
    table_at(moto, name)
    with failing_server(moto, LaxServer) as lax:
        lax.operation = operation
        assert broken_at(table_at(lax.address, name).probe) == (f"the condition of {operation} is ignored",)
    assert items_of(moto, name) == ["-listed"]


@pytest.mark.parametrize(
    ("operation", "broken"),
    [
        (
            "UpdateItem",
            ("the condition of UpdateItem is refused although it holds",
             "GetItem with ConsistentRead lacks what was just written"),
        ),
        ("TransactWriteItems", ("the condition of TransactWriteItems is refused although it holds",)),
    ],
)  # fmt: skip
def test_each_call_whose_condition_is_refused_although_it_holds_is_named(moto, operation, broken):
    name = f"t{uuid.uuid4().hex}"
    table_at(moto, name)
    with failing_server(moto, StrictServer) as strict:
        strict.operation = operation
        assert set(broken) <= set(broken_at(table_at(strict.address, name).probe))
    assert items_of(moto, name) == ["-listed"]


@pytest.mark.parametrize(
    ("alone", "broken"),
    [
        (True, "Query or GetItem with ConsistentRead lack what a transaction just wrote"),
        (False, "TransactWriteItems does a part of what it refuses"),
    ],
)
def test_a_transaction_that_is_done_in_part_is_named(moto, alone, broken):
    name = f"t{uuid.uuid4().hex}"
    table_at(moto, name)
    with failing_server(moto, HalvingServer) as halving:
        halving.alone, halving.moto = alone, moto
        assert broken in broken_at(table_at(halving.address, name).probe)
    assert items_of(moto, name) == ["-listed"]


def test_without_the_right_to_remove_nothing_is_written(moto):
    name = f"t{uuid.uuid4().hex}"
    table_at(moto, name)
    with failing_server(moto) as server:
        table = table_at(server.address, name)
        server.faults["POST"] = [(400, "AccessDeniedException")]
        with pytest.raises(TableUnavailable):
            table.probe()
    assert items_of(moto, name) == ["-listed"]
