"""Before a switch: what can't be installed any more is told, or waits for a person."""

import json
import shutil
from datetime import timedelta

import pytest

from packages_app.core.ports import Silent
from packages_app.core.suite_change import What
from packages_app.debian import apt_solver, debcheck
from packages_app.models import HeldCandidate, Notice, Publication
from packages_app.services import adapters
from packages_app.services.lifecycle.move import keys_selected, preview_move, request_move
from packages_app.services.lifecycle.steps import Move
from packages_app.services.mirror.packages import mirror_records
from packages_app.services.publication.base_suites import FOLDER, FRESH
from packages_app.services.publication.held_candidates import approve
from packages_app.services.publication.requests import request_publication
from packages_app.services.repair.force_rebuild import force_rebuild
from packages_app.services.setup.doctor import examine
from tests.adoption.existing import ExistingRepository, write_index
from tests.debian.test_debcheck import stanzas
from tests.programs import put_before, put_only
from tests.records import make_record
from tests.services.lifecycle.test_move import clients_see, do

pytestmark = pytest.mark.skipif(shutil.which(debcheck.PROGRAM) is None, reason="dose-debcheck is not installed")

APP = "app 1 amd64"
FIRST = (("lib", "1", ""), ("lib", "2", ""), ("app", "1", "lib (>= 2)"), ("broken", "1", "nowhere"))


def configure(stack, mode, *bases):
    stack.configure(suites=[{"name": "stable", "architectures": ["amd64"], "installability": mode}], bases=[*bases])


def put(stack, *records, error=""):
    """Put records and let a job publish them, or end with an error; gives it."""
    for name, version, depends in records:
        record = make_record(name, version, depends=depends)
        stack.table.put_new(record)
        stack.bucket.put(record.pool_path, f"{name}#{version}#amd64".encode())
        mirror_records([record])
    request_publication("stable")
    [job] = stack.run_jobs()
    assert (job.state, job.error_code) == ("failed" if error else "done", error), job.error
    return job


def published(stack, mode, *bases):
    """Publish an application that needs the second of two versions of a library, and one that was never sound."""
    configure(stack, "off")
    put(stack, *FIRST)
    configure(stack, mode, *bases)


def notes(job):
    return [note["text"] for step in job.steps for note in step["notes"]]


def base_suite(folder, *, lines="libc6 2.36"):
    """Make another repository; give it, and how repository.yaml names it."""
    other = ExistingRepository(folder / "other")
    index = other.root / "dists/bookworm/main/binary-amd64"
    index.mkdir(parents=True)
    write_index(index, stanzas(lines), "xz")
    other.release("dists/bookworm")
    keyring = other.keyring(folder)
    named = {"uri": str(other.root), "suite": "bookworm", "components": ["main"], "signed_by": str(keyring)}
    return other, named


def test_a_warning_names_what_a_withdrawal_breaks_and_publishes(embedded):
    published(embedded, "warn")
    assert Publication.objects.first().uninstallable == []
    do(embedded, What.WITHDRAWN, "lib (= 2)")
    assert clients_see(embedded) == ["app_1", "broken_1", "lib_1"]
    publication = Publication.objects.first()
    assert publication.uninstallable == [f"{APP}: app 1 needs lib (>= 2)"]
    assert publication.uninstallable_count == 1
    assert any(APP in note for note in notes(publication.job))
    assert "app 1 needs lib (>= 2)" in Notice.objects.get(kind="uninstallable").text
    put(embedded, ("other", "1", ""))
    assert Publication.objects.first().uninstallable == []
    assert Notice.objects.filter(kind="uninstallable", settled=None).count() == 1
    do(embedded, What.RESTORED, "lib (= 2)", reason="")
    assert Notice.objects.get(kind="uninstallable").settled is not None
    put(embedded, ("two", "1", "lib (>= 2)"), ("lib", "3", ""))
    do(embedded, What.WITHDRAWN, "lib (>= 2)")  # breaks both: one that is mended is not all
    put(embedded, ("app", "2", "lib"))
    assert Notice.objects.filter(kind="uninstallable", settled=None).count() == 1
    do(embedded, What.WITHDRAWN, "two")
    assert Notice.objects.filter(kind="uninstallable", settled=None).count() == 0


def test_held_it_waits_for_a_person_who_may_let_it_pass(embedded, admin_user):
    published(embedded, "hold")
    do_held(embedded, "lib (= 2)")
    assert "lib_2" in clients_see(embedded)
    held = HeldCandidate.objects.get(state="waiting")
    assert (held.codes, held.findings[0]["items"], held.removed) == (["uninstallable"], [APP], ["lib 2 amd64"])
    approve(held, admin_user)
    embedded.run_jobs()
    assert "lib_2" not in clients_see(embedded)
    assert Publication.objects.first().uninstallable == [f"{APP}: app 1 needs lib (>= 2)"]


def test_the_first_publication_of_a_suite_is_looked_at_too(embedded):
    configure(embedded, "warn")
    put(embedded, *FIRST)
    assert Publication.objects.first().uninstallable == ["broken 1 amd64: broken 1 needs nowhere"]
    put(embedded, ("other", "1", ""))
    assert Publication.objects.first().uninstallable == []


def test_a_first_publication_is_held_until_a_person_lets_it_pass(embedded, admin_user):
    configure(embedded, "hold")
    put(embedded, *FIRST, error="candidate_held")
    held = HeldCandidate.objects.get(state="waiting")
    assert (held.codes, held.findings[0]["items"]) == (["uninstallable"], ["broken 1 amd64"])
    approve(held, admin_user)
    embedded.run_jobs()
    assert clients_see(embedded) == ["app_1", "broken_1", "lib_1", "lib_2"]


def test_what_was_lost_comes_back_without_being_looked_at(embedded):
    published(embedded, "hold")
    for key in embedded.dists():
        embedded.bucket.delete(f"dists/{key}" if not key.startswith("dists/") else key)
    force_rebuild([], Silent())
    assert "broken_1" in clients_see(embedded)


def do_held(stack, query):
    request_move(Move(What.WITHDRAWN, tuple(keys_selected(query))), "it breaks")
    jobs = stack.run_jobs()
    assert [job.error_code for job in jobs] == ["", "candidate_held"]


def test_off_nobody_is_asked(embedded, tmp_path, monkeypatch):
    put_before(monkeypatch, tmp_path / "bin", debcheck.PROGRAM, f"touch {tmp_path}/asked; exit 70")
    published(embedded, "off")
    do(embedded, What.WITHDRAWN, "lib (= 2)")
    assert not (tmp_path / "asked").exists()
    assert Publication.objects.first().uninstallable == []


def test_a_base_suite_has_what_packages_need_and_is_kept(embedded, tmp_path):
    other, base = base_suite(tmp_path)
    published(embedded, "hold", base)
    put(embedded, ("tool", "1", "libc6 (>= 2.30), lib"))
    assert "tool_1" in clients_see(embedded)
    shutil.rmtree(other.root)
    put(embedded, ("tool", "2", "libc6 (>= 2.36), lib"))
    assert "tool_2" in clients_see(embedded)
    (note,) = (embedded.home / FOLDER).glob("*.json")
    kept = json.loads(note.read_bytes())
    kept["asked"] = (adapters.now() - FRESH - timedelta(minutes=1)).isoformat()
    note.write_text(json.dumps(kept))
    job = put(embedded, ("tool", "3", "libc6 (>= 9)"))
    assert any("bookworm" in note for note in notes(job))
    assert "tool_3" in clients_see(embedded)  # nobody could say


@pytest.mark.parametrize("fault", ["unsigned", "another index", "another key", "no component"])
def test_a_base_suite_that_is_not_what_it_should_be_is_named_and_holds_up_nothing(embedded, tmp_path, fault):
    other, base = base_suite(tmp_path)
    folder = other.root / "dists/bookworm"
    if fault == "unsigned":
        (folder / "InRelease").write_bytes((folder / "InRelease").read_bytes().replace(b"Theirs", b"Ours"))
    if fault == "another index":
        (folder / "main/binary-amd64/Packages.xz").write_bytes(b"")
        (folder / "main/binary-amd64/Packages").write_bytes(b"Package: libc6\nVersion: 3\n")
    if fault == "another key":
        (tmp_path / "their-keyring.gpg").write_bytes(adapters.signer().public_keyring())
    if fault == "no component":
        base["components"] = ["contrib"]
    published(embedded, "hold", base)
    job = put(embedded, ("tool", "1", "libc6 (>= 2.30)"))
    assert any("bookworm" in note for note in notes(job))
    assert "tool_1" in clients_see(embedded)
    assert list((embedded.home / FOLDER).glob("*.packages")) == []


def test_a_solver_that_dies_is_a_note(embedded, tmp_path, monkeypatch):
    published(embedded, "hold")
    put_before(monkeypatch, tmp_path / "bin", debcheck.PROGRAM, "kill -9 $$")
    do(embedded, What.WITHDRAWN, "lib (= 2)")
    assert "lib_2" not in clients_see(embedded)
    assert any(debcheck.PROGRAM in note for note in notes(Publication.objects.first().job))


def test_without_a_solver_a_publication_says_so_once_with_a_code_and_goes_on(embedded, tmp_path, monkeypatch):
    published(embedded, "hold")
    monkeypatch.setenv("PATH", str(tmp_path))
    job = put(embedded, ("tool", "1", "nowhere"))
    assert len([note for note in notes(job) if "solver_missing" in note and debcheck.PACKAGE in note]) == 1
    assert "tool_1" in clients_see(embedded)


def test_the_doctor_says_whether_the_solver_is_there(embedded, monkeypatch, tmp_path):
    def probed():
        return next(one for one in examine() if one.name == "solver")

    assert (probed().well, probed().remedy) == (True, "")
    configure(embedded, "warn")
    assert (probed().well, probed().remedy, apt_solver.PROGRAM in probed().detail) == (True, "", False)
    monkeypatch.setenv("PATH", str(put_only(tmp_path / "programs", apt_solver.PROGRAM, apt_solver.LIMITER)))
    assert (probed().well, debcheck.PACKAGE in probed().remedy, apt_solver.PROGRAM in probed().detail) == (True,) * 3
    assert debcheck.PROGRAM not in probed().detail
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (probed().well, debcheck.PACKAGE in probed().remedy, debcheck.PROGRAM in probed().detail) == (True,) * 3


def test_the_preview_of_a_move_says_it_before(embedded):
    published(embedded, "warn")
    move = Move(What.WITHDRAWN, tuple(keys_selected("lib (= 2)")))
    assert preview_move(move).broken == (f"stable: {APP}: app 1 needs lib (>= 2)",)
    configure(embedded, "off")
    assert preview_move(move).broken == ()
