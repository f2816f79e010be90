"""`migrate_package_table` and `restore_package_table` on real tables, killed half-way and finished (R15)."""

import os
import signal
import subprocess
import sys
import uuid
from decimal import Decimal

import pytest

from packages_app.core.checksums import checksums_of_file
from packages_app.core.locations import DynamoTable
from packages_app.package_table.open_table import open_table
from packages_app.package_table.raw_table import RawTable, canonical
from packages_app.services import adapters
from repomgr.servers.process import bound_to_us
from tests.commands.calling import call, refused
from tests.commands.test_terraform_state import state_of
from tests.debs import build_deb
from tests.package_table.dynamo_proxy import DynamoProxy
from tests.package_table.old_tables import REGION, flat_record, make_table, old_record, url_of
from tests.reader import read_everything
from tests.stack import REPOSITORY

SCHEMAS = ("version", "package_id")


def items_of(table):
    return sorted(canonical(item) for item in table.items())


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
    assert "130 records: 130 added, 0 there already, verified; 0 old records deleted" in said
    assert "Without a control paragraph, so with a poorer stanza" in said
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
    assert "2 records lack fields that clients need: kiro 1.2 amd64 (no md5_hash)" in refused(*order)
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
    assert "nobody can answer here" in refused(*order)
    assert len(items_of(old)) == 30
    assert "30 old records deleted" in call(*order, "--yes")
    assert items_of(old) == []
    assert len(kiro.records()) == 30
    call("restore_package_table", "--backup-file", tmp_path / "b", "--to-table", url_of(old, moto))
    assert len(items_of(old)) == 30


def test_a_table_that_is_migrated_already_is_said_to_be(kiro, moto, tmp_path):
    old = make_old(moto, "version", 3)
    order = ("migrate_package_table", "--from-table", url_of(old, moto), "--backup-file")
    call(*order, tmp_path / "first")
    for name in ("first", "second"):
        assert "in the new table already" in refused(*order, tmp_path / name)
    assert not (tmp_path / "second").exists()
    assert "3 old records deleted" in call(*order, tmp_path / "second", "--delete-old", "--yes")


def test_a_backup_file_of_another_is_refused(kiro, moto, tmp_path):
    old, other = make_old(moto, "version", 3), make_old(moto, "package_id", 3)
    (tmp_path / "there").write_text("something")
    order = ("migrate_package_table", "--from-table", url_of(old, moto), "--backup-file")
    assert "is there already" in refused(*order, tmp_path / "there")
    assert "keeps a backup" in refused(*order[:3])
    assert (tmp_path / "there").read_text() == "something"
    call(*order, tmp_path / "b")
    said = refused("migrate_package_table", "--from-table", url_of(other, moto), "--backup-file", tmp_path / "b")
    assert f"belongs to a migration from {old.name}" in said
    (tmp_path / "b.progress").write_text("{")
    assert "can't be read" in refused(*order, tmp_path / "b")


def test_bad_tables_are_named_and_nothing_changes(kiro, moto, tmp_path):
    def said(table, *more):
        return refused(
            "migrate_package_table", "--from-table", url_of(table, moto), "--backup-file", tmp_path / "b", *more
        )

    assert "is empty" in said(make_table(moto, "version", []))
    assert "has the key id" in said(make_table(moto, "id", []))
    assert "There is no DynamoDB table" in said(RawTable(DynamoTable("absent", REGION, moto)))
    broken = make_table(
        moto, "version", [old_record("1.0"), old_record("one point one"), old_record("2", file_size="x")]
    )
    assert "2 of 3 records can't be taken over" in said(broken)
    twice = [flat_record("kiro", "1.0"), {**flat_record("kiro", "1.0"), "package_id": "kiro_1.0"}]
    assert "Two old records are both kiro 1.0 amd64" in said(make_table(moto, "package_id", twice))
    lacking = make_table(moto, "version", [old_record("1.0", sha256_hash="")])
    assert "(no sha256_hash)" in said(lacking)
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
    assert "kiro 1.0 amd64 is offered with other bytes" in conflict
    assert [record.version for record in kiro.records()] == ["1.0"]


class Killed:
    """The command as a process of its own, on DynamoDB, whose calls go through a proxy that may kill it."""

    def __init__(self, home, moto):
        self.moto = moto
        self.table = open_table(DynamoTable(f"new-{uuid.uuid4().hex}", REGION, moto))
        self.table.create()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("COV_")},
            "REPOMGR_HOME": str(home),
            "PYTHONPATH": str(REPOSITORY),
            "LOG_LEVEL": "ERROR",
        }

    def run(self, *command, kill_at=None):
        """Run it; `kill_at` is (operation, number): it is killed on that call. Gives its exit code and output."""

        def hook(operation, count):
            if (operation, count) == kill_at:
                os.kill(process.pid, signal.SIGKILL)

        with DynamoProxy(self.moto, hook=hook) as proxy:
            self.environment["PACKAGE_TABLE_URL"] = (
                f"dynamodb://{self.table._location.name}?region={REGION}&endpoint={proxy.url}"
            )
            process = self._started(command)
            output, _ = process.communicate(timeout=120)
        return process.returncode, output

    def manage(self, *command):
        """Run it with the environment as it is."""
        process = self._started(command)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output

    def _started(self, command):
        arguments = [sys.executable, str(REPOSITORY / "manage.py"), *map(str, command)]
        return subprocess.Popen(
            bound_to_us(arguments), env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )


@pytest.mark.parametrize("key", SCHEMAS)
def test_a_migration_that_is_killed_goes_on(moto, tmp_path, key):
    old = make_old(moto, key, 140)
    before = items_of(old)
    killed = Killed(tmp_path / "home", moto)
    backup = tmp_path / "backup.jsonl"
    order = ("migrate_package_table", "--from-table", old.name, "--backup-file", backup)
    assert killed.run(*order, kill_at=("TransactWriteItems", 70))[0] == -signal.SIGKILL
    half = len(list(killed.table.all_records()))
    assert 40 <= half < 140
    assert items_of(old) == before
    sealed = backup.read_bytes()
    code, said = killed.run(*order)
    assert code == 0, said
    assert "140 records:" in said
    assert len(list(killed.table.all_records())) == 140
    assert backup.read_bytes() == sealed
    assert items_of(old) == before
    assert killed.run(*order)[0] == 2  # nothing is left to do


def test_a_migration_that_is_killed_while_it_writes_the_backup_starts_anew(moto, tmp_path):
    old = make_old(moto, "version", 3)
    killed = Killed(tmp_path / "home", moto)
    order = ("migrate_package_table", "--from-table", old.name, "--backup-file", tmp_path / "b")
    assert killed.run(*order, kill_at=("Scan", 1))[0] == -signal.SIGKILL
    (tmp_path / "b.part").write_text("half")
    assert killed.run(*order)[0] == 0
    assert not (tmp_path / "b.part").exists()


def test_a_deletion_that_is_killed_goes_on(moto, tmp_path):
    old = make_old(moto, "version", 120)
    killed = Killed(tmp_path / "home", moto)
    order = (
        "migrate_package_table",
        "--from-table",
        old.name,
        "--backup-file",
        tmp_path / "b",
        "--delete-old",
        "--yes",
    )
    assert killed.run(*order, kill_at=("BatchWriteItem", 3))[0] == -signal.SIGKILL
    assert 0 < len(items_of(old)) < 120
    code, said = killed.run(*order)
    assert code == 0, said
    assert items_of(old) == []
    assert len(list(killed.table.all_records())) == 120


def test_an_environment_of_terraform_names_the_new_table(moto, tmp_path):
    old = make_old(moto, "version", 3)
    killed = Killed(tmp_path / "home", moto)
    outputs = {"s3_bucket_name": "apt", "dynamodb_table_name": killed.table._location.name, "aws_region": REGION}
    (tmp_path / "prod.tfstate").write_text(state_of(outputs))
    killed.environment |= {"AWS_ENDPOINT_URL": moto}
    order = ("--from-table", old.name, "--backup-file", tmp_path / "b", "--env", "prod", "--terraform-dir", tmp_path)
    code, said = killed.manage("migrate_package_table", *order)
    assert code == 0, said
    assert "3 records: 3 added" in said
    assert len(list(killed.table.all_records())) == 3


def test_a_record_that_changes_between_two_runs_stops_the_second(moto, tmp_path):
    old = make_old(moto, "version", 120)
    killed = Killed(tmp_path / "home", moto)
    order = (
        "migrate_package_table",
        "--from-table",
        old.name,
        "--backup-file",
        tmp_path / "b",
        "--delete-old",
        "--yes",
    )
    assert killed.run(*order, kill_at=("TransactWriteItems", 50))[0] == -signal.SIGKILL
    list(old.put_all([{"version": {"S": "9.9"}, "notes": {"S": "new"}}]))
    code, said = killed.run(*order)
    assert code == 2
    assert "new or changed since" in said
    assert len(items_of(old)) == 121


def test_a_restore_that_is_killed_goes_on_and_ends_identical(moto, tmp_path):
    old = make_old(moto, "version", 120)
    before = items_of(old)
    killed = Killed(tmp_path / "home", moto)
    order = (
        "migrate_package_table",
        "--from-table",
        old.name,
        "--backup-file",
        tmp_path / "b",
        "--delete-old",
        "--yes",
    )
    assert killed.run(*order)[0] == 0
    restore = ("restore_package_table", "--backup-file", tmp_path / "b")
    assert killed.run(*restore, kill_at=("BatchWriteItem", 3))[0] == -signal.SIGKILL
    assert 0 < len(items_of(old)) < 120
    code, said = killed.run(*restore)
    assert code == 0, said
    assert items_of(old) == before
