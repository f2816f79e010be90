"""A repository that another tool has made."""

import pytest

from tests.adoption import existing
from tests.debs import build_deb


@pytest.fixture
def debs(tmp_path):
    folder = tmp_path / "debs"
    return [
        build_deb(folder, "hello", "1.0", Pre_Depends="libc6", Provides="greeter (= 1)"),
        build_deb(folder, "hello", "1:2.0~rc1+b1-1", Depends="libc6 (>= 2.34) | musl"),
        build_deb(folder, "libgreet", "0.1", "all", Description="greets\n At\n .\n length."),
    ]


@pytest.fixture
def theirs(tmp_path, debs):
    return existing.plain(tmp_path / "theirs", debs)


@pytest.fixture
def order(theirs, tmp_path):
    return (theirs.root, "--keyring", theirs.keyring(tmp_path), "--suite", "stable")
