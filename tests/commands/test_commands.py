"""Commands: what they print, what they change, and exit codes that mean something."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model

from packages_app.core.home import make_home
from packages_app.management.terminal import TerminalProgress
from packages_app.models import Job, Publication
from packages_app.services import adapters
from repomgr.servers.process import free_port
from tests import prepared
from tests.commands.calling import call, refused
from tests.debs import build_deb
from tests.reader import read_everything
from tests.stack import REPOSITORY


def named_password(said):
    """The password that a first start shows or keeps in the file that it names, "" when it does neither."""
    named = re.search(r"^  Password +(?:in the file )?(\S+)$", said, re.MULTILINE)
    if named is None:
        return ""
    return Path(named[1]).read_text().strip() if named[1].startswith("/") else named[1]


def admins_password_is(password):
    return get_user_model().objects.get(username="admin").check_password(password)


def published(stack):
    return {key[:2] for key in read_everything(stack.bucket, adapters.signer().public_keyring())}


def test_an_upload_is_published_at_once(embedded, tmp_path):
    embedded.define_uploads("tool")
    said = call("upload_deb", build_deb(tmp_path, "tool", "1.0"), build_deb(tmp_path, "tool", "1.1"))
    assert "publish stable: done" in said
    assert published(embedded) == {("tool", "1.0"), ("tool", "1.1")}
    assert Publication.objects.count() == 1


def test_a_refused_upload_does_not_stop_the_others_and_decides_the_code(embedded, tmp_path):
    embedded.define_uploads("tool")
    page = tmp_path / "page.deb"
    page.write_text("<html>")
    assert refused("upload_deb", page, build_deb(tmp_path, "tool", "1.0")).returncode == 2
    assert published(embedded) == {("tool", "1.0")}
    assert refused("upload_deb", tmp_path / "absent.deb").returncode == 1


def test_a_conflict_ends_with_its_own_code(embedded, tmp_path):
    embedded.define_uploads("tool")
    call("upload_deb", build_deb(tmp_path / "a", "tool", "1.0"))
    other = build_deb(tmp_path / "b", "tool", "1.0", files={"usr/x": b"other"})
    assert refused("upload_deb", other, "--no-publish").returncode == 2


def test_publish_and_force_rebuild(embedded, tmp_path):
    embedded.define_uploads("tool")
    call("upload_deb", build_deb(tmp_path, "tool", "1.0"), "--no-publish")
    assert Publication.objects.count() == 0
    assert "publish stable: done" in call("publish")
    assert "force rebuild stable: done" in call("force_rebuild", "stable")
    assert Publication.objects.first().kind == "force_rebuild"
    assert refused("publish", "nowhere").returncode == 2
    assert refused("force_rebuild", "nowhere").returncode == 2


def test_a_suite_that_another_publisher_has_is_left_to_a_worker(embedded):
    lease = embedded.table.take_lease("publish:stable", "another", 60)
    assert "a worker has it" in call("publish")
    embedded.table.release_lease(lease)


def test_sync_reports_what_came(embedded):
    assert "check upstream all: done" in call("sync_packages")
    assert refused("sync_packages", "ghost").returncode == 2


def test_create_storage_says_what_it_made(embedded, settings, tmp_path):
    assert "bucket: is there" in call("create_storage")
    settings.BUCKET = type(settings.BUCKET)(tmp_path / "another")
    assert "bucket: made" in call("create_storage")


def test_a_new_table_has_a_key_before_the_first_package_is_in_it(embedded, settings, tmp_path):
    settings.SIGNING_KEY, settings.SIGNING_KEY_FILE = "", tmp_path / "a key.asc"
    settings.BUCKET = type(settings.BUCKET)(tmp_path / "another")
    call("create_storage")
    assert not settings.SIGNING_KEY_FILE.exists()
    settings.PACKAGE_TABLE = type(settings.PACKAGE_TABLE)(tmp_path / "another.sqlite3")
    call("create_storage")
    assert settings.SIGNING_KEY_FILE.exists()


def test_the_doctor_has_a_line_for_each_probe(embedded, settings, tmp_path):
    said = call("doctor").splitlines()
    names = [
        "package table",
        "bucket",
        "staging",
        "broker",
        "database",
        "audit trail",
        "signing key",
        "clock",
        "definitions",
        "solver",
        "private files",
        "disk space",
    ]
    assert [line.partition(":")[0] for line in said] == [f"ok   {name}" for name in names]
    settings.BUCKET = type(settings.BUCKET)(tmp_path / "absent")
    assert refused("doctor").returncode == 1


def test_a_first_start_is_complete_and_a_second_changes_nothing(embedded):
    first = call("first_start")
    assert admins_password_is(named_password(first))
    assert "https://apt.example.org/kiro-repo.deb && sudo apt install ./kiro-repo.deb" in first
    assert published(embedded) == {("kiro-repo", "1.0.0")}
    before = embedded.dists(), embedded.records(), Job.objects.count()
    again = call("first_start")
    assert "  Password " in again
    assert named_password(again) == ""
    assert (embedded.dists(), embedded.records(), Job.objects.count()) == before
    assert get_user_model().objects.count() == 1


def test_the_first_password_is_in_a_private_file_and_in_no_log_until_it_serves_no_more(embedded, capfd):
    first = call("first_start")
    kept = embedded.home / "first-password"
    assert str(kept) in first
    assert kept.stat().st_mode & 0o777 == 0o600
    password = kept.read_text().strip()
    assert admins_password_is(password)
    assert password not in first + "".join(capfd.readouterr())
    call("first_start")
    assert kept.read_text().strip() == password
    assert str(kept) in capfd.readouterr().err  # that it still serves is a warning
    admin = get_user_model().objects.get(username="admin")
    admin.set_password("another-one")
    admin.save()
    call("first_start")
    assert not kept.exists()


def test_a_file_of_a_start_that_was_ended_is_replaced(embedded):
    (embedded.home / "first-password").write_text("of nobody")
    assert admins_password_is(named_password(call("first_start")))


def test_a_first_start_without_dpkg_deb_still_publishes_and_says_what_is_missing(
    embedded, monkeypatch, tmp_path, capsys
):
    monkeypatch.setenv("PATH", str(tmp_path))
    call("first_start")
    said = capsys.readouterr().err
    assert "kiro-repo" in said
    assert "dpkg-deb" in said
    assert published(embedded) == set()


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for stream, bar in ((io.StringIO(), False), (Terminal(), True)):
        progress = TerminalProgress(stream)
        progress.step("fetch", "tool")
        progress.advance(50, 100)
        progress.note("look", level="warning")
        progress.end("done")
        assert "fetch: tool\n" in stream.getvalue()
        assert "warning: look" in stream.getvalue()
        assert ("50%" in stream.getvalue()) is bar


def settings_say(tmp_path, **environment):
    make_home(tmp_path / "home")
    said = "import repomgr.settings as s; print(s.SECRET_KEY, s.BUCKET, s.PUBLIC_URL)"
    given = {"PATH": "/usr/bin:/bin", "REPOMGR_HOME": str(tmp_path / "home"), **environment}
    return prepared.run(("-c", said), env=given)


def test_settings_are_read_from_the_environment_and_from_files(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("from-a-file\n")
    done = settings_say(
        tmp_path, SECRET_KEY_FILE=str(secret), BUCKET_URL="s3://b", PUBLIC_URL="https://apt.example.org/"
    )
    assert done.stdout.startswith("from-a-file S3Store(bucket='b'")
    assert done.stdout.endswith("https://apt.example.org\n")


def test_a_secret_key_is_made_once_and_kept_privately(tmp_path):
    first, second = settings_say(tmp_path), settings_say(tmp_path)
    assert first.stdout == second.stdout
    assert (tmp_path / "home" / "secret-key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"), ("PORT", "0"), ("PORT", "70000"), ("BUCKET_URL", "bucket"), ("DATABASE_URL", "oracle://x"),
        ("DATABASE_URL", "sqlite:////x?timeout=soon"), ("DATABASE_URL", "sqlite:////x?timeout=0"),
        ("BROKER_URL", "smoke://signals"), ("PUBLIC_URL", "apt.example.org"), ("SECRET_KEY_FILE", "/does/not/exist"),
        ("PACKAGE_TABLE_URL", "table"), ("BEHIND_HTTPS", "perhaps"), ("LOG_FORMAT", "xml"),
    ],
)  # fmt: skip
def test_nonsense_in_a_setting_is_refused_by_its_name(tmp_path, name, value):
    done = settings_say(tmp_path, **{name: value})
    assert done.returncode != 0
    assert "SettingsError" in done.stderr
    assert name.removesuffix("_FILE") in done.stderr.splitlines()[-1]
    assert "Remedy:" in done.stderr


def test_logs_hide_secrets():
    from repomgr.logs import redact_secrets

    event = redact_secrets(
        None,
        "info",
        {
            "event": "x",
            "password": "p",
            "url": "postgres://user:hidden@host/db",
            "error": "-----BEGIN PGP PRIVATE KEY BLOCK-----\nabc\n-----END PGP PRIVATE KEY BLOCK-----",
        },
    )
    assert event == {
        "event": "x",
        "password": "(hidden)",
        "url": "postgres://user:(hidden)@host/db",
        "error": "(hidden key)",
    }


def test_a_broker_that_is_away_costs_time_and_no_work(tmp_path):
    environment = {
        "PATH": "/usr/bin:/bin",
        "REPOMGR_HOME": str(tmp_path),
        "BROKER_URL": f"redis://127.0.0.1:{free_port()}/0",
    }

    def manage(*arguments):
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    started = manage("first_start")
    assert started.returncode == 0, started.stderr
    assert '"event": "broker_away"' in started.stderr
    assert (tmp_path / "bucket/dists/stable/InRelease").exists()
    examined = manage("doctor")
    assert examined.returncode == 1
    [broker] = [line for line in examined.stdout.splitlines() if " broker: " in line]
    assert broker.startswith("FAIL ")
    assert "BROKER_URL" in examined.stdout
