"""One settings file for the server and every command, read alike by systemd and compose; the environment over it."""

import os
import re
import subprocess
import sys

import botocore.configprovider
import botocore.credentials
import environ
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packages_app.core.errors import SettingsError
from packages_app.core.home import make_home
from packages_app.signing.openpgp import OpenPgpSigner, generate_key, verified_text
from repomgr.setting_meanings import MEANINGS
from repomgr.settings_file import OTHERS, add_values, read_settings
from tests import prepared
from tests.commands.installation import Installation
from tests.stack import REPOSITORY

ASK = "from django.conf import settings; print(settings.PORT, settings.VERIFY_SAMPLE, settings.SETTINGS_FILE)"


@pytest.fixture
def home(tmp_path):
    make_home(tmp_path / "home")
    return tmp_path / "home"


def asked(home, **environment):
    """What a process with this environment takes the settings for."""
    given = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "repomgr.settings", "REPOMGR_HOME": str(home)}
    return prepared.run(("-c", ASK), env=given | environment)


def values_of(folder, text):
    file = folder / "some.env"
    file.write_text(text)
    return read_settings(file)


def test_the_file_in_the_home_is_read_and_the_environment_stands_over_it(home, tmp_path):
    (home / "repomgr.env").write_text("# ours\n\nPORT=8123\nVERIFY_SAMPLE=7\n")
    assert asked(home).stdout.split() == ["8123", "7", str(home / "repomgr.env")]
    assert asked(home, PORT="9000").stdout.split()[:2] == ["9000", "7"]
    assert asked(home, PORT="").stdout.split()[:2] == ["8123", "7"]
    (tmp_path / "port").write_text("9001")
    assert asked(home, PORT_FILE=str(tmp_path / "port")).stdout.split()[:2] == ["9001", "7"]
    (home / "repomgr.env").write_text(f"PORT_FILE={tmp_path}/port\n")
    assert asked(home).stdout.split()[:2] == ["9001", "100"]
    assert asked(home, PORT="9000").stdout.split()[0] == "9000"


def test_a_file_that_is_named_says_where_the_home_is(home, tmp_path):
    (tmp_path / "server.env").write_text(f"REPOMGR_HOME={home}\nVERIFY_SAMPLE=7\n")
    given = {"REPOMGR_HOME": "", "REPOMGR_SETTINGS": str(tmp_path / "server.env")}
    assert asked(home, **given).stdout.split() == ["8000", "7", str(tmp_path / "server.env")]
    gone = asked(home, REPOMGR_SETTINGS=str(tmp_path / "absent.env"))
    assert gone.returncode != 0
    assert "REPOMGR_SETTINGS" in gone.stderr.splitlines()[-1]


def test_a_bucket_that_is_the_home_serves_nobody_the_keys(home):
    (home / "repomgr.env").write_text(f"BUCKET_URL=file://{home}\n")
    for change in ({}, {"BUCKET_URL": f"file://{home}/staging"}):
        refused = asked(home, **change)
        assert refused.returncode != 0
        assert "BUCKET_URL" in refused.stderr.splitlines()[-1]
    assert asked(home, BUCKET_URL=f"file://{home}/packages").returncode == 0


def test_every_command_and_process_ends_with_the_name_that_is_unknown(home):
    (home / "repomgr.env").write_text("PROT=8123\nVERIFY_SAMPEL_FILE=/x\n")
    given = {"PATH": os.environ["PATH"], "REPOMGR_HOME": str(home)}
    for command in (["manage.py", "publish"], ["manage.py", "first_start"], ["-m", "repomgr.processes", "web"],
                    ["-m", "repomgr.processes"], ["-m", "repomgr.distributed"]):  # fmt: skip
        done = subprocess.run(
            [sys.executable, *command], env=given, cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
        [said] = done.stderr.splitlines()
        assert (done.returncode, said.partition(":")[0]) == (2, "bad_setting"), command
        assert {"PROT", "PORT", "VERIFY_SAMPEL_FILE"} <= set(said.replace("?", " ").replace(")", " ").split()), said


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("#PORT=1\n  # x\n\t\n", {}),
        ("PORT=1", {"PORT": "1"}),
        ("  PORT=1 \t\r\nWORKERS=2\r\n", {"PORT": "1", "WORKERS": "2"}),
        ("PORT=", {"PORT": ""}),
        ("PUBLIC_URL=https://a/b#c?d=e&f=g", {"PUBLIC_URL": "https://a/b#c?d=e&f=g"}),
        ("NOTIFY_KINDS=a, b", {"NOTIFY_KINDS": "a, b"}),
        (r"SECRET_KEY='a $b \c #d " + '"e"' + "'", {"SECRET_KEY": r"a $b \c #d " + '"e"'}),
        ('SECRET_KEY="it\'s #1"', {"SECRET_KEY": "it's #1"}),
        ("SECRET_KEY=''", {"SECRET_KEY": ""}),
        ("AWS_PROFILE=x\nSSL_CERT_FILE=/etc/x", {"AWS_PROFILE": "x", "SSL_CERT_FILE": "/etc/x"}),
    ],
)
def test_lines_are_read_as_they_are_meant(tmp_path, text, values):
    assert values_of(tmp_path, text) == values


@pytest.mark.parametrize(
    "text",
    [
        "export PORT=1", "PORT", "PORT 1", "PORT =1", "port=1", "PORT: 1", "[Service]", "=1", "S3CR3T-S3CR3T",
        "SECRET_KEY=S3CR3T # old", "SECRET_KEY=#S3CR3T", "SECRET_KEY=S3CR3T$x", r"SECRET_KEY=S3CR3T\n",
        "SECRET_KEY='S3CR3T", "SECRET_KEY=S3CR3T'", "SECRET_KEY='S3CR3T' x", "SECRET_KEY='S3'CR3T'",
        'SECRET_KEY="S3$CR3T"',
        "SECRET_KEY='S3CR3T\\'", "SECRET_KEY=S3CR3T\u00a0", "SECRET_KEY=S3CR3T\0", "SECRET_KEY='S3\nCR3T'",
        "SECRET_KEY=S3CR3T\u2028x", "\ufeffPORT=1", "PORT=1\nPORT=1", "SECRET_KEY=S3CR3T\nSECRET_KEY_FILE=/x",
        "SECRET_KEY_FILE=secret", "REPOMGR_CONFIG=config", "REPOMGR_SETTINGS=/x", "AWS_REGIONN=x",
        "AWS_PROFILE_FILE=/x", "PORT_FILE_FILE=/x", "HOME=/x", "PATH=/x",
    ],
)  # fmt: skip
def test_a_line_that_is_none_is_refused_by_its_number_and_no_secret_is_shown(tmp_path, text):
    with pytest.raises(SettingsError) as refused:
        values_of(tmp_path, f"WORKERS=1\n{text}\n")
    assert re.search(r"line [23]:", refused.value.message)
    assert str(tmp_path / "some.env") in refused.value.message
    assert "S3" not in str(refused.value).replace("AWS_S3", "")


def test_all_lines_that_are_wrong_are_named_at_once(tmp_path):
    with pytest.raises(SettingsError) as refused:
        values_of(tmp_path, "PROT=1\nWORKERS\nBIND=1\nBUKET_URL=/x\n")
    message = refused.value.message
    assert [word for word in ("line 1:", "line 2:", "line 3:", "line 4:") if word in message] == [
        "line 1:", "line 2:", "line 4:",
    ]  # fmt: skip


def test_a_file_that_can_not_be_read_is_refused(home, tmp_path):
    (home / "repomgr.env").write_bytes(b"PORT=\xff\n")
    assert "SettingsError" in asked(home).stderr
    (home / "repomgr.env").unlink()
    (home / "repomgr.env").mkdir()
    assert "SettingsError" in asked(home).stderr
    (home / "repomgr.env").rmdir()
    (home / "repomgr.env").symlink_to(tmp_path / "not mounted")
    assert "not mounted" in asked(home).stderr.splitlines()[-1]
    (home / "repomgr.env").unlink()
    os.mkfifo(home / "repomgr.env")
    assert "SettingsError" in asked(home).stderr


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("\ufeffPORT=1\n", "byte order mark"), ("\ufeff# ours\nPORT=1\n", "byte order mark"),
        ("export PORT=1\n", "export"), ("PORT=1\nPORT=1\n", "PORT stands in line 1"),
    ],
)  # fmt: skip
def test_what_editors_and_shells_add_is_named(tmp_path, text, named):
    with pytest.raises(SettingsError, match=named):
        values_of(tmp_path, text)


def test_the_home_s_own_file_does_not_lead_to_another_home(home, tmp_path):
    (home / "repomgr.env").write_text(f"REPOMGR_HOME={tmp_path}\n")
    assert "REPOMGR_HOME" in asked(home).stderr.splitlines()[-1]


def test_empty_counts_as_not_set():
    environment = {"PORT": "", "SIGNING_KEY_FILE": "/key", "HTTPS_PROXY": "x"}
    add_values(environment, {"PORT": "1", "SIGNING_KEY": "k", "HTTPS_PROXY": "y", "WORKERS": "", "NO_PROXY": "z"})
    assert environment == {"PORT": "1", "SIGNING_KEY_FILE": "/key", "HTTPS_PROXY": "x", "NO_PROXY": "z"}


@given(
    st.dictionaries(st.sampled_from(sorted(MEANINGS)[:6]), st.text(max_size=12), max_size=3), st.sampled_from("'\" ")
)
def test_what_is_taken_another_reader_of_such_files_reads_the_same(tmp_path_factory, values, quote):
    """django-environ's reader, as the judge."""
    file = tmp_path_factory.mktemp("judged") / "some.env"
    mark = quote.strip()
    file.write_text("".join(f"{name}={mark}{value}{mark}\n" for name, value in values.items()), newline="")
    try:
        taken = read_settings(file)
    except SettingsError:
        return
    read: dict[str, str] = {}

    class Judge(environ.Env):
        ENVIRON = read

    Judge.read_env(str(file))
    assert {name: value.strip() for name, value in read.items()} == {
        name: value.strip() for name, value in taken.items()
    }


def test_names_of_amazon_s_are_those_that_its_library_reads():
    variables = botocore.configprovider.BOTOCORE_DEFAUT_SESSION_VARIABLES
    read = {
        name for _, names, *_ in variables.values() for name in ([names] if isinstance(names, str) else names or [])
    }
    provider = botocore.credentials.EnvProvider
    read |= {provider.ACCESS_KEY, provider.SECRET_KEY, *provider.TOKENS, "AWS_EC2_METADATA_DISABLED"}
    read |= set(botocore.credentials.AssumeRoleWithWebIdentityProvider._CONFIG_TO_ENV_VAR.values())
    assert {name for name in OTHERS if name.startswith("AWS_")} - read == set()


def test_a_shell_without_the_server_s_environment_signs_with_the_server_s_key(tmp_path, migrated):
    key = generate_key("The server's")
    (tmp_path / "key.asc").write_text(key)
    installation = Installation.make(tmp_path / "home", migrated)
    (tmp_path / "home" / "signing-key.asc").unlink()
    (tmp_path / "home" / "repomgr.env").write_text(f"SIGNING_KEY_FILE={tmp_path}/key.asc\nAPT_CHECK=off\n")
    assert installation.manage("publish").returncode == 0
    release = (tmp_path / "home" / "bucket" / "dists" / "stable" / "InRelease").read_bytes()
    assert verified_text(release, OpenPgpSigner(key).public_keyring()) is not None
    assert not (tmp_path / "home" / "signing-key.asc").exists()
