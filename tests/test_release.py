"""A release is a tag: what says its version agrees, and what it is made of is built."""

import subprocess
import sys

import pytest

from packages_app.core.product import product_version
from repomgr.release import faults
from tests import prepared
from tests.stack import REPOSITORY

GOOD = "# Changelog\n\n## Unreleased\n\n## 1.2.0 (2026-01-01)\n\n- Better.\n"


def git(folder, *arguments):
    subprocess.run(["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b", *arguments], check=True)


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "CHANGELOG.md").write_text(GOOD)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "Release")
    return tmp_path


def test_a_commit_is_a_release_where_changelog_tag_and_files_agree(checkout):
    assert list(faults(checkout, "1.2.0")) == []
    git(checkout, "tag", "v1.2.0")
    assert list(faults(checkout, "1.2.0")) == []
    (checkout / "CHANGELOG.md").write_text(GOOD.replace("Unreleased\n", "Unreleased\n\n- New."))
    assert len(list(faults(checkout, "1.2.0"))) == 2  # not committed, and under Unreleased
    git(checkout, "commit", "--quiet", "--all", "--message", "New")
    assert len(list(faults(checkout, "1.2.0"))) == 2  # the tag is another commit now
    assert len(list(faults(checkout, "1.3.0"))) == 2  # which has no section


def test_version_is_ours_and_not_django_s_in_the_shell_and_at_the_foot_of_each_page(embedded, as_member):
    for arguments in (["--version"], ["sweep", "--version"]):
        command = [sys.executable, prepared.MANAGE, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY)
        assert done.stdout.strip() == product_version()
    client = as_member("Viewers")
    for address in (
        "/admin/",
        "/admin/packages_app/package/",
        "/admin/packages_app/publication/snapshots/",
        "/admin/password_change/",
    ):
        assert f"repomgr {product_version()}" in client.get(address).content.decode(), address
