"""Migrations and restores that are killed half-way, as processes of their own: the next one goes on (R15)."""

import os
import shutil
import signal
import subprocess
import uuid

import pytest

from packages_app.core.home import make_home
from packages_app.core.locations import DynamoTable
from packages_app.package_table.open_table import open_table
from tests import prepared
from tests.commands.test_migrate_package_table import SCHEMAS, items_of, make_old
from tests.commands.test_terraform_state import state_of
from tests.package_table.dynamo_proxy import DynamoProxy
from tests.package_table.old_tables import REGION
from tests.stack import REPOSITORY


@pytest.fixture(autouse=True)
def with_database(migrated):
    """Let each home have the database that a first start makes."""
    Killed.database = migrated


class Killed:
    """The command as a process of its own, on DynamoDB, whose calls go through a proxy that may kill it."""

    def __init__(self, home, moto):
        self.moto = moto
        make_home(home)
        shutil.copyfile(self.database, home / "django.sqlite3")
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
        return prepared.start(
            (prepared.MANAGE, *command), env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )


def migration_of(old, backup):
    """Return the command that migrates a table."""
    return ("migrate_package_table", "--from-table", old.name, "--backup-file", backup)


@pytest.mark.parametrize("key", SCHEMAS)
def test_a_migration_that_is_killed_goes_on(moto, tmp_path, key):
    old = make_old(moto, key, 140)
    before = items_of(old)
    killed = Killed(tmp_path / "home", moto)
    backup = tmp_path / "backup.jsonl"
    order = migration_of(old, backup)
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
    order = migration_of(old, tmp_path / "b")
    assert killed.run(*order, kill_at=("Scan", 1))[0] == -signal.SIGKILL
    (tmp_path / "b.part").write_text("half")
    assert killed.run(*order)[0] == 0
    assert not (tmp_path / "b.part").exists()


def test_a_deletion_that_is_killed_goes_on(moto, tmp_path):
    old = make_old(moto, "version", 120)
    killed = Killed(tmp_path / "home", moto)
    order = (*migration_of(old, tmp_path / "b"), "--delete-old", "--yes")
    # The first ones are those with which the new table is tried.
    assert killed.run(*order, kill_at=("BatchWriteItem", 6))[0] == -signal.SIGKILL
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
    order = (*migration_of(old, tmp_path / "b"), "--delete-old", "--yes")
    assert killed.run(*order, kill_at=("TransactWriteItems", 50))[0] == -signal.SIGKILL
    list(old.put_all([{"version": {"S": "9.9"}, "notes": {"S": "new"}}]))
    code, said = killed.run(*order)
    assert code == 2
    assert "migration_refused: 1 records" in said
    assert old.name in said
    assert len(items_of(old)) == 121


def test_a_restore_that_is_killed_goes_on_and_ends_identical(moto, tmp_path):
    old = make_old(moto, "version", 120)
    before = items_of(old)
    killed = Killed(tmp_path / "home", moto)
    order = (*migration_of(old, tmp_path / "b"), "--delete-old", "--yes")
    assert killed.run(*order)[0] == 0
    restore = ("restore_package_table", "--backup-file", tmp_path / "b")
    assert killed.run(*restore, kill_at=("BatchWriteItem", 3))[0] == -signal.SIGKILL
    assert 0 < len(items_of(old)) < 120
    code, said = killed.run(*restore)
    assert code == 0, said
    assert items_of(old) == before
