"""Candidates that name very many packages: counts and the first names in the row, all of them beside it."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.utils import timezone

from packages_app.core.candidate_finding import CandidateFinding, findings_digest
from packages_app.core.caution import Caution, with_cautions
from packages_app.core.errors import CandidateHeld
from packages_app.core.ports import Silent
from packages_app.models import ClearedCaution, HeldCandidate, HeldLists
from packages_app.services.intake.reject_candidate import reject_candidate
from packages_app.services.old_rows import remove_old_rows
from packages_app.services.publication.held_candidates import approve
from packages_app.services.publication.held_lists import whole_of
from packages_app.services.publication.publish import publish
from tests.records import make_record

COUNT = 130
SETUID = Caution("setuid", "usr/bin/tool")


@pytest.fixture
def user(db):
    return get_user_model().objects.create_superuser("ann")


def add(stack, names, version="1.0"):
    for name in names:
        record = with_cautions(make_record(name, version), [SETUID])
        stack.bucket.put(record.pool_path, f"{name}#{version}#amd64".encode())
        stack.table.put_new(record)


@pytest.fixture
def held(embedded):
    """A candidate that would bring very many packages with a caution."""
    add(embedded, [f"tool{number}" for number in range(COUNT)])
    with pytest.raises(CandidateHeld):
        publish("stable", Silent())
    return HeldCandidate.objects.get()


def test_a_row_has_counts_and_the_first_names_and_all_are_beside_it(held):
    [finding] = held.findings
    assert (held.codes, len(finding["items"]), finding["count"]) == (["setuid"], 100, COUNT)
    assert (len(held.added), held.added_count, held.removed_count) == (100, COUNT, 0)
    whole = whole_of(held)
    assert [len(each["items"]) for each in whole["findings"]] == [COUNT]
    assert len(set(whole["added"])) == COUNT
    assert whole["added"][:100] == held.added
    said = [CandidateFinding(each["code"], "", "", tuple(each["items"])) for each in whole["findings"]]
    assert findings_digest(said) == held.digest, "an approval is of all of them"


def test_a_small_candidate_needs_no_more_than_its_row(embedded):
    add(embedded, ["tool"])
    with pytest.raises(CandidateHeld):
        publish("stable", Silent())
    held = HeldCandidate.objects.get()
    assert not HeldLists.objects.exists()
    assert whole_of(held)["added"] == held.added == ["tool 1.0 amd64"]


def test_what_waits_and_is_another_one_now_names_what_it_has_now(held, embedded):
    for number in range(COUNT - 1):
        record = embedded.table.get(f"tool{number}", "1.0", "amd64")
        embedded.table.set_suites(record, ())
    with pytest.raises(CandidateHeld):
        publish("stable", Silent())
    last = HeldCandidate.objects.get(state="waiting")
    assert whole_of(last)["added"] == [f"tool{COUNT - 1} 1.0 amd64"]
    assert last.added_count == 1


def test_a_rejection_takes_all_of_them_out(held, embedded, user):
    assert len(reject_candidate(held, user)) == COUNT
    assert not any(record.suites for record in embedded.table.all_records())


def test_what_was_approved_stays_cleared_when_its_candidate_is_long_gone(held, embedded, user):
    approve(held, user)
    assert [job.state for job in embedded.run_jobs()] == ["done"]
    assert ClearedCaution.objects.filter(suite="stable").count() == COUNT
    HeldCandidate.objects.update(seen=timezone.now() - timedelta(days=999))
    assert remove_old_rows()["candidates"] == 1
    assert not HeldLists.objects.exists()
    add(embedded, [f"tool{COUNT - 1}"], version="2.0")
    assert publish("stable", Silent()).packages == COUNT + 1
    add(embedded, ["other"])
    with pytest.raises(CandidateHeld):
        publish("stable", Silent())


def test_candidates_of_an_earlier_release_keep_what_they_name_and_what_they_cleared(db):
    many = [f"tool{number} 1.0 amd64 setuid: usr/bin/tool" for number in range(COUNT)]
    one = ["key 1.0 amd64 bootstrap_key: it is another"]
    findings = [
        {"code": code, "text": "", "remedy": "", "items": items}
        for code, items in (("setuid", many), ("bootstrap_key", one), ("vanished", ["gone#1.0 amd64"]))
    ]
    long_one, waiting = (
        HeldCandidate.objects.create(
            suite="stable", state=state, findings=findings, added=many, digest="d", packages=1, seen=timezone.now()
        )
        for state in ("published", "waiting")
    )
    import_module("packages_app.migrations.0012_bounded_candidates").bound(apps, None)
    for held in (long_one, waiting):
        held.refresh_from_db()
        assert [each["count"] for each in held.findings] == [COUNT, 1, 1]
        assert (held.codes, held.added_count) == (["setuid", "bootstrap_key", "vanished"], COUNT)
        assert len(held.findings[0]["items"]) == len(held.added) == 100
        assert whole_of(held)["added"] == many
        assert whole_of(held)["findings"][0]["items"] == many
    cleared = set(ClearedCaution.objects.values_list("package", "said"))
    assert len(cleared) == COUNT + 1
    assert ("key 1.0 amd64", "bootstrap_key: it is another") in cleared
    assert ("tool0", "setuid: usr/bin/tool") in cleared
