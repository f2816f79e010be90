"""Old items made into records: every kind of value that the old writers left (R15)."""

from decimal import Decimal

import pytest
from boto3.dynamodb.types import TypeSerializer

from packages_app.core.errors import MigrationRefused
from packages_app.package_table.old_schema import Fallback, OldSchema, record_of_item, schema_of
from packages_app.package_table.packed_text import packed
from packages_app.package_table.raw_table import TableShape
from tests.package_table.old_tables import flat_record, old_record
from tests.records import make_record

FALLBACK = Fallback(
    "amd64", "external_download", "main", ("stable",),
    {"section": "editors", "priority": "optional", "maintainer": "Kiro <kiro@example.org>", "homepage": "https://h",
     "description": "The editor", "depends": "libc6"},
)  # fmt: skip


def record(item, name="kiro"):
    raw = {field: TypeSerializer().serialize(value) for field, value in item.items()}
    return record_of_item(raw, name, lambda _name: FALLBACK)


def fault(item):
    with pytest.raises(MigrationRefused) as refused:
        record(item)
    return refused.value.message


def test_what_a_nameless_record_lacks_comes_from_the_definition_and_the_rest_is_kept():
    made = record(old_record("1.2.3"))
    assert made.key == ("kiro#1.2.3", "amd64")
    assert (made.package_type, made.component, made.suites) == ("external_download", "main", ("stable",))
    assert (made.section, made.maintainer, made.description) == ("editors", "Kiro <kiro@example.org>", "The editor")
    assert made.pool_path == "pool/main/k/kiro/kiro_1.2.3_amd64.deb"
    assert (made.notes, made.pub_date, made.processed_timestamp) == ("Notes", "2025-07-14", "2025-07-15T00:00:00")
    assert made.missing_fields() == ()
    assert made.other_fields == ""


def test_a_flat_record_keeps_its_own_values():
    made = record(flat_record("kiro-repo", "1.0", architecture="all", section="admin", package_type="build_script"))
    assert made.key == ("kiro-repo#1.0", "all")
    assert (made.section, made.package_type) == ("admin", "build_script")


@pytest.mark.parametrize("identity", ["kiro#2.0", "kiro-2.0", "kiro_2.0"])
def test_a_flat_key_tells_name_and_version_where_nothing_else_does(identity):
    item = {"package_id": identity, "sha256_hash": "c" * 64}
    assert record(item).package_id == "kiro#2.0"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal(12345), 12345), ("12345", 12345), (" 12345 ", 12345), (Decimal("12345.0"), 12345),
        ("1.2345E+4", 12345), (None, None), ("", None),
    ],
)  # fmt: skip
def test_sizes_of_every_kind(value, expected):
    assert record(old_record("1.0", file_size=value)).file_size == expected


def test_absent_null_and_odd_values_do_no_harm():
    item = old_record("1.0", notes=None, homepage="", depends=None, md5_hash="A" * 32, pub_date=Decimal("20250714"))
    for name in ("certificate_url", "signature_url", "actual_filename", "file_size", "processed_timestamp"):
        del item[name]
    made = record(item)
    assert (made.notes, made.certificate_url, made.file_size) == ("", "", None)
    assert (made.homepage, made.depends) == ("https://h", "libc6")
    assert made.md5_hash == "a" * 32
    assert made.pub_date == "20250714"
    assert made.actual_filename == "kiro_1.0_amd64.deb"


def test_a_version_kept_as_a_number_is_text_again():
    assert record({**old_record("x"), "version": Decimal("1.5")}).version == "1.5"


def test_what_we_have_no_field_for_is_kept():
    extras = {"downloads": Decimal(7), "ratio": Decimal("0.25"), "tags": {"b", "a"}, "raw": b"\x01", "empty": ""}
    made = record(old_record("1.0", nested={"a": [Decimal("1.10"), None, True]}, **extras))
    assert made.other_fields == (
        '{"downloads": 7, "nested": {"a": [1.1, null, true]}, "ratio": 0.25, "raw": "01", "tags": ["a", "b"]}'
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": "not a version"}, "'not a version'"),
        ({"version": ""}, "no version"),
        ({"file_size": "large"}, "file_size 'large'"),
        ({"file_size": Decimal("1.5")}, "no number of bytes"),
        ({"file_size": "-1"}, "no number of bytes"),
        ({"file_size": "NaN"}, "is no number"),
    ],
)
def test_what_can_not_be_taken_over_is_named(change, said):
    assert said in fault({**old_record("1.0"), **change})


def test_only_the_old_schemas_are_understood():
    def shape(*keys):
        return TableShape(keys, [], [])

    assert schema_of("t", shape("version")) is OldSchema.BY_VERSION
    assert schema_of("t", shape("package_id")) is OldSchema.FLAT
    with pytest.raises(MigrationRefused, match="new schema already"):
        schema_of("t", shape("package_id", "architecture"))
    with pytest.raises(MigrationRefused, match=r"\bt\b.*\bid\b.*\bversion\b.*\bpackage_id\b"):
        schema_of("t", shape("id"))


def test_texts_that_were_packed_come_out_of_a_table_of_any_key():
    long = "".join(f" {number:x}" for number in range(60_000))
    made = make_record("long", control=f"Package: long\nDescription: long\n{long}\n", description=f"long\n{long}")
    item = packed(made.as_dict())
    assert not {"control", "description"} & set(item)
    again = record(item)
    assert (again.control, again.description) == (made.control.strip("\n"), made.description)
