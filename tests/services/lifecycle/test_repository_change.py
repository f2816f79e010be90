"""The repository's settings changed in the admin: what clients see first, what hinders it, and nothing half done."""

import sqlite3
from contextlib import closing

import pytest
from django.contrib.auth import get_user_model

from packages_app.core.documents import ConfigurationOutdated, SetByFile
from packages_app.core.errors import DefinitionError, PackageRefused, RightMissing, TableUnavailable
from packages_app.core.suite_change import What
from packages_app.models import HeldCandidate, Job
from packages_app.services import adapters
from packages_app.services.configuration.repository_form import with_settings, with_suite, without_suite
from packages_app.services.configuration.repository_settings import DefaultSuiteStays, SuiteExists, settings_now
from packages_app.services.configuration.saved_versions import version_of
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.lifecycle.move import MOST, request_move
from packages_app.services.lifecycle.repository_change import SignedByLocksOut, StillUsed, plan_change, save_change
from packages_app.services.lifecycle.shown import PreviewOutdated
from packages_app.services.lifecycle.steps import Move
from tests.commands.calling import call
from tests.debs import build_deb
from tests.records import make_record

TESTING = {"codename": "testing", "version": "2", "description": "Soon", "components": "main, extra",
           "architectures": "amd64, riscv64"}  # fmt: skip


@pytest.fixture
def root(db):
    return get_user_model().objects.create(username="root", is_superuser=True)


def save(text, user, **more):
    now = settings_now()
    return save_change(text, read=now.version, shown=plan_change(text).digest, user=user, **more)


def suite(name, **said):
    return with_suite(settings_now(), name, said, new=name not in settings_now().suite_names)


def take_in(stack, folder, name, architecture="amd64"):
    deb = build_deb(folder / name, name, "1.0", architecture)
    stage_upload(deb, deb.name)
    assert {(job.state, job.error) for job in stack.run_jobs()} == {("done", "")}


def test_a_suite_and_a_component_are_added_and_what_uses_them_is_named_before_they_go(embedded, root, tmp_path):
    save(suite("testing", **TESTING), root)
    save(suite("stable", components="extra", valid_days="99", not_automatic="true"), root)
    assert {job.state for job in embedded.run_jobs()} == {"done"}
    stable, testing = adapters.repository().suites
    assert (stable.components, stable.valid_for.days, stable.fields.not_automatic) == (("main", "extra"), 14, True)
    assert b"NotAutomatic: yes\n" in embedded.bucket.read("dists/stable/Release")
    assert b"Architectures: amd64 riscv64\n" in embedded.bucket.read("dists/testing/Release")
    assert testing.codename == "testing"

    definition = embedded.define_uploads("tool", suites=["stable", "testing"], architecture="riscv64")
    with pytest.raises(StillUsed, match=r"tool\.yaml"):
        plan_change(without_suite(settings_now(), "testing"))
    with pytest.raises(StillUsed, match=r"tool\.yaml"):
        plan_change(suite("testing", **{**TESTING, "architectures": "amd64"}))
    definition.unlink()
    both = embedded.define_uploads("both", suites=["stable", "testing"])
    with pytest.raises(StillUsed, match=r"both\.yaml"):  # which stable goes on having an index for
        plan_change(suite("testing", **{**TESTING, "architectures": "riscv64"}))
    both.unlink()
    embedded.define_uploads("tool", suites=["testing"], component="extra", architecture="riscv64")
    take_in(embedded, tmp_path, "tool", "riscv64")
    definition.unlink()
    before = adapters.documents().mark(), Job.objects.count()
    for smaller in ({"architectures": "amd64"}, {"components": "main"}):
        text = suite("testing", **{**TESTING, **smaller})
        [leaving] = plan_change(text).leaving
        assert (leaving.suite, leaving.only_here, len(leaving.keys)) == ("testing", 1, 1)
        with pytest.raises(StillUsed, match="tool 1.0 riscv64"):
            save(text, root)
        with pytest.raises(PackageRefused):  # without a reason
            save(text, root, withdraw=True)
    assert (adapters.documents().mark(), Job.objects.count()) == before
    save(suite("testing", **{**TESTING, "architectures": "amd64"}), root, withdraw=True, reason="no machines")
    embedded.run_jobs()
    assert [record.suites for record in embedded.records()] == [()]
    assert b"Architectures: amd64\n" in embedded.bucket.read("dists/testing/Release")


def test_a_retired_suite_leaves_its_last_publication_and_no_package_comes_back_into_it(embedded, root, tmp_path):
    save(suite("testing", **TESTING), root)
    definition = embedded.define_uploads("tool", suites=["stable", "testing"])
    take_in(embedded, tmp_path, "tool")
    definition.unlink()
    shown = embedded.bucket.read("dists/testing/InRelease")
    text = without_suite(settings_now(), "testing")
    call("snapshot", "create", "testing", "pinned", "--yes")
    with pytest.raises(StillUsed, match="pinned"):
        save(text, root, withdraw=True, reason="over")
    call("snapshot", "delete", "testing", "pinned", "--yes")
    assert (text, [one.only_here for one in plan_change(text).leaving]) == ("", [0])
    save(text, root, withdraw=True, reason="over")
    embedded.run_jobs()
    [record] = embedded.records()
    assert (record.suites, [one.name for one in adapters.repository().suites]) == (("stable",), ["stable"])
    assert embedded.bucket.read("dists/testing/InRelease") == shown
    with pytest.raises(PackageRefused):  # nothing to restore: testing is there no more
        request_move(Move(What.RESTORED, (record.key,)), "", user=root)
    save(version_of("repository", 1).text, root)
    assert ([one.name for one in adapters.repository().suites], settings_now().version) == (["stable", "testing"], 3)


def test_what_is_unsound_or_of_the_file_or_was_changed_meanwhile_is_refused_and_changes_nothing(embedded, root):
    save(suite("testing", **TESTING), root)
    save(suite("stable", components="contrib"), root)
    embedded.run_jobs()
    before = adapters.documents().mark(), Job.objects.count()
    for name, said in (
        ("../up", {**TESTING, "codename": "x"}), ("other", TESTING),
        ("other", {}), ("testing", {**TESTING, "architectures": "all"}),
        ("testing", {**TESTING, "components": "Bad Name"}), ("testing", {**TESTING, "valid_days": "many"}),
    ):  # fmt: skip
        with pytest.raises(DefinitionError):
            plan_change(suite(name, **said))
    with pytest.raises(SuiteExists):
        with_suite(settings_now(), "stable", {"name": "stable"}, new=True)
    with pytest.raises(DefaultSuiteStays):
        without_suite(settings_now(), "stable")
    with pytest.raises(PackageRefused) as unknown:
        without_suite(settings_now(), "nowhere")
    assert unknown.value.code == "package_refused"
    with pytest.raises(SignedByLocksOut):
        plan_change(suite("testing", **TESTING, signed_by="0" * 40))
    text, good = suite("stable", components="extra"), suite("testing", **TESTING, valid_days="3")
    with pytest.raises(PreviewOutdated):
        save_change(good, read=2, shown=plan_change(text).digest, user=root)
    other = get_user_model().objects.create(username="other")
    with pytest.raises(RightMissing):
        save_change(good, read=2, shown=plan_change(good).digest, user=other)
    with pytest.raises(ConfigurationOutdated):
        save_change(good, read=1, shown=plan_change(good).digest, user=root)
    assert (adapters.documents().mark(), Job.objects.count()) == before
    embedded.configure(suites=[{}, {**TESTING, "name": "testing", "components": ["main"], "architectures": ["amd64"]}])
    with pytest.raises(SetByFile):
        without_suite(settings_now(), "testing")


def test_a_consent_is_to_just_these_packages_and_to_no_more_than_a_change_takes_out(embedded, root):
    save(suite("testing", **TESTING), root)
    table = adapters.package_table()
    numbered = [make_record(f"tool{number:02}", "1.0", suites=("testing",)) for number in range(12)]
    table.put_many_new(numbered[:11])
    text = without_suite(settings_now(), "testing")
    shown = plan_change(text)
    request_move(Move(What.WITHDRAWN, (numbered[10].key,), ("testing",)), "old", user=root)
    embedded.run_jobs()
    table.put_new(numbered[11])
    now = plan_change(text)
    assert (now.seen, now.asked, now.leaving[0].named) == (shown.seen, shown.asked, shown.leaving[0].named)
    with pytest.raises(PreviewOutdated):
        save_change(text, read=1, shown=shown.digest, user=root, withdraw=True, reason="over")
    table.put_many_new([make_record(f"many{number}", "1.0", suites=("testing",)) for number in range(MOST)])
    with pytest.raises(StillUsed):
        plan_change(text)


def test_nothing_is_withdrawn_where_the_document_can_not_be_written(embedded, root, settings):
    save(suite("testing", **TESTING), root)
    embedded.run_jobs()
    adapters.package_table().put_new(make_record("tool", "1.0", suites=("testing",)))
    before, text = Job.objects.count(), without_suite(settings_now(), "testing")
    with closing(sqlite3.connect(settings.PACKAGE_TABLE.path)) as table:  # as no port of ours can do it
        table.execute("CREATE TRIGGER full BEFORE INSERT ON documents BEGIN SELECT RAISE(ABORT, 'full'); END")
        with pytest.raises(TableUnavailable):
            save(text, root, withdraw=True, reason="over")
        assert Job.objects.count() == before
        table.execute("DROP TRIGGER full")
    save(text, root, withdraw=True, reason="over")
    embedded.run_jobs()
    assert [record.suites for record in embedded.records()] == [()]


def test_the_default_suite_of_a_document_that_is_the_whole_is_not_renamed_away(embedded, root):
    file = embedded.config / "repository.yaml"
    text = file.read_text()
    file.unlink()
    save(text, root)
    with pytest.raises(DefaultSuiteStays):
        save(text.replace("name: stable", "name: other"), root)
    assert ([suite.name for suite in adapters.repository().suites], settings_now().version) == (["stable"], 1)


def test_another_identity_is_held_back_by_the_guard_and_what_the_file_says_stays(embedded, root):
    save(suite("testing", **TESTING), root)
    embedded.run_jobs()
    with_label, faults = with_settings(settings_now(), {"label": "Acme", "define": "nobody", "bases": "colour: blue\n"})
    assert ([fault.field for fault in faults], "Acme" in with_label) == (["colour"], False)
    renamed = suite("testing", **{**TESTING, "codename": "sid"})
    assert len(plan_change(renamed).asked) == 1
    save(renamed, root)
    embedded.run_jobs()
    assert [(held.suite, held.codes) for held in HeldCandidate.objects.all()] == [("testing", ["identity"])]
