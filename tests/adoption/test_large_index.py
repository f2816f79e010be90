"""An index that several processes read and write: as much comes of it as of one that a single process does."""

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from repomgr.servers.process import bound_to_us
from tests.adoption import existing
from tests.adoption.test_adopt_repository import counts
from tests.stack import REPOSITORY

COUNT = 1200
_MORE = "".join(f" {'text ' * 15}\n" for _ in range(30))


def stanza(number, *, sha256=True):
    name = f"tool{number:04}"
    hashes = f"SHA256: {hashlib.sha256(name.encode()).hexdigest()}\n" if sha256 else ""
    return (
        f"Package: {name}\nVersion: 1.{number}\nArchitecture: amd64\nMaintainer: A <a@example.org>\n"
        f"Filename: pool/main/t/{name}/{name}_1.{number}_amd64.deb\nSize: {number + 1}\n{hashes}"
        f"Description: a tool\n{_MORE}"
    )


@pytest.fixture
def manage(tmp_path, migrated):
    """Run commands of an installation of its own, whose processes have its database to themselves."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("COV_")},
        "REPOMGR_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(REPOSITORY),
        "LOG_LEVEL": "ERROR",
        "APT_CHECK": "off",
    }
    (tmp_path / "home").mkdir()
    shutil.copy(migrated, tmp_path / "home")

    def run(*command):
        arguments = bound_to_us([sys.executable, str(REPOSITORY / "manage.py"), *map(str, command)])
        return subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False, timeout=120)

    assert run("create_storage").returncode == 0
    return run


@pytest.fixture
def adopt(tmp_path, manage):
    """Adopt an index of three megabytes without its files; a stanza of it may lack its hash."""

    def run(without_hash=None):
        theirs = existing.ExistingRepository(tmp_path / "theirs")
        folder = theirs.root / "dists/stable/main/binary-amd64"
        folder.mkdir(parents=True, exist_ok=True)
        text = "\n".join(stanza(number, sha256=number != without_hash) for number in range(COUNT))
        existing.write_index(folder, text, "")
        theirs.release("dists/stable")
        keyring = theirs.keyring(tmp_path)
        order = ("--keyring", keyring, "--suite", "stable", "--pool", "none", "--no-publish")
        return manage("adopt_repository", theirs.root, *order)

    return run


def values(database, query):
    with closing(sqlite3.connect(database)) as connection:
        return [value for (value,) in connection.execute(query)]


def test_every_stanza_becomes_a_record_and_a_row_and_one_publication_is_asked_for(adopt, tmp_path):
    said = adopt()
    assert counts(said.stdout) == [COUNT, COUNT, 0, COUNT], said.stderr
    names = [f"tool{number:04}" for number in range(COUNT)]
    [table] = (tmp_path / "home").glob("package*.sqlite3")
    rows = tmp_path / "home" / "django.sqlite3"
    assert sorted(values(table, "SELECT package_name FROM records")) == names
    assert sorted(values(rows, "SELECT package_name FROM packages_app_package")) == names
    assert values(rows, "SELECT subject FROM packages_app_job WHERE kind = 'publish'") == ["stable"]
    assert counts(adopt().stdout) == [COUNT, 0, COUNT, 0]


def test_nothing_is_written_where_one_stanza_is_unsound(adopt, tmp_path):
    refused = adopt(without_hash=700)
    assert refused.returncode == 2
    assert "tool0700" in refused.stderr
    [table] = (tmp_path / "home").glob("package*.sqlite3")
    assert values(table, "SELECT package_name FROM records") == []
