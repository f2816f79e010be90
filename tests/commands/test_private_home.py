"""The home: made by a first start alone, and for its owner alone whatever the umask; the doctor looks."""

import os
import shutil
import stat
import subprocess
import sys

import pytest

from packages_app.core.locations import FolderStore
from packages_app.stores.local_store import LocalObjectStore
from repomgr.servers.process import free_port, process, wait_until
from tests import prepared
from tests.commands.installation import Installation
from tests.debs import build_deb
from tests.stack import REPOSITORY

OTHERS = 0o077


def manage(home, *arguments, umask=0o022, **settings):
    environment = {"PATH": os.environ["PATH"], "REPOMGR_HOME": str(home), "APT_CHECK": "off", **settings}
    return prepared.run((prepared.MANAGE, *arguments), env=environment, cwd=home.parent, umask=umask)


def open_to_others(home):
    """What is not the owner's alone, the public bucket's objects left out."""
    public = home / "bucket"
    return sorted(
        f"{path.relative_to(home)} {path.lstat().st_mode & 0o777:o}"
        for path in (home, *home.rglob("*"))
        if path.lstat().st_mode & OTHERS and path != public and public not in path.parents
    )


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """A home that was made under a umask that hides nothing."""
    home = tmp_path_factory.mktemp("started") / "home"
    done = manage(home, "first_start", umask=0)
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture
def home(started, tmp_path):
    shutil.copytree(started, tmp_path / "home")
    return tmp_path / "home"


def test_a_home_is_its_owner_s_alone_whatever_the_umask(started):
    assert open_to_others(started) == []
    assert stat.S_IMODE(started.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in started.glob("*.sqlite3")} == {0o600}


@pytest.mark.parametrize("umask", [0, 0o077])
def test_what_clients_read_is_open_to_a_web_server_of_another_user_in_a_bucket_elsewhere(home, tmp_path, umask):
    bucket = tmp_path / "srv" / "apt"
    done = manage(home, "create_storage", umask=umask, BUCKET_URL=f"file://{bucket}")
    assert done.returncode == 0, done.stderr
    done = manage(home, "force_rebuild", "--repair", umask=umask, BUCKET_URL=f"file://{bucket}")
    published = [path for path in bucket.rglob("*") if ".repomgr" not in path.parts]
    assert len(published) > 10
    assert {stat.S_IMODE(path.stat().st_mode) for path in published} == {0o755, 0o644}
    assert stat.S_IMODE(bucket.parent.stat().st_mode) == 0o755
    assert stat.S_IMODE((bucket / ".repomgr").stat().st_mode) == 0o700


def test_processes_at_work_leave_nothing_open(home, tmp_path):
    environment = {
        "PATH": os.environ["PATH"], "REPOMGR_HOME": str(home), "PORT": str(free_port()), "APT_CHECK": "off",
    }  # fmt: skip
    command = (sys.executable, "-m", "repomgr.processes")
    with process(*command, env=environment, cwd=REPOSITORY, umask=0, stdout=subprocess.DEVNULL):
        # SQLite's files beside a database are there while somebody has it open.
        wait_until((home / "django.sqlite3-wal").exists, "a database that is in use")
        done = manage(home, "publish", umask=0)
        assert done.returncode == 0, done.stderr
        assert open_to_others(home) == []


def test_the_home_of_an_earlier_release_is_mended_and_that_is_said(home):
    for path in (home, *home.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    examined = manage(home, "doctor")
    assert examined.returncode == 1
    [line] = [line for line in examined.stdout.splitlines() if line.startswith("FAIL")]
    assert f"{home} has mode 0755" in line
    done = manage(home, "first_start", "--log-format", "console")
    assert done.returncode == 0, done.stderr
    assert "BUCKET_URL" in next(line for line in done.stderr.splitlines() if "open to other users" in line)
    assert open_to_others(home) == []
    assert stat.S_IMODE((home / "bucket" / "dists" / "stable" / "InRelease").stat().st_mode) == 0o644
    assert manage(home, "doctor").returncode == 0
    assert "open to other users" not in manage(home, "first_start", "--log-format", "console").stderr


@pytest.mark.parametrize(
    "name",
    [
        "django.sqlite3",
        "package_table.sqlite3",
        "secret-key",
        "signing-key.asc",
        "repomgr.env",
        "staging",
        "broker/queue",
    ],
)  # fmt: skip
def test_the_doctor_names_path_and_mode(home, name):
    path = home / name
    path.touch()
    path.chmod(stat.S_IMODE(path.stat().st_mode) | 0o004)
    examined = manage(home, "doctor")
    [line] = [line for line in examined.stdout.splitlines() if line.startswith("FAIL")]
    assert examined.returncode == 1
    assert f"{path} has mode 0{stat.S_IMODE(path.stat().st_mode):o}" in line


@pytest.mark.parametrize(("text", "well"), [("PORT=8123\n", True), ("SECRET_KEY=0123456789\n", False)])
def test_a_settings_file_elsewhere_is_private_where_it_holds_a_secret(home, tmp_path, text, well):
    file = tmp_path / "server.env"
    file.write_text(text)
    file.chmod(0o644)
    examined = manage(home, "doctor", REPOMGR_SETTINGS=str(file))
    assert (examined.returncode == 0) is well
    assert (f"{file} has mode 0644" in examined.stdout) is not well


def test_databases_and_staging_elsewhere_are_looked_at_too(home, tmp_path):
    places = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/a.sqlite3",
        "PACKAGE_TABLE_URL": f"sqlite://{tmp_path}/b.sqlite3",
        "STAGING_URL": f"file://{tmp_path}/staging",
    }
    assert manage(home, "first_start", umask=0, **places).returncode == 0
    made = [tmp_path / "a.sqlite3", tmp_path / "b.sqlite3", tmp_path / "staging"]
    assert [path for path in made if path.stat().st_mode & OTHERS] == []
    for path in made:
        path.chmod(path.stat().st_mode | 0o040)
        assert f"{path} has mode" in manage(home, "doctor", **places).stdout
        path.chmod(path.stat().st_mode & ~0o040)
    assert manage(home, "doctor", **places).returncode == 0


def test_a_public_file_that_moves_to_staging_stays_public_until_it_goes(tmp_path):
    bucket, staging = (
        LocalObjectStore(FolderStore(tmp_path / "bucket")),
        LocalObjectStore(FolderStore(tmp_path / "staging"), private=True),
    )
    bucket.create()
    staging.create()
    bucket.put("pool/a.deb", b"a")
    with bucket.as_local_file("pool/a.deb") as file:
        staging.put("orphans/a.deb", file)
    assert stat.S_IMODE((tmp_path / "bucket/pool/a.deb").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "staging/orphans/a.deb").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "staging/orphans").stat().st_mode) == 0o700
    staging.put_many_new([("many/b.deb", b"b")])
    assert stat.S_IMODE((tmp_path / "staging/many/b.deb").stat().st_mode) == 0o600


COMMANDS = (
    ("publish",), ("force_rebuild",), ("create_storage",), ("doctor",), ("sync_packages",), ("sweep", "--dry-run"),
    ("verify_repository",), ("upload_deb", "x.deb"), ("build_kiro_repo", "--increment", "minor"), ("migrate",),
    ("createsuperuser", "--noinput"), ("shell", "-c", "1"), ("axes_reset",), ("collectstatic", "--noinput"),
    ("showmigrations",), ("restore_package_table", "--backup-file", "x"), ("flush", "--noinput"),
    ("adopt_repository", "x", "--unsigned", "--suite", "stable"), ("migrate_package_table", "--from-table", "x"),
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_no_command_but_a_first_start_makes_a_home(tmp_path, command):
    done = manage(tmp_path / "home", *command)
    assert (done.returncode, done.stderr.partition(":")[0]) == (2, "home_missing")
    assert str(tmp_path / "home") in done.stderr
    assert "Remedy: " in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_process_makes_a_home_and_help_needs_none(tmp_path):
    environment = {"PATH": os.environ["PATH"], "REPOMGR_HOME": str(tmp_path / "home")}
    for names in ((), ("web",), ("worker1",), ("beat",)):
        command = [sys.executable, "-m", "repomgr.processes", *names]
        done = subprocess.run(
            command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=300
        )
        assert (done.returncode, done.stderr.partition(":")[0]) == (2, "home_missing")
    for arguments in (("publish", "--help"), ("first_start", "--help"), ("help",), ("--version",), ("check",)):
        assert manage(tmp_path / "home", *arguments).returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_and_no_home_is_not_taken_for_one(tmp_path):
    """A disk that is not mounted, or a name that was mistyped."""
    mounted = tmp_path / "mounted"
    (mounted / "lost+found").mkdir(parents=True)
    assert manage(mounted, "publish").returncode == 2
    assert [path.name for path in mounted.iterdir()] == ["lost+found"]


def test_where_all_is_elsewhere_an_empty_folder_will_do(tmp_path):
    elsewhere = {
        "PACKAGE_TABLE_URL": "dynamodb://x", "BUCKET_URL": "s3://x", "STAGING_URL": "s3://y", "SECRET_KEY": "x" * 50,
        "DATABASE_URL": f"postgres://a@127.0.0.1:{free_port()}/a", "BROKER_URL": "redis://127.0.0.1/0",
        "SIGNING_KEY": "x",
    }  # fmt: skip
    (tmp_path / "home").mkdir()
    away = manage(tmp_path / "home", "showmigrations", **elsewhere)
    assert "home_missing" not in away.stderr
    assert manage(tmp_path / "home2", "showmigrations", **elsewhere).returncode == 2
    del elsewhere["SECRET_KEY"]
    (tmp_path / "home3").mkdir()
    assert manage(tmp_path / "home3", "showmigrations", **elsewhere).returncode == 2


def test_another_user_of_the_machine_reads_nothing(home):
    """The kernel as the judge: a process without root's rights and of another user."""
    if os.geteuid() != 0:
        pytest.skip("only root may become another user")
    for folder in home.parents:
        if folder.stat().st_mode & 0o001 == 0:
            folder.chmod(folder.stat().st_mode | 0o001)
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "cat"]
    for name in ("django.sqlite3", "secret-key", "signing-key.asc", "bucket/dists/stable/InRelease"):
        done = subprocess.run([*command, str(home / name)], capture_output=True, text=True, check=False)
        assert done.returncode != 0
        assert "ermission denied" in done.stderr


def test_a_command_of_another_user_is_told_so(home):
    if os.geteuid() != 0:
        pytest.skip("only root may give a home to another user")
    for path in (home, *home.rglob("*")):
        os.chown(path, 65534, 65534)
    # As root a process minds no rights, unless it was made to.
    powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", sys.executable, str(REPOSITORY / "manage.py")]
    for settings, code in (({}, "bad_setting"), ({"REPOMGR_SETTINGS": "/dev/null"}, "home_missing")):
        environment = {"PATH": os.environ["PATH"], "REPOMGR_HOME": str(home), **settings}
        done = subprocess.run(
            [*powerless, "publish"], env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert (done.returncode, done.stderr.partition(":")[0]) == (2, code), done.stderr
        assert "Run this as the user that the server runs as" in done.stderr


def test_a_record_and_its_file_can_be_taken_in(home, tmp_path, migrated):
    """What is private in staging is public in the pool."""
    installation = Installation.make(tmp_path / "own", migrated)
    assert installation.manage("upload_deb", build_deb(tmp_path, "tool", "1.0")).returncode == 0
    [deb] = (tmp_path / "own" / "bucket" / "pool").rglob("tool_*.deb")
    assert stat.S_IMODE(deb.stat().st_mode) == 0o644
