"""`migrate_package_table` and `restore_package_table` on real tables, killed half-way and finished (R15)."""

from decimal import Decimal

import pytest

from packages_app.core.caution import cautions_of
from packages_app.core.checksums import checksums_of_file
from packages_app.core.locations import DynamoTable
from packages_app.package_table.raw_table import RawTable, canonical
from packages_app.services import adapters
from tests.commands.calling import call, refused
from tests.debs import build_deb
from tests.package_table.old_tables import REGION, flat_record, make_table, old_record, url_of
from tests.reader import read_everything
from tests.stack import REPOSITORY
from tests.values import numbers_in

SCHEMAS = ("version", "package_id")


def items_of(table):
    return sorted(canonical(item) for item in table.items())


def counts(said):
    """What a migration counts in its last line: records, those added, those there already, old ones deleted."""
    [line] = [line for line in said.splitlines() if "; backup " in line]
    return numbers_in(line)[:4]


def make_old(moto, key, count, **fields):
    make = old_record if key == "version" else lambda version, **more: flat_record("kiro", version, **more)
    return make_table(moto, key, [make(f"1.{number}", **fields) for number in range(count)])


@pytest.fixture
def kiro(embedded):
    """The definition of kiro, as it is shipped."""
    source = REPOSITORY / "config" / "packages" / "kiro.yaml"
    (embedded.config / "packages" / "kiro.yaml").write_text(source.read_text())
    return embedded


@pytest.mark.parametrize("key", SCHEMAS)
def test_every_record_comes_over_with_the_definitions_metadata(kiro, moto, key, tmp_path):
    old = make_old(moto, key, 130, downloads=Decimal(7))
    before = items_of(old)
    backup = tmp_path / "backup.jsonl"
    said = call("migrate_package_table", "--from-table", url_of(old, moto), "--backup-file", backup)
    assert counts(said) == [130, 130, 0, 0]
    assert "--enrich" in said, "what fills in the records that have no control paragraph"
    records = kiro.records()
    assert len(records) == 130
    for record in records:
        assert (record.package_name, record.architecture, record.package_type) == ("kiro", "amd64", "external_download")
        assert (record.section, record.maintainer) == ("editors", "Kiro Team <support@kiro.dev>")
        assert record.suites == ("stable",)
        assert record.other_fields == '{"downloads": 7}'
        assert record.missing_fields() == ()
    assert items_of(old) == before
    assert backup.exists()


def test_a_dry_run_shows_the_first_three_and_writes_nothing(kiro, moto, tmp_path):
    old = make_old(moto, "version", 5)
    said = call(
        "migrate_package_table", "--from-table", url_of(old, moto), "--dry-run", "--backup-file", tmp_path / "b"
    )
    assert said.count("before: {") == said.count("after: {") == 3
    assert '"package_id": "kiro#1.' in said
    assert kiro.records() == []
    assert not (tmp_path / "b").exists()


def test_enriching_opens_each_package_and_says_which_stay_poorer(kiro, moto, tmp_path):
    items = []
    for version in ("1.0", "1.1", "1.2", "1.3"):
        deb = build_deb(tmp_path, "kiro", version, Pre_Depends="libc6", Description=f"kiro {version}\n More.")
        sums = checksums_of_file(deb)
        items.append(old_record(version, file_size=str(sums.size), sha256_hash=sums.sha256.upper(), md5_hash=None))
        if version != "1.2":
            kiro.bucket.put(f"pool/main/k/kiro/{deb.name}", deb)
    kiro.bucket.put("pool/main/k/kiro/kiro_1.3_amd64.deb", b"another file")
    old = make_table(moto, "version", items)
    order = ("migrate_package_table", "--from-table", url_of(old, moto), "--backup-file", tmp_path / "b", "--enrich")
    said = refused(*order)
    assert (said.code, numbers_in(said)[0]) == ("migration_refused", 2)
    assert "kiro 1.2 amd64 (no md5_hash)" in said
    assert "--keep-incomplete" in said
    assert kiro.records() == []
    said = call(*order, "--keep-incomplete")
    assert "kiro 1.2 amd64" in said
    poorer = {record.version for record in kiro.records() if not record.control}
    assert poorer == {"1.2", "1.3"}
    [first, *_] = kiro.records()
    assert "Pre-Depends: libc6\n" in first.control
    assert first.description == "kiro 1.0\n More."
    call("publish")
    assert {key[1] for key in read_everything(kiro.bucket, adapters.signer().public_keyring())} == {"1.0", "1.1"}


def test_records_that_clients_do_not_read_are_named_and_nothing_is_written(kiro, moto, tmp_path):
    sound = [flat_record("kiro", f"1.{number}") for number in range(3)]
    bad = [
        flat_record("kiro", "2.0", depends="libc6 [amd64]"),
        flat_record("kiro", "2.1", section="x" * 70_000),
        flat_record("kiro", "v2.2"),
    ]
    old = make_table(moto, "package_id", [*sound, *bad])
    order = ("migrate_package_table", "--from-table", url_of(old, moto), "--backup-file", tmp_path / "b")
    said = refused(*order)
    assert (said.code, numbers_in(said)[0]) == ("migration_refused", 3)
    for version, field in (("2.0", "Depends"), ("2.1", "Section"), ("v2.2", "Version")):
        assert f"kiro {version} amd64 (The control field {field} is wrong" in said
    assert kiro.records() == []


def test_the_old_records_go_only_when_asked_and_only_then(kiro, moto, tmp_path):
    old = make_old(moto, "version", 30)
    order = (
        "migrate_package_table",
        "--from-table",
        url_of(old, moto),
        "--backup-file",
        tmp_path / "b",
        "--delete-old",
    )
    said = refused(*order)
    assert said.code == "migration_refused"
    assert "--yes" in said
    assert len(items_of(old)) == 30
    assert counts(call(*order, "--yes")) == [30, 30, 0, 30]
    assert items_of(old) == []
    assert len(kiro.records()) == 30
    call("restore_package_table", "--backup-file", tmp_path / "b", "--to-table", url_of(old, moto))
    assert len(items_of(old)) == 30


def test_a_table_that_is_migrated_already_is_said_to_be(kiro, moto, tmp_path):
    old = make_old(moto, "version", 3)
    order = ("migrate_package_table", "--from-table", url_of(old, moto), "--backup-file")
    call(*order, tmp_path / "first")
    for name in ("first", "second"):
        said = refused(*order, tmp_path / name)
        assert (said.code, numbers_in(said)) == ("migration_refused", [3])
        assert old.name in said
        assert "--delete-old" in said
    assert not (tmp_path / "second").exists()
    assert counts(call(*order, tmp_path / "second", "--delete-old", "--yes")) == [3, 0, 3, 3]


def test_a_backup_file_of_another_is_refused(kiro, moto, tmp_path):
    old, other = make_old(moto, "version", 3), make_old(moto, "package_id", 3)
    (tmp_path / "there").write_text("something")
    order = ("migrate_package_table", "--from-table", url_of(old, moto), "--backup-file")
    said = refused(*order, tmp_path / "there")
    assert said.code == "bad_backup"
    assert str(tmp_path / "there") in said
    said = refused(*order[:3])
    assert said.code == "migration_refused"
    assert "--backup-file PATH" in said
    assert (tmp_path / "there").read_text() == "something"
    call(*order, tmp_path / "b")
    said = refused("migrate_package_table", "--from-table", url_of(other, moto), "--backup-file", tmp_path / "b")
    assert said.code == "bad_backup"
    assert str(tmp_path / "b") in said
    assert old.name in said
    (tmp_path / "b.progress").write_text("{")
    said = refused(*order, tmp_path / "b")
    assert said.code == "bad_backup"
    assert str(tmp_path / "b.progress") in said


def test_bad_tables_are_named_and_nothing_changes(kiro, moto, tmp_path):
    def said(table, *more):
        return refused(
            "migrate_package_table", "--from-table", url_of(table, moto), "--backup-file", tmp_path / "b", *more
        )

    def is_refused(table, *values, code="migration_refused"):
        refusal = said(table)
        assert refusal.code == code
        assert all(value in refusal for value in values), refusal

    empty = make_table(moto, "version", [])
    is_refused(empty, empty.name, "--from-table")
    of_another_key = make_table(moto, "id", [])
    is_refused(of_another_key, of_another_key.name, "key id;")
    is_refused(RawTable(DynamoTable("absent", REGION, moto)), "absent", code="table_missing")
    broken = make_table(
        moto, "version", [old_record("1.0"), old_record("one point one"), old_record("2", file_size="x")]
    )
    is_refused(broken, "2 of 3", "one point one", "file_size")
    twice = [flat_record("kiro", "1.0"), {**flat_record("kiro", "1.0"), "package_id": "kiro_1.0"}]
    is_refused(make_table(moto, "package_id", twice), "kiro 1.0 amd64")
    lacking = make_table(moto, "version", [old_record("1.0", sha256_hash="")])
    is_refused(lacking, "(no sha256_hash)")
    assert kiro.records() == []
    assert not (tmp_path / "b").exists()
    call(
        "migrate_package_table",
        "--from-table",
        url_of(make_old(moto, "version", 1), moto),
        "--backup-file",
        tmp_path / "b",
    )
    other_bytes = make_table(moto, "version", [old_record("1.0", sha256_hash="f" * 64), old_record("1.7")])
    conflict = refused(
        "migrate_package_table", "--from-table", url_of(other_bytes, moto), "--backup-file", tmp_path / "c"
    )
    assert conflict.code == "version_conflict"
    assert "kiro 1.0 amd64" in conflict
    assert "f" * 64 in conflict
    assert [record.version for record in kiro.records()] == ["1.0"]


def test_what_needs_a_persons_word_is_held_where_clients_have_it_not(kiro, moto, tmp_path):
    deb = build_deb(tmp_path, "kiro", "1.0", Essential="yes", scripts={"postinst": "#!/bin/sh\nchmod u+s /usr/bin/x\n"})
    sums = checksums_of_file(deb)
    item = old_record("1.0", file_size=str(sums.size), sha256_hash=sums.sha256, downloads=Decimal(7))
    kiro.bucket.put(f"pool/main/k/kiro/{deb.name}", deb)
    old = make_table(moto, "version", [{**item, "md5_hash": None, "sha1_hash": None}])
    order = ("migrate_package_table", "--from-table", url_of(old, moto), "--backup-file", tmp_path / "b", "--enrich")
    said = call(*order)
    assert "essential: 1 packages" in said
    assert "setuid: 1 packages" in said
    [record] = kiro.records()
    assert {one.code for one in cautions_of(record)} == {"essential", "setuid"}
    assert '"downloads":7' in record.other_fields
    assert refused("publish").code == "candidate_held"


def test_a_control_paragraph_that_an_old_record_has_is_looked_at_without_its_file(kiro, moto, tmp_path):
    control = "Package: kiro\nVersion: {}\nArchitecture: amd64\nMaintainer: A <a@example.org>\n{}Description: x"
    flags = {"1.0": "Essential: yes\nProtected: yes\n", "1.1": "Essential: no\n"}
    old = make_table(
        moto,
        "version",
        [{**old_record(version), "control": control.format(version, flag)} for version, flag in flags.items()],
    )
    said = call("migrate_package_table", "--from-table", url_of(old, moto), "--backup-file", tmp_path / "b")
    assert "essential: 1 packages" in said
    found = {record.version: {one.code for one in cautions_of(record)} for record in kiro.records()}
    assert found == {"1.0": {"essential", "protected"}, "1.1": set()}
