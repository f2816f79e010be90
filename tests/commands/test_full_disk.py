"""A disk that is full, read-only or locked: a command ends with a code, the cause and the remedy, never a traceback."""

import os
import sqlite3
from contextlib import closing

import pytest

from tests.commands.installation import Installation
from tests.debs import build_deb
from tests.disks import small_disk

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk")
COMMANDS = (
    ("publish",),
    ("verify_repository",),
    ("first_start",),
    ("force_rebuild",),
    ("sync_packages",),
    ("sweep",),
    ("create_storage",),
)
DISK_CODES = (
    "disk_full",
    "disk_failed",
    "store_unavailable",
    "store_missing",
    "table_unavailable",
    "service_unavailable",
)


@pytest.fixture(scope="module")
def mounted(tmp_path_factory):
    with small_disk(tmp_path_factory.mktemp("disk") / "disk") as disk:
        yield disk


@pytest.fixture(scope="module")
def installation(mounted, migrated):
    installation = Installation.make(mounted.folder / "home", migrated)
    assert installation.manage("first_start").returncode == 0
    return installation


@pytest.fixture
def disk(mounted, installation):
    yield mounted
    mounted.empty()


def the_end_of(done):
    """The code that a command ended with; what it printed must be no traceback, and name a remedy."""
    said = done.stderr + done.stdout
    assert "Traceback" not in said, said
    assert "Remedy: " in said, said
    return next((code for code in DISK_CODES if code in said), said)


def upload(installation, folder, version="1.0"):
    return installation.manage("upload_deb", build_deb(folder, "tool", version))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_full_disk_ends_a_command_with_a_code_and_a_remedy(installation, disk, command):
    disk.fill()
    done = installation.manage(*command)
    assert (done.returncode, the_end_of(done) in DISK_CODES) == (75, True)


@pytest.mark.parametrize("left", [0, 8 * 1024, 64 * 1024, 192 * 1024])
def test_an_upload_to_a_full_disk_is_told_and_taken_once_there_is_room(installation, disk, tmp_path, left):
    disk.fill(left)
    version = f"1.{left}"
    done = upload(installation, tmp_path / "first", version)
    assert (done.returncode, the_end_of(done) in DISK_CODES) == (75, True)
    disk.empty()
    assert upload(installation, tmp_path / "second", version).returncode == 0


@pytest.mark.parametrize("command", [*COMMANDS, ("upload_deb", "DEB")], ids=lambda command: command[0])
def test_a_read_only_disk_ends_a_command_with_a_code_and_a_remedy(installation, disk, tmp_path, command):
    deb = build_deb(tmp_path / "new", "tool", "1.0")
    with disk.read_only():
        done = installation.manage(*(str(deb) if part == "DEB" else part for part in command))
    assert done.returncode
    assert the_end_of(done) in DISK_CODES


def test_a_database_that_another_process_locks_is_tried_again_later(installation, tmp_path):
    with closing(sqlite3.connect(installation.home / "django.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        waits = {"DATABASE_URL": f"sqlite:///{installation.home}/django.sqlite3?timeout=1"}
        done = upload(installation.with_settings(**waits), tmp_path)
    assert the_end_of(done) == "service_unavailable"
    assert done.returncode == 75


def probed(installation):
    """The probes of the doctor that failed, by name."""
    said = installation.manage("doctor").stdout
    return {line[5:].partition(":")[0] for line in said.splitlines() if line.startswith("FAIL")}


def test_the_doctor_writes_where_it_says_that_it_can(installation, disk):
    settings = installation.with_settings(LEAST_FREE_BYTES="1")
    assert probed(settings) == set()
    disk.fill()
    assert {"package table", "bucket", "staging", "broker", "database", "disk space"} <= probed(settings)


def test_the_doctor_tells_of_a_disk_before_it_is_full(installation, disk):
    assert probed(installation) == {"disk space"}
