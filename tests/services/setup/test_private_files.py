"""What of a home is its owner's alone, in this process; `tests/commands/test_private_home.py` looks by commands."""

import os
import stat

import pytest

from packages_app.core.ports import Silent
from packages_app.services.setup.private_files import close_to_others, paths_open_to_others


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def private(embedded):
    embedded.home.chmod(0o700)
    close_to_others(Silent())
    assert list(paths_open_to_others()) == []
    return embedded.home


@pytest.mark.parametrize("ending", ["", "-wal", "-shm", "-journal"])
def test_what_sqlite_keeps_beside_a_database_is_as_private_as_the_database(private, ending):
    path = private / f"package_table.sqlite3{ending}"
    path.touch()
    path.chmod(0o640)
    assert [(each.path, each.mode) for each in paths_open_to_others()] == [(path, 0o640)]
    assert close_to_others(Silent()) == 1
    assert mode_of(path) == 0o600


def test_a_folder_that_all_may_write_to_is_named_and_left(private):
    private.chmod(0o1777)
    assert close_to_others(Silent()) == 1
    assert mode_of(private) == 0o1777


def test_of_a_file_that_is_a_public_object_too_nothing_is_private(private):
    public = private / "bucket" / "tool.deb"
    public.write_bytes(b"for all")
    public.chmod(0o644)
    os.link(public, private / "staging" / "tool.deb")
    assert list(paths_open_to_others()) == []
    public.unlink()
    assert [each.path for each in paths_open_to_others()] == [private / "staging" / "tool.deb"]
