"""Several archives in one installation: what is one's own is read of the archive that was entered, in threads too."""

import ast
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.apps import apps

from packages_app import tasks
from packages_app.core.archive import ArchiveNotNamed, UnknownArchive, entered_slug, within
from packages_app.core.at_once import at_once, at_once_ahead
from packages_app.core.threads import Threads, started_thread
from packages_app.models import AuditCut, AuditName, GroupArchive, HeldLists, Job, Notice, Package, PackageName
from packages_app.models.of_archive import OfArchive
from packages_app.models.values_there import values_there
from packages_app.services.archives import entered, in_each, present_archive
from packages_app.services.jobs.queue import enqueue
from packages_app.services.jobs.turns import run_in_turn
from packages_app.services.mirror.names import renew_names
from packages_app.services.mirror.packages import mirror_records
from packages_app.services.notices.notify import notify
from tests.records import make_record

_ROOT = Path(__file__).resolve().parent.parent.parent
OWN = {
    "PACKAGE_TABLE", "BUCKET", "STAGING", "EMBEDDED_BUCKET", "PUBLIC_URL", "PUBLIC_URL_GIVEN", "CONFIG_DIR",
    "OWN_CONFIG_DIR", "SIGNING_KEY", "SIGNING_CERTIFICATE", "SIGNING_KEY_FILE", "ADMIN_URL",
}  # fmt: skip
"""Django's settings that each archive has of its own."""
_MAKE_THREADS = {"ThreadPoolExecutor", "ProcessPoolExecutor", "Thread", "Timer"}
_STARTS_PROCESSES = {"repomgr/supervision.py", "repomgr/servers/moto.py"}
"""They do no work of any archive."""


def _files(is_such: Callable[[ast.AST], bool]) -> set[str]:
    """Return our files, but migrations, that say something."""
    found = set()
    for path in (file for folder in ("packages_app", "repomgr") for file in (_ROOT / folder).rglob("*.py")):
        if "migrations" not in path.parts and any(map(is_such, ast.walk(ast.parse(path.read_bytes())))):
            found.add(path.relative_to(_ROOT).as_posix())
    return found


def _reads_own_setting(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "getattr":
        return any(getattr(given, "value", "") in OWN for given in node.args[1:2])
    return isinstance(node, ast.Attribute) and node.attr in OWN and "settings" in getattr(node.value, "id", "")


def test_what_an_archive_has_of_its_own_is_read_in_one_place():
    assert _files(_reads_own_setting) == {"packages_app/services/archives.py"}


def test_threads_are_made_in_one_place():
    made = _files(lambda node: bool({getattr(node, "attr", ""), getattr(node, "id", "")} & _MAKE_THREADS))
    assert made - _STARTS_PROCESSES == {"packages_app/core/threads.py"}


def test_threads_are_in_the_archive_of_whoever_starts_them():
    seen = []
    with within("acme"):
        with Threads(2) as pool:
            seen += [pool.submit(entered_slug).result(), *pool.map(lambda _: entered_slug(), range(3))]
        seen += at_once([entered_slug] * 3, 2)
        seen += at_once_ahead([entered_slug] * 3, 2, 2)
        started_thread("one", lambda: seen.append(entered_slug())).join()
    plain = threading.Thread(target=lambda: seen.append(entered_slug()))
    plain.start()
    plain.join()
    assert seen == ["acme"] * 11 + [""]


def test_one_of_several_archives_has_to_be_named_and_known(settings):
    assert (present_archive().slug, in_each(lambda: present_archive().slug)) == ("default", ["default"])
    settings.ARCHIVES = {"default": None, "acme": None}
    assert in_each(lambda: present_archive().slug) == ["default", "acme"]
    with pytest.raises(ArchiveNotNamed) as unnamed:
        present_archive()
    assert "acme" in unnamed.value.message
    with entered(""):
        assert present_archive().slug == "default"
    with pytest.raises(UnknownArchive) as unknown, entered("beta"):
        pass
    assert "acme" in unknown.value.remedy
    settings.ARCHIVES = {"beta": None, "acme": None}
    with pytest.raises(ArchiveNotNamed), entered(""):
        pass


def test_an_archive_that_fails_keeps_no_other_from_its_work(settings):
    settings.ARCHIVES = {"default": None, "acme": None, "beta": None}
    done = []

    def work():
        if present_archive().slug == "default":
            raise ValueError("first")
        done.append(present_archive().slug)

    with pytest.raises(ValueError, match="first"):
        in_each(work)
    assert done == ["acme", "beta"]


def test_rows_are_of_the_archive_they_were_made_in_and_seen_in_it_alone(db, settings):
    settings.ARCHIVES = {"default": None, "acme": None}
    parts = (HeldLists, AuditName, AuditCut)  # one goes with its candidate, and the audit trail has one chain
    own = [model for model in apps.get_app_config("packages_app").get_models() if model not in (*parts, GroupArchive)]
    assert all(issubclass(model, OfArchive) for model in own)
    for model in own:
        unique = [index.fields[0] for index in model._meta.total_unique_constraints]
        assert {*unique, *(index.fields[0] for index in model._meta.indexes)} <= {"archive"}
    made = {}
    for slug in ("default", "acme"):
        with entered(slug):
            mirror_records([make_record("tool", "1.0"), make_record(slug, "2.0")])
            renew_names()
            made[slug] = enqueue(Job.Kind.SWEEP, subject="scheduled", wake_worker=False)
            assert enqueue(Job.Kind.SWEEP, subject="scheduled", wake_worker=False) == made[slug]
            notify(Notice.Kind.CLOCK_WRONG, "this host", "It is off.")
    for slug in ("default", "acme"):
        with entered(slug):
            assert {row.package_name for row in Package.objects.all()} == {"tool", slug}
            assert values_there(PackageName, "name") == sorted(["tool", slug])
            assert [row.package_name for row in Package.objects.in_suite("stable", slug)] == [slug]
            assert list(Job.objects.filter(kind="sweep")) == [made[slug]]
            assert [notice.archive for notice in Notice.objects.all()] == [slug]
            assert Notice.objects.get().times == 1
    with pytest.raises(ArchiveNotNamed):
        Package.objects.count()
    assert Package.of_all_archives.count() == 4


def test_a_worker_does_a_job_in_its_archive_and_the_clock_asks_in_each(db, settings):
    settings.ARCHIVES = {"default": None, "acme": None}
    jobs = Job.of_all_archives.in_bulk(tasks.start_scheduled(Job.Kind.SWEEP))
    assert sorted(job.archive for job in jobs.values()) == ["acme", "default"]
    seen = []
    for job in jobs.values():
        run_in_turn(str(job.pk), lambda job_id: seen.append((job_id, entered_slug())))
    assert seen == [(str(job.pk), job.archive) for job in jobs.values()]
    settings.ARCHIVES = {"default": None}
    for job in jobs.values():
        run_in_turn(str(job.pk), lambda job_id: seen.append((job_id, entered_slug())))
    assert [slug for _, slug in seen].count("acme") == 1
