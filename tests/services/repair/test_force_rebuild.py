"""A force rebuild is no way round a hold: what is held back is published where it is named and approved alone."""

import os
import pwd

import pytest
from django.contrib.auth import get_user_model

from packages_app.core.errors import CandidateHeld, PackageRefused
from packages_app.core.ports import Silent
from packages_app.models import HeldCandidate, Job, Publication
from packages_app.services import adapters
from packages_app.services.publication.held_candidates import reject
from packages_app.services.publication.publish import publish
from packages_app.services.repair.force_rebuild import force_rebuild
from packages_app.services.repair.rebuild_preview import preview_rebuild
from packages_app.services.requests import request_force_rebuild
from tests.commands.calling import call, refused
from tests.reader import read_suite
from tests.records import make_record

PAGE = "/admin/packages_app/publication/force-rebuild/"


@pytest.fixture
def user(db):
    return get_user_model().objects.create_superuser("ann")


@pytest.fixture
def published(embedded):
    """A repository with three published packages."""
    for name in ("one", "two", "three"):
        add(embedded, name)
    publish("stable", Silent())
    return embedded


def add(stack, name, *, with_file=True):
    record = make_record(name)
    stack.table.put_new(record)
    if with_file:
        stack.bucket.put(record.pool_path, f"{name}#1.0#amd64".encode())


@pytest.fixture(params=["vanished", "missing", "identity"])
def held(request, published, settings, tmp_path):
    """A candidate that was held back, for each reason."""
    if request.param == "vanished":
        settings.PACKAGE_TABLE = type(settings.PACKAGE_TABLE)(tmp_path / "restored.sqlite3")
        published.table.create()
        published.table.put_new(make_record("one"))
    elif request.param == "missing":
        add(published, "ghost", with_file=False)
    else:
        published.configure(origin="Another")
    return hold()


def hold():
    with pytest.raises(CandidateHeld):
        publish("stable", Silent())
    return HeldCandidate.objects.get(state="waiting")


def names(stack):
    return {key[0] for key in read_suite(stack.bucket, adapters.signer().public_keyring())}


def test_a_rebuild_does_not_publish_what_is_held_back(published, held):
    before = published.dists()
    with pytest.raises(CandidateHeld):
        force_rebuild([], Silent())
    assert published.dists() == before
    assert HeldCandidate.objects.get(state="waiting") == held


def test_a_rebuild_publishes_what_is_named_and_keeps_who_decided(published, held, user):
    before = published.dists()["dists/stable/InRelease"]
    request_force_rebuild(["stable"], user, approved=[held.pk])
    job = published.run_jobs()[0]
    assert (job.kind, job.state, job.error_code) == ("force_rebuild", "done", "")
    held.refresh_from_db()
    assert (held.state, held.decided_by, held.decider) == ("published", user, "ann")
    publication = Publication.objects.first()
    assert (publication.kind, publication.job.asker) == ("force_rebuild", "ann")
    assert published.dists()["dists/stable/InRelease"] != before
    assert not HeldCandidate.objects.filter(state="waiting").exists()


def test_what_was_rejected_is_not_published_either(published, user):
    add(published, "ghost", with_file=False)
    reject(hold(), user)
    with pytest.raises(CandidateHeld):
        force_rebuild([], Silent())
    assert names(published) == {"one", "two", "three"}


def test_when_the_cause_is_gone_a_rebuild_publishes_without_approval(published):
    add(published, "ghost", with_file=False)
    hold()
    published.bucket.put(make_record("ghost").pool_path, b"ghost#1.0#amd64")
    force_rebuild([], Silent())
    assert names(published) == {"one", "two", "three", "ghost"}
    published.bucket.delete(make_record("two").pool_path)
    force_rebuild([], Silent())  # of what nobody was held back for it says so and succeeds
    assert Publication.objects.first().missing_files == [make_record("two").pool_path]


def test_records_that_nobody_has_been_told_of_are_held_by_the_rebuild_itself(published, settings, tmp_path):
    settings.PACKAGE_TABLE = type(settings.PACKAGE_TABLE)(tmp_path / "empty.sqlite3")
    published.table.create()
    with pytest.raises(CandidateHeld) as error:
        force_rebuild([], Silent())
    assert [finding.code for finding in error.value.findings] == ["vanished"]
    assert names(published) == {"one", "two", "three"}


def test_an_approval_is_of_these_findings_of_this_suite_and_of_no_others(published, user):
    add(published, "ghost", with_file=False)
    candidate = hold()
    published.configure(suites=[{}, {"name": "testing", "codename": "testing"}])
    for suites, number in ((["testing"], candidate.pk), (["stable"], candidate.pk + 1)):
        with pytest.raises(PackageRefused):
            request_force_rebuild(suites, user, approved=[number])
    assert not Job.objects.filter(kind="force_rebuild").exists()
    request_force_rebuild(["stable"], user, approved=[candidate.pk])
    add(published, "another-ghost", with_file=False)
    job = published.run_jobs()[0]
    assert (job.kind, job.error_code) == ("force_rebuild", "candidate_held")
    assert names(published) == {"one", "two", "three"}
    with pytest.raises(PackageRefused):
        request_force_rebuild(["stable"], user, approved=[candidate.pk])


def test_a_command_keeps_the_system_users_name_and_not_the_environments(published, held, monkeypatch):
    monkeypatch.setenv("LOGNAME", "somebody-else")
    monkeypatch.setenv("USER", "somebody-else")
    monkeypatch.delenv("SUDO_USER", raising=False)
    me = pwd.getpwuid(os.getuid()).pw_name
    said = refused("force_rebuild", "stable")
    assert (said.code, said.returncode) == ("candidate_held", 1)
    assert f"--approve {held.pk}" in said
    assert Job.objects.get(kind="force_rebuild").requested_as == me
    call("force_rebuild", "stable", "--approve", held.pk)
    held.refresh_from_db()
    assert (held.state, held.decided_as, held.decided_by) == ("published", me, None)
    assert Publication.objects.first().job.requested_as == me
    assert me in held.decider


def test_the_preview_says_what_changes_and_what_is_held(published):
    add(published, "ghost", with_file=False)
    [preview] = preview_rebuild([])
    assert (preview.suite, preview.pending, preview.more, preview.held) == ("stable", ("ghost 1.0 amd64",), 0, None)
    held = hold()
    [preview] = preview_rebuild(["stable"])
    assert (preview.held, preview.last) == (held, Publication.objects.first())


def test_the_page_asks_for_consent_and_names_what_is_held(published, held, admin_client):
    before = published.dists()
    page = admin_client.get(PAGE).content.decode()
    assert held.findings[0]["text"] in page.replace("&#x27;", "'")
    assert all(name in page for name in (*held.added, *held.removed))
    assert f'name="approve" value="{held.pk}"' in page
    assert 'name="consent" value="1" required' in page
    assert admin_client.post(PAGE, {"suite": "stable", "approve": held.pk}).status_code == 200
    assert not Job.objects.filter(kind="force_rebuild").exists()
    admin_client.post(PAGE, {"suite": "stable", "consent": "1"})
    assert published.run_jobs()[0].error_code == "candidate_held"
    assert published.dists() == before
    admin_client.post(PAGE, {"suite": "stable", "consent": "1", "approve": held.pk})
    assert published.run_jobs()[0].state == "done"
    held.refresh_from_db()
    assert (held.state, held.decider) == ("published", "admin")
    for address in (f"heldcandidate/{held.pk}", f"publication/{Publication.objects.first().pk}"):
        assert ">admin<" in admin_client.get(f"/admin/packages_app/{address}/change/").content.decode()
