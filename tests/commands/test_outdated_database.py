"""Every command and a database that lacks migrations, or does not answer: a code and the remedy, and nothing done."""

import sqlite3
from contextlib import closing

import pytest

from repomgr.servers.process import free_port
from tests.commands.installation import Installation
from tests.debs import build_deb

COMMANDS = {
    "adopt_repository": ("{home}", "--unsigned", "--suite", "stable"),
    "build_kiro_repo": ("--version", "1.0"),
    "force_rebuild": (),
    "migrate_package_table": ("--from-table", "old"),
    "publish": (),
    "restore_package_table": ("--backup-file", "{home}/absent"),
    "sweep": (),
    "sync_packages": (),
    "upload_deb": ("{deb}",),
    "verify_repository": (),
}


@pytest.fixture
def before(tmp_path, migrated):
    """An installation whose database is that of an earlier release, by what it says of its migrations."""
    installation = Installation.make(tmp_path / "home", migrated)
    with closing(sqlite3.connect(tmp_path / "home" / "django.sqlite3")) as database:
        database.execute("DELETE FROM django_migrations WHERE app = 'packages_app' AND name >= '0008'")
        database.commit()
    return installation


def call(installation, name, tmp_path):
    deb = build_deb(tmp_path / "debs", "tool", "1.0")
    arguments = [each.format(home=installation.home, deb=deb) for each in COMMANDS[name]]
    return installation.manage(name, *arguments, "--log-format", "console")


def code_of(said):
    return said.removeprefix("CommandError: ").partition(":")[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_refused_with_the_remedy_and_does_nothing(before, name, tmp_path):
    done = call(before, name, tmp_path)
    [said] = done.stderr.splitlines()
    assert (done.returncode, code_of(said)) == (1, "database_outdated")
    assert "first_start" in said
    assert [path.name for path in (before.home / "bucket").rglob("*") if path.is_file()] == []


def test_an_empty_database_is_one_too_and_a_first_start_mends_it(tmp_path, migrated):
    installation = Installation.make(tmp_path / "home", migrated)
    (tmp_path / "home" / "django.sqlite3").unlink()
    assert code_of(call(installation, "publish", tmp_path).stderr) == "database_outdated"
    assert installation.manage("first_start").returncode == 0
    assert call(installation, "publish", tmp_path).returncode == 0


def test_a_database_that_is_away_is_tried_again_later(tmp_path, migrated):
    away = f"postgres://nobody:nothing@127.0.0.1:{free_port()}/none"
    installation = Installation.make(tmp_path / "home", migrated, DATABASE_URL=away)
    done = call(installation, "publish", tmp_path)
    assert (done.returncode, code_of(done.stderr)) == (75, "service_unavailable")
    assert "nothing" not in done.stderr
