"""What is kept with a record is changed together with its suites, by either adapter."""

import uuid
from dataclasses import replace

import pytest

from packages_app.core.errors import ObjectChanged
from packages_app.core.locations import DynamoTable
from packages_app.package_table.dynamo_table import DynamoPackageTable
from packages_app.package_table.sqlite_table import SqlitePackageTable
from tests.records import make_record


@pytest.fixture(params=["sqlite", pytest.param("dynamodb", marks=pytest.mark.outside)])
def table(request, tmp_path):
    if request.param == "sqlite":
        table = SqlitePackageTable(tmp_path / "table.sqlite3")
    else:
        table = DynamoPackageTable(DynamoTable(f"t{uuid.uuid4().hex}", "eu-central-1", request.getfixturevalue("moto")))
    table.create()
    return table


@pytest.mark.parametrize("before", ["", '{"a":1}'])
def test_what_is_kept_with_a_record_changes_with_its_suites_only_from_what_was_seen(table, before):
    record = make_record(other_fields=before)
    table.put_new(record)
    [first] = table.pending_changes_of("stable")
    table.remove_pending_changes("stable", [first])
    changed = table.set_suites(record, ["stable", "testing"], other_fields='{"b":2}')
    assert (changed.suites, changed.other_fields) == (("stable", "testing"), '{"b":2}')
    assert table.get("hello", "1.0", "amd64") == changed
    assert [len(table.pending_changes_of(suite)) for suite in ("stable", "testing")] == [1, 1]
    with pytest.raises(ObjectChanged):
        table.set_suites(replace(changed, other_fields=before), changed.suites, other_fields='{"c":3}')
    assert table.get("hello", "1.0", "amd64") == changed
    assert table.set_suites(replace(changed, other_fields=before), ["stable"]).suites == ("stable",)
    assert table.get("hello", "1.0", "amd64").other_fields == '{"b":2}'
    assert table.set_suites(table.get("hello", "1.0", "amd64"), [], other_fields="").other_fields == ""
    assert table.get("hello", "1.0", "amd64").other_fields == ""
