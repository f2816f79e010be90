"""Rows that nobody asks for any more: they go, and what a person or a client still needs stays."""

from datetime import timedelta

from django.contrib.sessions.models import Session
from django.utils import timezone

from packages_app import tasks
from packages_app.models import Conflict, HeldCandidate, Job, Publication
from packages_app.services.jobs import waking

LONG_AGO = timedelta(days=400)


def publication(suite, age, **fields):
    now = timezone.now()
    made = Publication.objects.create(
        suite=suite, kind="publish", date=now, valid_until=now, release_sha256="0" * 64, fingerprint="F",
        packages=1, records_read=1, uploaded_bytes=1, **fields,
    )  # fmt: skip
    Publication.objects.filter(pk=made.pk).update(published_at=now - age)
    return made


def test_old_publications_go_with_their_lists_and_each_suite_keeps_its_last(embedded):
    for key in ("publications/stable/old.json", "publications/stable/shared.json"):
        embedded.staging.put(key, b"{}")
    publication("stable", LONG_AGO, lists_key="publications/stable/old.json")
    publication("stable", LONG_AGO, lists_key="publications/stable/shared.json")
    stays = [
        publication("stable", timedelta(days=1), lists_key="publications/stable/shared.json"),
        publication("testing", LONG_AGO),
    ]
    assert tasks.remove_old_rows()["publications"] == 2
    assert set(Publication.objects.all()) == set(stays)
    assert [key for key, _ in embedded.staging.keys("publications/")] == ["publications/stable/shared.json"]


def test_decided_candidates_settled_conflicts_and_sessions_that_are_over_go(embedded):
    long_ago = timezone.now() - LONG_AGO
    for state in ("waiting", "approved", "published", "rejected", "outdated"):
        HeldCandidate.objects.create(suite="stable", state=state, findings=[], digest="d", packages=1, seen=long_ago)
    for settled in (True, False):
        Conflict.objects.create(package_name="tool", version="1", offered_sha256=str(settled), settled=settled)
    Conflict.objects.update(seen=long_ago)
    for name, days in (("over", -1), ("open", 1)):
        Session.objects.create(session_key=name, session_data="", expire_date=timezone.now() + timedelta(days=days))
    tasks.remove_old_rows()
    assert set(HeldCandidate.objects.values_list("state", flat=True)) == {"waiting", "approved"}
    assert list(Conflict.objects.values_list("settled", flat=True)) == [False]
    assert list(Session.objects.values_list("session_key", flat=True)) == ["open"]


def test_how_long_jobs_stay_is_set(embedded, settings):
    ended = timezone.now() - timedelta(days=10)
    Job.objects.create(kind="sweep", state="done", ended=ended)
    waking.wake_silent_jobs()
    assert Job.objects.count() == 1
    settings.JOBS_KEPT_DAYS = 9
    waking.wake_silent_jobs()
    assert Job.objects.count() == 0
