"""Notices sent on: to a real webhook and in a real conversation with a mail server, once, and with no secret shown."""

from __future__ import annotations

import io
import os
import re
import shutil
from contextlib import redirect_stderr
from datetime import timedelta

import boto3
import pytest
from django.db import connection
from django.utils import timezone
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sns import sns_backends

from packages_app import tasks
from packages_app.core.errors import SettingsError
from packages_app.models import Job, Notice
from packages_app.services.notices.notify import notify, settle_notices, wanted_kinds
from packages_app.services.notices.send import given_up, send_notices, sending_state
from repomgr import environment, logs
from repomgr.servers.process import free_port
from tests import prepared
from tests.receivers import MailServer, Webhook

SECRET = "hunter2hunter2"


@pytest.fixture
def webhook():
    with Webhook() as webhook:
        yield webhook


@pytest.fixture
def log(settings):
    """Everything that is logged, at the chattiest level."""
    with redirect_stderr(io.StringIO()) as stream:
        logs.configure({"level": "DEBUG", "format": "json"})
    yield stream.getvalue
    logs.configure(settings.LOGGING)


def failed(subject="publish stable", job=None):
    return notify(Notice.Kind.JOB_FAILED, subject, "The bucket is away.", remedy="Bring it back.", job=job)


def let_pass(minutes):
    for notice in Notice.objects.all():
        Notice.objects.filter(pk=notice.pk).update(created=notice.created - timedelta(minutes=minutes))


def title_of(notice):
    """What people read first: how bad it is, of what kind, and what about."""
    return f"[{notice.level}] {notice.get_kind_display()}: {notice.subject}"


def the_notice():
    return Notice.objects.get()


def test_a_notice_reaches_webhook_and_mailbox_once(embedded, settings, webhook):
    settings.ADMIN_URL = "https://repomgr.example.org/admin"
    with MailServer() as mail:
        settings.NOTIFY_URLS = [webhook.address(), mail.address()]
        notice = failed()
        assert send_notices() == 1
        failed()  # it is so still
        let_pass(60)
        assert send_notices() == 0
    [post] = webhook.posts
    assert post["title"] == title_of(notice)
    assert post["type"] == "failure"
    [sent] = mail.mails
    assert sent["To"] == "ops@example.org"
    assert sent["Subject"] == post["title"]
    assert mail.logins == [("watch", "secret")]
    link = f"https://repomgr.example.org/admin/packages_app/notice/{notice.pk}/change/"
    for text in (post["message"], sent.get_body(("plain",)).get_content()):
        assert "The bucket is away." in text
        assert "Bring it back." in text
        assert "https://apt.example.org" in text
        assert link in text
    notice = the_notice()
    assert notice.sent
    assert (notice.times, sending_state(notice)) == (2, "sent")


def test_a_notice_reaches_a_topic_of_sns(embedded, settings):
    with mock_aws():  # apprise lets no endpoint be set: here moto answers for AWS's own
        topic = boto3.client("sns", region_name="eu-central-1").create_topic(Name="alarms")["TopicArn"]
        settings.NOTIFY_URLS = ["sns://AKIAEXAMPLE/secret%2Fkey/eu-central-1/alarms"]
        notice = failed()
        assert send_notices() == 1
        [[_, body, subject, *_]] = sns_backends[DEFAULT_ACCOUNT_ID]["eu-central-1"].topics[topic].sent_notifications
    assert subject == title_of(notice)
    assert "The bucket is away." in body


def test_a_matter_that_comes_back_is_sent_again(embedded, settings, webhook):
    settings.NOTIFY_URLS = [webhook.address()]
    failed()
    send_notices()
    settle_notices(Notice.Kind.JOB_FAILED, "publish stable")
    failed()
    assert send_notices() == 1
    assert len(webhook.posts) == 2


def test_what_a_server_refused_is_sent_later(embedded, settings, webhook):
    settings.NOTIFY_URLS = [webhook.address()]
    webhook.statuses = [500]
    failed()
    assert send_notices() == 0
    notice = the_notice()
    assert notice.sent is None
    assert notice.sending_failed.startswith("address 1 (json): ")
    assert "error=500" in notice.sending_failed
    assert sending_state(notice) == "tried again soon"
    assert send_notices() == 0
    assert len(webhook.posts) == 1, "tried again at once"
    let_pass(2)
    assert send_notices() == 1
    assert [post["status"] for post in webhook.posts] == [500, 200]
    assert the_notice().sending_failed == ""


def test_a_redirect_does_not_swallow_a_notice(embedded, settings, webhook):
    settings.NOTIFY_URLS = [webhook.address()]
    webhook.statuses = [302]
    failed()
    assert send_notices() == 0
    assert the_notice().sent is None


def test_sending_is_given_up_after_some_tries(embedded, settings, webhook, log):
    settings.NOTIFY_URLS = [webhook.address()]
    webhook.statuses = [500] * 99
    failed()
    tried = []
    for minute in range(600):
        send_notices()
        tried += [minute] * (len(webhook.posts) - len(tried))
        let_pass(1)
    assert tried == [0, 2, 10, 60, 360]
    assert given_up().get() == the_notice()
    assert sending_state(the_notice()) == "given up"
    said = log()
    assert said.count('"event": "notice_not_sent"') == 4
    assert said.count('"event": "notice_given_up"') == 1


def test_of_several_addresses_the_good_ones_get_it_once(embedded, settings, webhook):
    with Webhook() as other:
        good, bad = webhook.address(), "carrierpigeon://loft/7"
        settings.NOTIFY_URLS = [bad, good, f"json://127.0.0.1:{free_port()}/", other.address()]
        other.statuses = [503]
        failed()
        assert send_notices() == 0
        let_pass(2)
        assert send_notices() == 0
        assert [len(webhook.posts), len(other.posts)] == [1, 2]
        report = the_notice().sending_failed
        assert "address 1 (carrierpigeon): " in report
        assert "address 3 (json): " in report
        settings.NOTIFY_URLS = [other.address(), good, webhook.address(path="/mended")]
        let_pass(10)
        assert send_notices() == 1
        assert [post["path"] for post in webhook.posts] == ["/", "/mended"]
        assert len(other.posts) == 2


def test_two_workers_that_wake_at_once_send_each_notice_once(transactional_db, embedded, settings, webhook):
    settings.NOTIFY_URLS = [webhook.address()]
    sent_meanwhile = []

    def another_worker():
        webhook.on_post = lambda: None
        sent_meanwhile.append(send_notices())
        connection.close()  # it is the webhook's thread, with a connection of its own

    failed("one")
    failed("two")
    webhook.on_post = another_worker
    assert send_notices() == 1
    assert sent_meanwhile == [1]
    assert [post["title"].rpartition(" ")[2] for post in webhook.posts] == ["one", "two"]


def test_no_secret_of_an_address_is_logged_or_kept(embedded, settings, webhook, log):
    with MailServer(refused=True) as mail:
        settings.NOTIFY_URLS = [
            webhook.address(f"hook:{SECRET}", f"/{SECRET}?+Authorization={SECRET}"),
            f"json://{SECRET}:{SECRET}@127.0.0.1:{free_port()}/{SECRET}",
            f"json://{SECRET}.invalid/",
            f"slack://{SECRET}/{SECRET}/",
            f"sns://AKIAHUNTER2/{SECRET}%2Fhunter2/nowhere/{SECRET}",
            mail.address(SECRET),
            f"no{SECRET}://{SECRET}",
        ]
        webhook.statuses = [500, 200]
        failed()
        send_notices()
        let_pass(2)
        send_notices()
        assert mail.logins[0] == ("watch", SECRET)
    assert [post["status"] for post in webhook.posts] == [500, 200]
    assert "error=500" not in the_notice().sending_failed
    said = log() + the_notice().sending_failed.replace(f"(no{SECRET})", "")
    assert "notice_not_sent" in said
    for scheme in ("json", "slack", "sns", "mailto"):
        assert f"({scheme})" in said
    assert "hunter2" not in said.replace(f"(no{SECRET})", "").lower()


def test_only_the_kinds_that_are_wanted_are_sent(embedded, settings, webhook):
    settings.NOTIFY_URLS = [webhook.address()]
    settings.NOTIFY_KINDS = ["version_conflict", "expiry_near"]
    failed()
    notice = notify(Notice.Kind.EXPIRY_NEAR, "stable", "It ends soon.")
    assert send_notices() == 1
    assert [post["title"] for post in webhook.posts] == [title_of(notice)]
    settings.NOTIFY_KINDS = []
    assert wanted_kinds() == Notice.Kind.values
    settings.NOTIFY_KINDS = ["all"]
    with pytest.raises(SettingsError, match="NOTIFY_KINDS names 'all'") as refused:
        send_notices()
    assert "job_failed" in refused.value.remedy


def test_nonsense_in_a_setting_stops_each_process_at_its_start(tmp_path):
    def started(**given):
        variables = {**os.environ, "REPOMGR_HOME": str(tmp_path), **given}
        return prepared.run((prepared.MANAGE, "check"), env=variables)

    refused = started(NOTIFY_KINDS="job_failed,everything")
    assert refused.returncode != 0
    assert "NOTIFY_KINDS names 'everything'" in refused.stderr
    refused = started(NOTIFY_URLS=SECRET)
    assert re.search(r"\b1\b.*\bNOTIFY_URLS\b", refused.stderr.splitlines()[-1])
    assert SECRET not in refused.stderr
    (tmp_path / "urls").write_text(f"mailto://a:b@example.org?to=x@example.org,y@example.org,\n json://{SECRET}\n")
    assert started(NOTIFY_URLS_FILE=str(tmp_path / "urls"), NOTIFY_KINDS="job_failed").returncode == 0


def test_addresses_are_told_apart_though_they_hold_commas(monkeypatch):
    monkeypatch.setenv(
        "NOTIFY_URLS", "mailto://a:b@example.org?to=x@example.org,y@example.org,json://host, sns://k/s/r/t"
    )
    assert environment.addresses("NOTIFY_URLS") == [
        "mailto://a:b@example.org?to=x@example.org,y@example.org",
        "json://host",
        "sns://k/s/r/t",
    ]
    monkeypatch.setenv("NOTIFY_URLS", " ")
    assert environment.addresses("NOTIFY_URLS") == []


def test_what_is_over_and_what_is_old_is_not_sent(embedded, settings, webhook):
    failed()
    settle_notices(Notice.Kind.JOB_FAILED, "publish stable")
    notify(Notice.Kind.NEW_VERSION, "stable 1", "New in stable: one 1.", level="info")
    expiry = notify(Notice.Kind.EXPIRY_NEAR, "stable", "It ends soon.")
    assert send_notices() == 0, "nobody is to be told"
    let_pass(60 * 25)
    settings.NOTIFY_URLS = [webhook.address()]
    news = notify(Notice.Kind.NEW_VERSION, "stable 2", "New in stable: two 2.", level="info")
    assert send_notices() == 2
    assert [post["title"] for post in webhook.posts] == [title_of(expiry), title_of(news)]


def test_old_notices_are_forgotten_once_they_are_settled(embedded):
    long_ago = timezone.now() - timedelta(days=99)
    for subject in ("open", "settled"):
        failed(subject, job=Job.objects.create(kind=Job.Kind.UPLOAD, subject=subject))
    failed("of a job that is forgotten")
    notify(Notice.Kind.NEW_VERSION, "stable 1", "New in stable: one 1.", level="info")
    notify(Notice.Kind.UNINSTALLABLE, "stable 2026-01-02 03:04:05", "1 package can't be installed.", level="warning")
    Notice.objects.update(seen=long_ago)
    Notice.objects.filter(subject="settled").update(settled=long_ago)
    tasks.send_notices()
    assert the_notice().subject == "open"


WAKING = """
import django; django.setup()
from django.db import transaction
from packages_app.models import Notice
from packages_app.services.notices.notify import notify
from repomgr.celery import app
from repomgr.settings import BROKER_FOLDER

def messages():
    return sum("send_notices" in path.read_text() for path in (BROKER_FOLDER / "queue").glob("*"))

with transaction.atomic():
    notify(Notice.Kind.JOB_FAILED, "one", "It failed.")
    print(messages())
print(messages())
notify(Notice.Kind.JOB_FAILED, "one", "It failed again.")
print(messages())
(BROKER_FOLDER / "queue").rename(BROKER_FOLDER / "away")
notify(Notice.Kind.JOB_FAILED, "two", "It failed.")
print(Notice.objects.count())
"""


def test_a_worker_is_woken_once_a_notice_is_kept_and_a_broker_that_is_away_stops_nothing(tmp_path, migrated):
    variables = {**os.environ, "REPOMGR_HOME": str(tmp_path), "NOTIFY_URLS": "json://127.0.0.1:9/"}
    variables["DJANGO_SETTINGS_MODULE"] = "repomgr.settings"
    shutil.copy(migrated, tmp_path)
    ran = prepared.run(("-c", WAKING), env=variables)
    assert ran.stdout.split() == ["0", "1", "1", "2"], ran.stderr
    assert '"event": "broker_away"' in ran.stderr
