"""What is withheld from a process it does not have, whoever gives it: environment, settings file, or the home."""

import os

import pytest

from packages_app.core.errors import SigningKeyError
from packages_app.core.home import SECRET_KEY_FILE, make_home
from packages_app.services import adapters
from repomgr.processes import environment_of
from tests import prepared

ASK = """
import os
import django
django.setup()
from django.conf import settings
names = sorted(name for name in os.environ if "KEY" in name)
print(repr(settings.SIGNING_KEY), repr(settings.GITHUB_TOKEN), names, len(settings.SECRET_KEY))
"""


@pytest.fixture
def home(tmp_path):
    make_home(tmp_path)
    (tmp_path / "key.asc").write_text("a key")
    (tmp_path / "repomgr.env").write_text(f"SIGNING_KEY_FILE={tmp_path}/key.asc\nGITHUB_TOKEN=of-the-file\n")
    return tmp_path


def asked(home, **settings):
    environment = {
        "PATH": os.environ["PATH"], "REPOMGR_HOME": str(home), "DJANGO_SETTINGS_MODULE": "repomgr.settings", **settings
    }  # fmt: skip
    return prepared.run(("-c", ASK), env=environment)


def test_neither_the_settings_file_nor_the_environment_gives_what_is_withheld(home):
    assert asked(home).stdout.startswith("'a key' 'of-the-file' ['SIGNING_KEY_FILE']")
    said = asked(home, WITHHELD="SIGNING_KEY,GITHUB_TOKEN", GITHUB_TOKEN="of-the-environment")
    assert said.stdout.startswith("'' '' []"), said.stderr


def test_a_secret_key_that_is_withheld_is_neither_read_nor_made_in_the_home(home):
    assert asked(home, WITHHELD="SECRET_KEY").stdout.endswith(" 86\n")
    assert not (home / SECRET_KEY_FILE).exists()
    (home / SECRET_KEY_FILE).write_text("of the home")
    assert asked(home).stdout.endswith(" 11\n")
    assert asked(home, WITHHELD="SECRET_KEY").stdout.endswith(" 86\n")


def test_a_name_that_is_no_settings_is_refused(home):
    said = asked(home, WITHHELD="SIGNING_KYE").stderr
    assert "SIGNING_KYE" in said.splitlines()[-1]


def test_the_key_of_the_home_is_not_read_where_it_is_withheld(embedded, settings):
    assert adapters.signer().fingerprint
    settings.WITHHELD = frozenset({"SIGNING_KEY"})
    with pytest.raises(SigningKeyError, match="WITHHELD"):
        adapters.signer()


@pytest.mark.parametrize(("process", "lacks"), [
    ("web", {"SIGNING_KEY", "SIGNING_KEY_FILE"}),
    ("beat", {"SIGNING_KEY", "SIGNING_KEY_FILE", "SECRET_KEY", "AWS_SECRET_ACCESS_KEY", "NOTIFY_URLS"}),
    ("worker1", set()),
    ("publisher", set()),
])  # fmt: skip
def test_a_process_is_started_without_what_it_has_no_use_for(monkeypatch, process, lacks):
    all_of_them = {"SIGNING_KEY", "SIGNING_KEY_FILE", "SECRET_KEY", "AWS_SECRET_ACCESS_KEY", "NOTIFY_URLS"}
    for name in all_of_them:
        monkeypatch.setenv(name, "x")
    made = environment_of(process)
    assert all_of_them - made.keys() == lacks
    assert {name.removesuffix("_FILE") for name in lacks} <= {*made.get("WITHHELD", "").split(",")}
    assert "PATH" in made
