"""What webhooks are told: each event once, with its facts, in the transaction of what it tells of, in its archive."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from packages_app.core.errors import CandidateHeld, RepomgrError, UpstreamError
from packages_app.core.ports import Silent
from packages_app.core.record import ADOPTED
from packages_app.core.suite_change import What
from packages_app.core.webhooks import patterns_in
from packages_app.models import HeldCandidate, Job, Package, Publication, Webhook, WebhookDelivery
from packages_app.services import adapters
from packages_app.services.archives import entered
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.jobs import queue, waking
from packages_app.services.lifecycle.move import keys_selected, request_move
from packages_app.services.lifecycle.purge import request_purge
from packages_app.services.lifecycle.steps import Move
from packages_app.services.mirror.packages import mirror_records, reconcile_mirror
from packages_app.services.publication.publish import publish
from packages_app.services.publication.watch_expiry import watch_expiry
from packages_app.services.webhooks.send import send_webhooks
from packages_app.services.webhooks.tell import Happening, tell
from tests.debs import build_deb
from tests.receivers import MessageReceiver
from tests.records import make_record
from tests.services.publication.test_watch_expiry import age
from tests.services.webhooks.hooks import hook, told
from tests.stack import LOOPBACK

Event = Webhook.Event


def upload(stack, deb):
    stage_upload(deb, deb.name)
    return stack.run_jobs()


def test_the_life_of_a_version_is_told_from_its_intake_to_its_purge(embedded, settings, tmp_path):
    settings.ADMIN_URL = "https://repomgr.example.org/admin"
    hook()
    embedded.define_uploads("tool")
    deb = build_deb(tmp_path, "tool", "1.0")
    upload(embedded, deb)
    [record] = embedded.records()
    [added], [made] = told(Event.VERSION_ADDED), told(Event.PUBLICATION_MADE)
    facts = {"archive": "default", "package": "tool", "version": "1.0", "architecture": "amd64"}
    assert added == {
        **facts, "component": "main", "suites": ["stable"], "sha256": record.sha256_hash, "size": record.file_size,
        "link": "https://repomgr.example.org/admin/packages_app/package/?q=tool_1.0_amd64",
    }  # fmt: skip
    row = Publication.objects.get()
    assert (made["suite"], made["kind"], made["publication"], made["packages"]) == ("stable", "publish", row.pk, 1)
    assert (made["release_sha256"], made["added_count"], made["removed_count"]) == (row.release_sha256, 1, 0)
    assert made["added"] == [{name: facts[name] for name in ("package", "version", "architecture")}]
    assert made["link"] == f"https://repomgr.example.org/admin/packages_app/publication/{row.pk}/change/"
    assert {message["timestamp"][-1] for message in told()} == {"Z"}

    upload(embedded, deb)
    assert len(told(Event.VERSION_ADDED)) == 1, "the same bytes again are no news"
    upload(embedded, build_deb(tmp_path / "other", "tool", "1.0", Section="net"))
    upload(embedded, build_deb(tmp_path / "other", "tool", "1.0", Section="net"))
    [conflict] = told(Event.VERSION_CONFLICT)
    assert (conflict["package"], conflict["sha256"], conflict["suites"]) == ("tool", record.sha256_hash, ["stable"])
    assert conflict["offered_sha256"] != record.sha256_hash
    failed = told(Event.JOB_FAILED)
    assert [(each["kind"], each["code"]) for each in failed] == [("intake_upload", "version_conflict")] * 2

    request_purge(keys_selected("tool"), "a key is in it", "tool")
    embedded.run_jobs()
    [purged] = told(Event.VERSION_PURGED)
    assert (purged["version"], purged["sha256"], purged["suites"]) == ("1.0", record.sha256_hash, ["stable"])
    assert WebhookDelivery.objects.exclude(state="waiting").count() == 0


def test_each_version_that_is_withdrawn_is_told_also_by_a_job_that_was_interrupted_after_the_move(embedded, tmp_path):
    embedded.configure(suites=[{"name": "stable"}, {"name": "testing", "codename": "testing"}])
    embedded.define_uploads("tool")
    embedded.define_uploads("wide", suites=["stable", "testing"])
    for name in ("tool", "wide"):
        upload(embedded, build_deb(tmp_path, name, "1.0"))
    hook()
    request_move(Move(What.WITHDRAWN, tuple(keys_selected("tool | wide")), ("stable",)), "it breaks")
    [job, *_] = embedded.run_jobs()
    withdrawn = told(Event.VERSION_WITHDRAWN)
    assert [(each["package"], each["withdrawn_from"], each["suites"], each["reason"]) for each in withdrawn] == [
        ("tool", ["stable"], [], "it breaks"), ("wide", ["stable"], ["testing"], "it breaks"),
    ]  # fmt: skip
    removed = told(Event.PUBLICATION_MADE)[-1]["removed"]
    assert [each["package"] for each in removed] == ["tool", "wide"]
    ids = set(WebhookDelivery.objects.filter(event=Event.VERSION_WITHDRAWN).values_list("event_id", flat=True))
    WebhookDelivery.objects.filter(event=Event.VERSION_WITHDRAWN).delete()  # as if it had died after the move
    Job.objects.filter(pk=job.pk).update(state="queued")
    embedded.run_jobs()
    again = WebhookDelivery.objects.filter(event=Event.VERSION_WITHDRAWN)
    assert (set(again.values_list("event_id", flat=True)), told(Event.VERSION_WITHDRAWN)) == (ids, withdrawn)


def test_a_candidate_that_is_held_is_told_once_and_so_is_a_release_that_nears_its_end(embedded):
    embedded.table.put_new(make_record("one"))
    embedded.bucket.put(make_record("one").pool_path, b"one#1.0#amd64")
    publish("stable", Silent())
    hook()
    embedded.table.put_new(make_record("gone"))
    for _ in range(2):
        with suppress(CandidateHeld):
            publish("stable", Silent())
    held = HeldCandidate.objects.get()
    [said] = told(Event.PUBLICATION_HELD)
    assert (said["suite"], said["held"], said["findings"]) == ("stable", held.pk, ["missing"])
    assert said["added_count"] == 1
    age(embedded, 11)
    for _ in range(2):
        watch_expiry()
    [near] = told(Event.EXPIRY_NEAR)
    assert near["suite"] == "stable"
    assert told(Event.PUBLICATION_MADE) == []


def test_a_job_whose_worker_keeps_dying_is_told_as_failed(embedded):
    hook("https://hooks.example.org", Event.JOB_FAILED, suites="sta*")
    silent = timezone.now() - timedelta(minutes=10)
    for suite in ("stable", "testing"):
        job = queue.enqueue(Job.Kind.PUBLISH, {"suite": suite}, subject=suite)
        Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, tries=4, heartbeat=silent)
    waking.wake_silent_jobs()
    assert [(each["subject"], each["code"]) for each in told(Event.JOB_FAILED)] == [("stable", "worker_died")]


def test_what_a_dead_worker_has_recorded_is_told_by_whoever_finds_it_and_old_records_never(embedded):
    hook("https://hooks.example.org", Event.VERSION_ADDED)
    now = adapters.now()
    fresh, again = ({"processed_timestamp": at.isoformat()} for at in (now - timedelta(minutes=5), now))
    embedded.table.put_new(make_record("fresh", **fresh))  # and then the worker died, before it wrote any row
    embedded.table.put_new(make_record("old"))
    embedded.table.put_new(make_record("adopted", **fresh, package_type=ADOPTED))
    for _ in range(2):
        reconcile_mirror(Silent())
    assert [each["package"] for each in told(Event.VERSION_ADDED)] == ["fresh"]
    Package.objects.all().delete()
    mirror_records([make_record("fresh", **fresh), make_record("late", **again)])
    named = [each["package"] for each in told(Event.VERSION_ADDED)]
    assert named == ["fresh", "late"], "a mirror that was lost tells nothing twice"


def test_what_is_rolled_back_was_not_told_and_what_nobody_hears_costs_one_query(embedded):
    def happenings():
        raise AssertionError("nobody is to hear of it")
        yield

    hook("https://hooks.example.org", Event.JOB_FAILED)
    with CaptureQueriesContext(connection) as queries:
        assert tell(Event.VERSION_ADDED, happenings()) == 0
    assert len(queries) == 1
    with suppress(UpstreamError), transaction.atomic():
        assert tell(Event.JOB_FAILED, [Happening({"text": "\ud800\0 \N{SNOWMAN}"})]) == 1
        raise UpstreamError("", remedy="")
    assert told() == []
    for _ in range(2):
        tell(Event.JOB_FAILED, [Happening({"text": "\ud800\0"}, matter="m")])
    assert [each["text"] for each in told(Event.JOB_FAILED)] == ["\N{REPLACEMENT CHARACTER}" * 2]


@pytest.mark.parametrize(
    ("packages", "suites", "names", "of_suites", "is_told"),
    [
        ("", "", ["tool"], ["stable"], True),
        ("tool, kiro*", "", ["kiro-cli"], ["stable"], True),
        ("tool", "", ["tools"], ["stable"], False),
        ("Tool", "", ["tool"], ["stable"], False),
        ("tool", "", ["other", "tool"], ["stable"], True),
        ("tool", "", [], ["stable"], False),
        ("tool", "", None, ["stable"], True),
        ("", "stable test?", ["tool"], ["tests"], True),
        ("", "stable", ["tool"], ["unstable"], False),
        ("", "stable", ["tool"], None, True),
        ("tool", "stable", ["tool"], ["testing"], False),
    ],
)
def test_patterns_say_who_hears_of_which_packages_and_suites(db, packages, suites, names, of_suites, is_told):
    hook(packages=packages, suites=suites)
    assert tell(Event.VERSION_ADDED, [Happening({}, names, of_suites)]) == is_told


@pytest.mark.parametrize(("text", "code"), [
    ("a b!c", "bad_pattern"), ("[a-", "bad_pattern"), ("tool;", "bad_pattern"), ("x" * 129, "bad_pattern"),
    (" ".join(map(str, range(51))), "webhook_refused"),
])  # fmt: skip
def test_what_is_no_pattern_is_refused(text, code):
    with pytest.raises(RepomgrError) as refused:
        patterns_in(text)
    assert refused.value.code == code


def test_an_archive_tells_its_own_webhooks_alone(db, settings):
    settings.ARCHIVES, settings.PRIVATE_UPSTREAMS = {"default": None, "acme": None}, LOOPBACK
    with MessageReceiver() as receiver:
        for slug in ("default", "acme"):
            with entered(slug):
                hook(f"{receiver.url}/{slug}", name=f"of {slug}")
        for slug in ("default", "acme"):
            with entered(slug):
                assert tell(Event.JOB_FAILED, [Happening({"subject": slug}, matter="the same in both")]) == 1
        with entered("acme"):
            assert send_webhooks() == 1
            assert WebhookDelivery.objects.count() == 1
        with entered("default"):
            assert send_webhooks() == 1
    said = [(path, json.loads(body)["data"]) for path, _, body in receiver.messages]
    assert said == [(f"/{slug}", {"archive": slug, "subject": slug}) for slug in ("acme", "default")]
    assert len({headers["webhook-id"] for _, headers, _ in receiver.messages}) == 2
