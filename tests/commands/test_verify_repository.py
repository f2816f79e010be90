"""`verify_repository`: a line a finding, an exit code, and a repair only on consent."""

import io
import json
import sys

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from tests.commands.calling import call, refused
from tests.values import numbers_in
from tests.verified import COPY

TOOL = "pool/main/t/tool/tool_1.0+b~1_amd64.deb"


class Terminal(io.StringIO):
    """A person who types."""

    def isatty(self):
        return True


def run(*arguments):
    """Run the command; gives (exit code, standard output, what people read besides)."""
    out, besides = io.StringIO(), io.StringIO()
    try:
        call_command("verify_repository", *arguments, stdout=out, stderr=besides)
    except CommandError as error:
        return error.returncode, out.getvalue(), besides.getvalue()
    return 0, out.getvalue(), besides.getvalue()


def test_a_sound_repository_ends_with_0(standing):
    said = call("verify_repository")
    [*_, counted] = said.splitlines()
    assert "(seed " in counted
    assert (numbers_in(counted)[:2], numbers_in(counted)[-1]) == ([12, 5], 0)
    assert run("stable", "--pool", "none")[0] == 0
    assert refused("verify_repository", "nowhere").returncode == 2


def test_each_finding_is_a_line_and_the_code_is_1(standing):
    standing.path(TOOL).unlink()
    standing.corrupt(COPY)
    code, said, _ = run()
    assert code == 1
    assert [line.split(": ")[0] for line in said.splitlines()] == [
        f"copy_differs {COPY}", f"pool_missing {TOOL}", "stable",
    ]  # fmt: skip
    assert said.count("Repair: ") == 2


def test_without_a_terminal_a_repair_shows_its_plan_and_changes_nothing(standing, monkeypatch):
    standing.path(TOOL).unlink()
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    code, said, _ = run("--repair")
    assert code == 1
    assert f"to {TOOL}" in said
    assert "Nothing was changed" in said
    assert not standing.path(TOOL).exists()


@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("yes\n", 0), ("n\n", 1), ("\n", 1), ("", 1)])
def test_on_a_terminal_it_asks(standing, monkeypatch, typed, code):
    standing.path(TOOL).unlink()
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    found, said, _ = run("--repair")
    assert (found, standing.path(TOOL).exists()) == (code, code == 0)
    assert "Do this? [y/N]" in said


def test_yes_repairs_at_once_and_what_is_left_decides_the_code(standing):
    standing.path(TOOL).unlink()
    standing.corrupt("dists/stable/main/binary-amd64/Packages.gz")
    assert run("--repair", "--yes")[0] == 0
    standing.path(TOOL).unlink()
    standing.feed.files.clear()
    code, said, _ = run("--repair", "--yes")
    assert code == 1
    assert f"not repaired: fetch {standing.feed.url}" in said


def test_json_stands_alone_on_standard_output(standing):
    standing.path(TOOL).unlink()
    code, said, besides = run("--json", "--repair")
    document = json.loads(said)
    assert code == 1
    assert [finding["code"] for finding in document["faults"]] == ["pool_missing"]
    assert [TOOL in line for line in document["plan"]] == [True]
    assert "Nothing was changed" in besides
    code, said, _ = run("--json", "--repair", "--yes", "--seed", "one", "--sample", "3")
    document = json.loads(said)
    assert (code, document["left"], document["failed"], document["seed"]) == (0, [], [], "one")


def test_a_sample_is_a_number(standing):
    with pytest.raises(CommandError, match="--sample.*'-1'"):
        call_command("verify_repository", "--sample", "-1")
