"""A suspicious publication waits for a person: kept with its reason and diff, published only as approved."""

from contextlib import suppress

import pytest
from django.contrib.auth import get_user_model

from packages_app.core.errors import CandidateHeld, PackageRefused
from packages_app.core.ports import Silent
from packages_app.models import HeldCandidate, Notice, Publication
from packages_app.publishing.publication_options import DEFAULT_OPTIONS, PublicationOptions
from packages_app.services import adapters
from packages_app.services.publication.held_candidates import approve, reject
from packages_app.services.publication.publish import publish
from packages_app.services.publication.refresh_signatures import refresh_signatures
from packages_app.services.publication.requests import request_publication
from packages_app.services.repair.force_rebuild import force_rebuild
from tests.faults.ports import Calls, Way, faulty
from tests.reader import read_everything, read_release, read_suite
from tests.records import make_record


@pytest.fixture
def user(db):
    return get_user_model().objects.create_superuser("ann")


@pytest.fixture
def published(embedded):
    """A repository with three published packages."""
    add(embedded, "one", "two", "three")
    publish("stable", Silent())
    return embedded


def add(stack, *names, with_file=True):
    for name in names:
        record = make_record(name)
        stack.table.put_new(record)
        if with_file:
            stack.bucket.put(record.pool_path, f"{name}#1.0#amd64".encode())


def lose_records(stack, settings, tmp_path, *kept, table="other"):
    """Leave a table that has the records of these names only, as after a restore of an old backup."""
    settings.PACKAGE_TABLE = type(settings.PACKAGE_TABLE)(tmp_path / f"{table}.sqlite3")
    stack.table.create()
    for name in kept:
        stack.table.put_new(make_record(name))


def names(stack):
    return {key[0] for key in read_suite(stack.bucket, adapters.signer().public_keyring())}


def held_back(suite="stable", options=DEFAULT_OPTIONS):
    with pytest.raises(CandidateHeld):
        publish(suite, Silent(), options=options)
    return HeldCandidate.objects.get(state="waiting")


def test_packages_that_vanish_wait_with_a_diff_and_the_reason(published, settings, tmp_path):
    before = published.dists()
    lose_records(published, settings, tmp_path, "one")
    add(published, "new")
    held = held_back()
    assert [finding["code"] for finding in held.findings] == ["vanished"]
    assert held.findings[0]["items"] == ["three#1.0 amd64", "two#1.0 amd64"]
    assert (held.added, held.removed) == (["new 1.0 amd64"], ["three 1.0 amd64", "two 1.0 amd64"])
    assert held.packages == 2
    assert published.dists() == before
    notice = Notice.objects.get(kind="candidate_held", settled=None)
    assert held.findings[0]["text"] in notice.text


def test_what_is_approved_is_published(published, settings, tmp_path, user):
    lose_records(published, settings, tmp_path, "one")
    held = held_back()
    approve(held, user)
    [job] = published.run_jobs()
    assert job.state == "done"
    held.refresh_from_db()
    assert (held.state, held.decided_by) == ("published", user)
    assert names(published) == {"one"}
    assert not Notice.objects.filter(kind="candidate_held", settled=None).exists()


def test_an_approval_holds_for_the_findings_shown_and_for_no_others(published, settings, tmp_path, user):
    lose_records(published, settings, tmp_path, "one", "two")
    held = held_back()
    approve(held, user)
    lose_records(published, settings, tmp_path, "one", table="worse")
    [job] = published.run_jobs()
    assert (job.state, job.error_code) == ("failed", "candidate_held")
    held.refresh_from_db()
    assert held.state == "outdated"
    assert HeldCandidate.objects.get(state="waiting").removed == ["three 1.0 amd64", "two 1.0 amd64"]
    assert names(published) == {"one", "two", "three"}


@pytest.mark.parametrize("begun", [True, False])
def test_an_approval_that_comes_while_a_publication_runs_is_not_thrown_away(published, settings, tmp_path, user, begun):
    lose_records(published, settings, tmp_path, "one")
    held = held_back()
    ports = adapters.Ports(adapters.package_table(), adapters.bucket(), adapters.staging())
    # Before the lease is taken, or behind all that is read, when the candidate is about to be held back again.
    calls = Calls()
    with adapters.given(faulty(ports, calls)):
        held_back()
    lease = next(at for at, name in enumerate(calls.names) if name.startswith("table.take_lease"))
    release = max(at for at, name in enumerate(calls.names) if name.startswith("table.release_lease"))
    again = Calls(at=release - 1 if begun else lease, way=Way.OVERTAKEN, meanwhile=lambda: approve(held, user))
    with adapters.given(faulty(ports, again)), suppress(CandidateHeld):
        publish("stable", Silent())
    published.run_jobs()
    held.refresh_from_db()
    assert held.state == "published"
    assert names(published) == {"one"}


def test_an_approval_is_used_once(published, settings, tmp_path, user):
    lose_records(published, settings, tmp_path, "one", "two")
    approve(held_back(), user)
    published.run_jobs()
    add(published, "three")
    publish("stable", Silent())
    lose_records(published, settings, tmp_path, "one", "two", table="again")
    held_back()


def test_a_file_that_is_not_in_the_pool_waits_and_may_be_approved(published, user):
    add(published, "ghost", with_file=False)
    held = held_back()
    assert [finding["code"] for finding in held.findings] == ["missing"]
    approve(held, user)
    published.run_jobs()
    assert Publication.objects.first().missing_files == [make_record("ghost").pool_path]
    assert Notice.objects.filter(kind="files_missing", settled=None).exists()


def test_a_new_identity_waits_for_approval_also_in_a_rebuild(published, user):
    published.configure(origin="Another")
    held = held_back()
    assert held.findings[0]["items"] == ["Origin: 'Kiro' to 'Another'"]
    assert held_back(options=PublicationOptions(rebuild=True)) == held
    approve(held, user)
    published.run_jobs()
    assert read_release(published.bucket, adapters.signer().public_keyring())["Origin"] == "Another"


def test_the_same_candidate_seen_again_is_one_row_and_one_notice(published, settings, tmp_path):
    lose_records(published, settings, tmp_path, "one")
    first = held_back()
    assert held_back() == first
    assert Notice.objects.get(kind="candidate_held").times == 2


def test_when_the_cause_is_gone_nothing_waits_any_more(published, settings, tmp_path, user):
    sound = settings.PACKAGE_TABLE
    lose_records(published, settings, tmp_path, "one")
    held = held_back()
    settings.PACKAGE_TABLE = sound
    publish("stable", Silent())
    held.refresh_from_db()
    assert held.state == "outdated"
    assert not Notice.objects.filter(settled=None, kind="candidate_held").exists()
    with pytest.raises(PackageRefused, match=rf"{held} .*\boutdated\b"):
        approve(held, user)


def test_what_is_rejected_stays_unpublished(published, settings, tmp_path, user):
    lose_records(published, settings, tmp_path, "one")
    held = held_back()
    reject(held, user)
    with pytest.raises(PackageRefused, match="rejected"):
        approve(held, user)
    request_publication("stable")
    published.run_jobs()
    assert names(published) == {"one", "two", "three"}
    assert HeldCandidate.objects.filter(state="waiting").count() == 1


def test_a_held_candidate_does_not_let_signatures_expire(published, settings, tmp_path):
    before = read_release(published.bucket, adapters.signer().public_keyring())
    lose_records(published, settings, tmp_path, "one")
    publication = publish("stable", Silent(), options=PublicationOptions(resign=True))
    after = read_release(published.bucket, adapters.signer().public_keyring())
    assert after["Date"] != before["Date"]
    assert after["SHA256"] == before["SHA256"]
    assert (publication.packages, publication.added, publication.removed) == (3, [], [])
    assert HeldCandidate.objects.get().state == "waiting"
    assert names(published) == {"one", "two", "three"}
    assert refresh_signatures(Silent()) == {"suites": []}


def test_a_force_rebuild_publishes_without_missing_files_and_says_so(published):
    published.bucket.delete(make_record("two").pool_path)
    force_rebuild([], Silent())
    notice = Notice.objects.get(kind="files_missing", settled=None)
    assert "two_1.0_amd64.deb" in notice.text
    published.bucket.put(make_record("two").pool_path, b"two#1.0#amd64")
    force_rebuild([], Silent())
    notice.refresh_from_db()
    assert notice.settled
    assert len(read_everything(published.bucket, adapters.signer().public_keyring())) == 3
