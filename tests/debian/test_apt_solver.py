"""apt's own solver where no dose-debcheck is, beside dose-debcheck on the same packages."""

import shutil

import pytest

from packages_app.core.repository import Installability
from packages_app.debian import apt_solver, debcheck
from packages_app.debian.apt_solver import MOST_ASKED, refused_by_apt
from packages_app.debian.debcheck import SolverFailed, broken_by_debcheck
from packages_app.debian.solver import SolverMissing, broken_packages, solver_here
from packages_app.debian.universe import newest_of_each, read_units, write_relations
from packages_app.publishing.installability import InstallCheck
from tests.debian.test_debcheck import AFTER, BASE, BEFORE, BROKEN, SUITE, write
from tests.programs import put_before, put_only

pytestmark = pytest.mark.skipif(shutil.which(apt_solver.PROGRAM) is None, reason="apt-get is not installed")


@pytest.fixture
def only_apt(tmp_path, monkeypatch):
    """Let there be no dose-debcheck."""
    monkeypatch.setenv("PATH", str(put_only(tmp_path / "programs", apt_solver.PROGRAM, apt_solver.LIMITER)))


def test_without_dose_apt_says_the_same_of_a_change_and_that_it_was_asked(tmp_path, only_apt):
    assert solver_here() == apt_solver.PROGRAM
    base = write(tmp_path, "base", BASE)
    found = (
        InstallCheck(Installability.WARN, lambda _architecture: [base])
        .newly_broken(
            SUITE,
            lambda _, folder: [write(folder, "Packages", BEFORE)],
            lambda _, folder: [write(folder, "Packages", AFTER)],
        )
        .broken
    )
    assert {name.split()[0] for name in found} == BROKEN
    assert all(why.startswith("apt: ") for why in found.values())
    assert "newer (>= 2)" in found["needs-newer 1 amd64"]


@pytest.mark.skipif(shutil.which(debcheck.PROGRAM) is None, reason="dose-debcheck is not installed")
@pytest.mark.parametrize("lines", [BEFORE, AFTER], ids=["before", "after"])
def test_both_solvers_refuse_the_same_packages(tmp_path, lines):
    others = write(tmp_path, "others", BASE)
    write_relations(newest_of_each(read_units([write(tmp_path, "all", lines)])), tmp_path / "checked")
    by_apt = refused_by_apt(tmp_path / "checked", others, "amd64", seconds=60)
    assert set(by_apt) == set(broken_by_debcheck(tmp_path / "checked", others, "amd64"))


def test_packages_that_exclude_each_other_can_each_be_installed(tmp_path):
    lists = write(tmp_path, "a", "a 1 | Conflicts: mta\nb 1 | Conflicts: mta\nmta 1\nc 1 all\nodd+name 1")
    assert refused_by_apt(lists, write(tmp_path, "b", ""), "amd64", seconds=60) == {}


def test_too_many_packages_are_told_as_that(tmp_path):
    lists = write(tmp_path, "a", "\n".join(f"a{number} 1" for number in range(MOST_ASKED + 1)))
    with pytest.raises(SolverFailed):
        refused_by_apt(lists, write(tmp_path, "b", ""), "amd64", seconds=60)


@pytest.mark.parametrize(
    ("script", "seconds"),
    [("exit 100", 60.0), ("echo unmet dependencies; exit 1", 60.0), ("kill -9 $$", 60.0), ("sleep 60", 0.5)],
    ids=["fails", "is none", "dies", "hangs"],
)
def test_an_apt_that_fails_is_told_as_that(tmp_path, monkeypatch, script, seconds):
    put_before(monkeypatch, tmp_path / "bin", apt_solver.PROGRAM, script)
    lists = write(tmp_path, "a", "a 1")
    with pytest.raises(SolverFailed):
        refused_by_apt(lists, lists, "amd64", seconds=seconds)


def test_no_solver_at_all_is_told_as_that(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SolverMissing) as refused:
        broken_packages(tmp_path, tmp_path, "amd64")
    assert (refused.value.code, debcheck.PACKAGE in refused.value.remedy) == ("solver_missing", True)
