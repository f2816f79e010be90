"""Commands speak to people on a terminal, and in JSON lines where none is there; an error is said once."""

import json
import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from repomgr.servers.process import free_port, process, wait_until
from tests.commands.installation import Installation
from tests.debs import build_deb
from tests.stack import REPOSITORY


@pytest.fixture
def installation(tmp_path, migrated):
    return Installation.make(tmp_path / "home", migrated, PRIVATE_UPSTREAMS="127.0.0.1", LOG_LEVEL="")


def in_json(text):
    """The objects of a text of JSON lines, all of whose lines are such."""
    return [json.loads(line) for line in text.splitlines()]


def test_a_person_is_told_where_a_command_works_and_what_it_does_and_no_json(installation, tmp_path):
    deb = build_deb(tmp_path, "tool", "1.0")
    for command in (["upload_deb", deb], ["publish"], ["force_rebuild"], ["sweep"], ["create_storage"]):
        code, shown = installation.manage_on_a_terminal(*command)
        home, *rest = shown.splitlines()
        assert code == 0, shown
        assert home == (
            f"home {installation.home}, bucket {installation.home}/bucket, "
            f"table {installation.home}/package_table.sqlite3"
        )
        assert [line for line in rest if re.search(r"^\{|\"event\"|\[info", line)] == []
        assert rest


def test_a_person_is_shown_the_first_password_and_a_private_file_has_it_too(installation):
    code, shown = installation.manage_on_a_terminal("first_start")
    assert code == 0, shown
    [password] = re.findall(r"^  Password +(\S+)$", shown, re.MULTILINE)
    kept = installation.home / "first-password"
    assert (kept.read_text().strip(), kept.stat().st_mode & 0o777, str(kept) in shown) == (password, 0o600, True)
    check = "from django.contrib.auth.models import User\nprint(User.objects.get(username='admin').check_password(%r))"
    assert installation.python(check % password) == "True"


def test_an_address_elsewhere_is_named_with_its_server(installation):
    away = f"http://127.0.0.1:{free_port()}"
    elsewhere = installation.with_settings(
        BUCKET_URL=f"s3://apt/deb?region=eu-central-1&endpoint={away}",
        PACKAGE_TABLE_URL=f"dynamodb://packages?region=eu-central-1&endpoint={away}",
    )
    code, shown = elsewhere.manage_on_a_terminal("publish", "nowhere")
    assert code == 2
    assert shown.splitlines()[0] == (
        f"home {installation.home}, bucket s3://apt/deb at {away}, table dynamodb://packages at {away}"
    )


def test_where_no_terminal_is_all_of_standard_error_is_json_lines(installation, tmp_path):
    done = installation.manage("upload_deb", build_deb(tmp_path, "tool", "1.0"))
    assert done.returncode == 0
    events = [line["event"] for line in in_json(done.stderr)]
    assert {"step_began", "step_ended", "suite_published"} <= set(events)
    assert "publish stable: done" in done.stdout


@pytest.mark.parametrize("command", [["publish", "--log-format", "json"], ["publish"]], ids=["asked", "set"])
def test_json_is_for_a_terminal_too_where_it_is_asked_for(installation, command):
    asked = installation if "--log-format" in command else installation.with_settings(LOG_FORMAT="json")
    code, shown = asked.manage_on_a_terminal(*command)
    lines = [line for line in shown.splitlines() if not line.startswith("publish stable: done")]
    assert code == 0
    first, *_ = in_json("\n".join(lines))
    assert (first["event"], first["home"], first["command"]) == ("command_began", str(installation.home), "publish")


def test_people_are_spoken_to_without_a_terminal_too_where_it_is_asked_for(installation):
    for done in (
        installation.manage("publish", "--log-format", "console"),
        installation.with_settings(LOG_FORMAT="console").manage("publish"),
    ):
        assert done.returncode == 0
        assert done.stderr.splitlines()
        assert [line for line in done.stderr.splitlines() if line.startswith("{")] == []


def failures(installation, tmp_path):
    """Commands that fail, with the exit code, the code of the error, and words of its sentence."""
    page = tmp_path / "page.deb"
    page.write_text("<html>")
    installation.define("away", {"type": "external_download", "endpoint": f"http://127.0.0.1:{free_port()}/x.json"})
    return (
        (["publish", "nowhere"], 2, "package_refused", "nowhere is no suite"),
        (["force_rebuild", "nowhere"], 2, "package_refused", "nowhere is no suite"),
        (["sync_packages", "ghost"], 2, "package_refused", "ghost"),
        (["sync_packages", "away"], 75, "upstream_unavailable", "x.json can't be fetched"),
        (["restore_package_table", "--backup-file", str(tmp_path / "absent")], 2, "bad_backup", "absent can't be read"),
        (["adopt_repository", "x", "--unsigned"], 2, "repository_refused", "No suite is named"),
    )


def test_an_error_is_said_once_to_a_person(installation, tmp_path):
    for command, exit_code, code, words in failures(installation, tmp_path):
        ended, shown = installation.manage_on_a_terminal(*command)
        assert ended == exit_code, shown
        assert shown.count(words) == 1, shown
        assert shown.count(f"{code}: ") == 1, shown
        assert '"event"' not in shown


def test_an_error_is_said_once_as_a_line_of_the_log(installation, tmp_path):
    for command, exit_code, code, _ in failures(installation, tmp_path):
        done = installation.manage(*command)
        assert done.returncode == exit_code
        ends = [line for line in in_json(done.stderr) if line["event"] in ("command_failed", "job_failed")]
        assert [(line["event"], line["code"], line["command"]) for line in ends] == [
            ("command_failed", code, command[0])
        ]


def test_a_refused_file_is_named_once(installation, tmp_path):
    page = tmp_path / "page.deb"
    page.write_text("<html>")
    ended, shown = installation.manage_on_a_terminal("upload_deb", page)
    assert ended == 2
    assert shown.count("page.deb: ") == 1
    done = installation.manage("upload_deb", page)
    assert [line["event"] for line in in_json(done.stderr) if line["level"] == "error"].count("part_failed") == 1


def log_format_of(program, home):
    """What LOG_FORMAT says to the process of this program and home; None while there is none."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            environment = (folder / "environ").read_bytes().split(b"\0")
            if program in (folder / "cmdline").read_bytes() and f"REPOMGR_HOME={home}".encode() in environment:
                return next((each[11:].decode() for each in environment if each.startswith(b"LOG_FORMAT=")), "")
    return None


@pytest.mark.parametrize(("watched", "form"), [(True, "console"), (False, "json")])
def test_the_processes_of_a_terminal_speak_to_its_person(installation, watched, form):
    """`make up`, whose processes write to a pipe of ours."""
    there = installation.with_settings(PORT=str(free_port()))
    ours, theirs = pty.openpty()
    try:
        command = (sys.executable, "-m", "repomgr.processes")
        stdout = theirs if watched else subprocess.DEVNULL
        with process(*command, env=there.environment, cwd=REPOSITORY, stdout=stdout, stderr=subprocess.DEVNULL):
            wait_until(lambda: log_format_of(b"repomgr.web", there.home) is not None, "the web process")
            assert log_format_of(b"repomgr.web", there.home) == form
    finally:
        os.close(ours)
        os.close(theirs)
