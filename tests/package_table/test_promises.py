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


def _without_conditions(value):
    if isinstance(value, list):
        return [_without_conditions(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        name: f"({inner}) OR (NOT ({inner}))" if name == "ConditionExpression" else _without_conditions(inner)
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


def test_without_the_right_to_remove_nothing_is_written(moto):
    name = f"t{uuid.uuid4().hex}"
    table_at(moto, name)
    with failing_server(moto) as server:
        table = table_at(server.address, name)
        server.faults["POST"] = [(400, "AccessDeniedException")]
        with pytest.raises(TableUnavailable):
            table.probe()
    assert items_of(moto, name) == ["-listed"]
