"""What can't be installed any more, beside what the real apt-get makes of the same packages."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from packages_app.core.repository import Installability, Suite
from packages_app.debian import debcheck
from packages_app.debian.apt_root import make_root, run_in_root
from packages_app.debian.debcheck import SolverFailed, broken_by_debcheck, explanations_in
from packages_app.debian.solver import broken_packages
from packages_app.publishing.installability import InstallCheck
from tests.programs import put_before

pytestmark = pytest.mark.skipif(shutil.which(debcheck.PROGRAM) is None, reason="dose-debcheck is not installed")

SUITE = Suite("stable", "stable", "1.0", "Test", ("main",), ("amd64",), timedelta(days=14))
BASE = """
libc6 2.36
base-files 12 | Essential: yes
"""
BEFORE = """
needs-newer 1 | Depends: newer (>= 2), libc6 (>= 2.30)
newer 1
newer 2
was-broken 1 | Depends: nowhere, newer
either 1 | Depends: newer (>= 2) | libc6
virtual 1 | Depends: mail-server
mta 1 | Provides: mail-server
virtual-of-two 1 | Depends: editor
vi 1 | Provides: editor
ed 1 | Provides: editor
both 1 | Depends: left, right
left 1
right 1
needs-abi 1 | Depends: abi (>= 2)
lib 1 | Provides: abi (= 2)
script 1 all | Depends: interpreter
interpreter 1 | Multi-Arch: allowed
far 1 | Depends: near
near 1 | Pre-Depends: gone
gone 1
breaks-met 1 | Depends: breaker
breaker 1
qualified 1 | Depends: interpreter:any
in-base 1 | Depends: moved
moved 1 | Depends: libc6
leaves 1 | Depends: gone
pins-old 1 | Depends: pinned (= 1)
pinned 1
takes-old 1 | Depends: taken
taken 1
old-app 1 | Depends: newer (= 1)
old-app 2
"""
AFTER = """
needs-newer 1 | Depends: newer (>= 2), libc6 (>= 2.30)
newer 1
was-broken 1 | Depends: nowhere, newer
either 1 | Depends: newer (>= 2) | libc6
virtual 1 | Depends: mail-server
virtual-of-two 1 | Depends: editor
ed 1 | Provides: editor
both 1 | Depends: left, right
left 2 | Conflicts: right
right 1
needs-abi 1 | Depends: abi (>= 2)
lib 2 | Provides: abi (= 1)
script 1 all | Depends: interpreter
far 1 | Depends: near
near 1 | Pre-Depends: gone
breaks-met 1 | Depends: breaker
breaker 2 | Breaks: breaks-met (<< 2)
qualified 1 | Depends: interpreter:any
in-base 1 | Depends: moved
moved 2 | Depends: libc6 (>= 2.36)
comes-broken 1 | Depends: libc6 (>= 3)
comes-sound 1 | Depends: libc6
pins-old 1 | Depends: pinned (= 1)
pinned 1
pinned 2
takes-old 1 | Depends: taken
taken 1
taken 2
old-app 1 | Depends: newer (= 3)
old-app 2
"""
BROKEN = {"needs-newer", "virtual", "both", "needs-abi", "script", "far", "near", "breaks-met", "qualified",
          "comes-broken", "pins-old"}  # fmt: skip


def stanzas(lines):
    """Give a Packages file of lines `name version [architecture] [| more fields]`."""
    text = ""
    for line in lines.strip().splitlines():
        first, _, more = line.partition(" | ")
        name, version, architecture = (*first.split(), "amd64")[:3]
        fields = f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: M <m@example.org>\n"
        text += f"{fields}{more}{chr(10) if more else ''}Filename: ./{name}\nSize: 1\nSHA256: {'0' * 64}\n"
        text += f"Description: {name}\n several\n lines\n\n"
    return text


def write(folder: Path, name: str, lines: str) -> Path:
    path = folder / name
    path.write_text(stanzas(lines))
    return path


def apt_refuses(folder: Path, *lists: str) -> set[str]:
    """Give the packages of the first list that `apt-get install` refuses on a client without any package."""
    make_root(folder / "root", ["amd64"])
    sources = []
    for number, lines in enumerate(lists):
        (folder / str(number)).mkdir()
        write(folder / str(number), "Packages", lines)
        sources.append(f"deb [trusted=yes] file:{folder / str(number)} ./\n")
    (folder / "root/etc/apt/sources.list").write_text("".join(sources))
    run_in_root(folder / "root", "apt-get", "update", seconds=60)
    names = {line.split()[0] for line in lists[0].strip().splitlines()}

    def installs(name: str) -> bool:
        done = run_in_root(folder / "root", "apt-get", "--simulate", "install", name, seconds=60)
        assert done.returncode in (0, 100), done.stderr
        return done.returncode == 0

    return {name for name in names if not installs(name)}


def test_what_a_change_breaks_is_named_as_apt_sees_it_and_nothing_that_was_broken_before(tmp_path):
    base = write(tmp_path, "base", BASE)
    check = InstallCheck(Installability.WARN, lambda _architecture: [base])
    found = check.newly_broken(
        SUITE,
        lambda _, folder: [write(folder, "Packages", BEFORE)],
        lambda _, folder: [write(folder, "Packages", AFTER)],
    ).broken
    assert {name.split()[0] for name in found} == BROKEN
    assert found["script 1 all"] == "script 1 needs interpreter"
    assert found["needs-newer 1 amd64"] == "needs-newer 1 needs newer (>= 2)"
    assert found["both 1 amd64"] == "left 2 conflicts with right 1"
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
    by_apt = apt_refuses(tmp_path / "after", AFTER, BASE) - apt_refuses(tmp_path / "before", BEFORE, BASE)
    assert by_apt == BROKEN


def test_without_a_change_of_relations_nothing_is_asked(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    check = InstallCheck(Installability.WARN, lambda _architecture: [])
    lines = "a 1 | Depends: nowhere"
    found = check.newly_broken(
        SUITE,
        lambda _, folder: [write(folder, "Packages", lines)],
        lambda _, folder: [write(folder, "Packages", lines)],
    ).broken
    assert found == {}


@pytest.mark.parametrize(
    ("script", "seconds"),
    [("exit 70", 60.0), ("kill -9 $$", 60.0), ("sleep 60", 0.5), ("yes x | head -c 100000000", 60.0)],
    ids=["fails", "dies", "hangs", "says too much"],
)
def test_a_solver_that_fails_is_told_as_that(tmp_path, monkeypatch, script, seconds):
    put_before(monkeypatch, tmp_path / "bin", debcheck.PROGRAM, script)
    lists = write(tmp_path, "a", "a 1")
    with pytest.raises(SolverFailed):
        broken_by_debcheck(lists, lists, "amd64", seconds=seconds)


def test_no_solver_is_told_as_that(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SolverFailed):
        broken_packages(tmp_path, tmp_path, "amd64")


def test_a_report_that_is_none_breaks_nothing():
    assert explanations_in("", "amd64") == explanations_in("\n -\n -\n  status: ok\n", "amd64") == {}
