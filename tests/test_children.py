"""Programs that are not ours get an environment of their own: no secret of a setting is in it."""

import ast
import os
import shutil

import pytest

from packages_app.core.child_environment import child_environment
from packages_app.core.ports import Silent
from packages_app.debian.real_readers import Offered, complaints_of
from packages_app.management.terraform_state import read_environment
from packages_app.services.intake.build_bootstrap import build_and_take_in
from packages_app.services.publication.publish import publish
from repomgr.servers.start import redis_server
from tests.stack import REPOSITORY

OURS = {"packages_app/management/environment.py", "repomgr/distributed.py", "repomgr/processes.py"}
"""Those start repomgr itself, which reads the same settings."""
ALL_OF_A_CALLER = "repomgr/servers/process.py"
"""It hands on what its callers give it, each of whom gives an environment."""
STARTS = {
    "run", "Popen", "call", "check_call", "check_output", "process", "create_subprocess_exec",
    "create_subprocess_shell", "system", "popen", "posix_spawn", "posix_spawnp", "getoutput", "getstatusoutput",
}  # fmt: skip
STARTS_BY_PREFIX = ("exec", "spawn")
OF = {"subprocess", "os", "asyncio", None}
SECRET = "V3ry+S3cret"
SECRETS = (
    "SIGNING_KEY", "SECRET_KEY", "AWS_SECRET_ACCESS_KEY", "DATABASE_URL", "BROKER_URL", "GITHUB_TOKEN", "NOTIFY_URLS",
    "SHARD_CACHE_URL", "ANYTHING_ELSE",
)  # fmt: skip


def product():
    for folder in ("packages_app", "repomgr"):
        yield from sorted((REPOSITORY / folder).rglob("*.py"))
    yield REPOSITORY / "manage.py"


def starts_in(tree):
    """The calls in a file that start a program."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        target = node.func
        if isinstance(target, ast.Call):  # partial(subprocess.run, …)(…)
            continue
        if isinstance(target, ast.Name) and target.id == "partial" and node.args:
            target = node.args[0]
        name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
        owner = getattr(target.value, "id", "") if isinstance(target, ast.Attribute) else None
        if owner not in OF or (owner is None and name != "process"):
            continue
        if name in STARTS or (owner == "os" and name.startswith(STARTS_BY_PREFIX)):
            yield node, name


def test_each_program_that_is_started_has_an_environment_of_its_own():
    found, bare, whole = set(), [], []
    for path in product():
        tree = ast.parse(path.read_text())
        place = str(path.relative_to(REPOSITORY))
        for call, name in starts_in(tree):
            found.add(place)
            given = {word.arg for word in call.keywords}
            if "env" not in given and not name.endswith("e") and place != ALL_OF_A_CALLER:
                bare.append(f"{place}:{call.lineno}")
        spread = [node for node in ast.walk(tree) if isinstance(node, ast.Dict) and None in node.keys]
        everything = [n for n in spread for v in n.values if ast.unparse(v) == "os.environ"]
        if everything and place not in OURS:
            whole.append(place)
    assert {"packages_app/debian/bootstrap.py", "packages_app/debian/apt_root.py", "repomgr/servers/start.py"} <= found
    assert bare == []
    assert whole == []


@pytest.mark.parametrize("names", [(), ("HOME", "OF_THEIRS_*")])
def test_an_environment_has_what_is_named_and_no_more(monkeypatch, names):
    for name in (*SECRETS, "OF_THEIRS_TOKEN", "OF_THEIR"):
        monkeypatch.setenv(name, SECRET)
    made = child_environment(*names, GIVEN="x")
    theirs = {"HOME", "OF_THEIRS_TOKEN"} if names else set()
    assert made.keys() - {"TMPDIR", "TZ"} == {"PATH", "LC_ALL", "GIVEN"} | theirs
    assert made["PATH"].startswith(os.environ["PATH"])


@pytest.fixture
def seen(tmp_path, monkeypatch):
    """The programs that we run, each behind one that writes its environment down; gives where it does."""
    folder, written = tmp_path / "bin", tmp_path / "written"
    for made in (folder, written):
        made.mkdir()
    for name in ("dpkg", "dpkg-deb", "apt-get", "apt-cache", "terraform", "redis-server"):
        real = shutil.which(name)
        end = f'exec {real} "$@"' if real else """echo '{}'"""
        (folder / name).write_text(f"#!/bin/sh\nenv >> {written / name}\n{end}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    for name in SECRETS:
        monkeypatch.setenv(name, f"{name} {SECRET}")
    return written


def test_no_child_sees_a_secret(embedded, seen, settings, tmp_path):
    settings.APT_CHECK = "required"
    build_and_take_in("kiro-repo", "1.0.0", Silent())
    publish("stable", Silent())
    control = "Package: a\nVersion: 1\nArchitecture: amd64\nMaintainer: A <a@b.org>\nDescription: a\n"
    complaints_of([Offered("a", "1", "amd64", control, control)], ["amd64"])
    state = '{"outputs": {"s3_bucket_name": {"value": "b"}, "dynamodb_table_name": {"value": "t"}}}'
    (tmp_path / "dev.tfstate").write_text(state)
    assert read_environment(tmp_path, "dev").bucket == "b"
    with redis_server():
        pass
    met = {path.name: path.read_text() for path in seen.iterdir()}
    assert met.keys() >= {"dpkg", "dpkg-deb", "apt-get", "terraform", "redis-server"}
    told = {
        name: [line for line in text.splitlines() if SECRET in line and not line.startswith("AWS_")]
        for name, text in met.items()
    }
    assert [line for lines in told.values() for line in lines] == []
    assert [name for name, text in met.items() if "AWS_SECRET" in text] == ["terraform"]  # for the state in S3
