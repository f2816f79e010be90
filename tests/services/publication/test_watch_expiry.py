"""Expiry dates: people hear of a Release or a key that nears its end, well before clients stop."""

from datetime import UTC, datetime, timedelta

import pytest
from pysequoia import CipherSuite, Profile, Tsk

from packages_app import tasks
from packages_app.core.ports import Silent
from packages_app.indexes.release import parse_release, release_date
from packages_app.models import Job, Notice, Publication
from packages_app.services import adapters
from packages_app.services.jobs import queue
from packages_app.services.publication.publish import publish
from packages_app.services.publication.refresh_signatures import refresh_signatures, suites_to_refresh
from packages_app.services.publication.watch_expiry import watch_expiry
from packages_app.signing.openpgp import verified_text

IN_RELEASE = "dists/stable/InRelease"


@pytest.fixture
def published(embedded):
    publish("stable", Silent())
    return embedded


def age(stack, days):
    """Date the signed InRelease, and the record of it, some days back: 14 days is its life."""
    signer = adapters.signer()
    text = verified_text(stack.bucket.read(IN_RELEASE), signer.public_keyring())
    release = parse_release(text)
    for moment in (release.date, release.valid_until):
        old = release_date(moment - timedelta(days=days)).encode()
        text = text.replace(release_date(moment).encode(), old)
    stack.bucket.put(IN_RELEASE, signer.sign_clear(text))
    last = Publication.objects.get()
    back = timedelta(days=days)
    Publication.objects.update(date=last.date - back, valid_until=last.valid_until - back)


def alarm():
    return Notice.objects.filter(kind=Notice.Kind.EXPIRY_NEAR, settled=None).first()


def key(days):
    valid = timedelta(days=days).total_seconds()
    kind = {"profile": Profile.RFC4880, "cipher_suite": CipherSuite.Cv25519}
    return str(Tsk.generate("Archive", validity_seconds=int(valid), **kind))


@pytest.mark.parametrize(("days", "due"), [(6.9, False), (7.1, True), (13.9, True), (14.1, True)])
def test_a_release_is_signed_again_once_half_of_its_life_is_gone_and_not_at_its_end(published, days, due):
    age(published, days)
    assert suites_to_refresh() == (["stable"] if due else [])
    assert len(refresh_signatures(Silent())["suites"]) == int(due)
    assert suites_to_refresh() == []


@pytest.mark.parametrize(("days", "near"), [(0, False), (7.5, False), (10.4, False), (10.6, True), (13.9, True)])
def test_a_release_is_near_its_end_when_less_than_a_quarter_of_its_life_is_left(published, days, near):
    age(published, days)
    assert watch_expiry() == (["stable"] if near else [])
    assert (alarm() is not None) is near


def test_the_notice_says_how_long_is_left_and_is_settled_by_a_new_signature(published):
    age(published, 12)
    tasks.watch_expiry()
    notice = alarm()
    assert (notice.subject, notice.level) == ("stable", "error")
    assert "in 1 day, 23 hours" in notice.text
    assert notice.remedy
    queue.enqueue(Job.Kind.REFRESH)
    published.run_jobs()
    assert watch_expiry() == []
    assert alarm() is None


def test_an_expired_release_is_said_to_be_so(published):
    age(published, 15)
    watch_expiry()
    assert "expired on" in alarm().text


def test_a_suite_that_is_configured_no_more_is_no_alarm(published):
    age(published, 13)
    assert watch_expiry() == ["stable"]
    Notice.objects.update(subject="gone")
    assert watch_expiry() == ["stable"]
    assert [notice.subject for notice in Notice.objects.filter(settled=None)] == ["stable"]


def test_a_suite_that_was_never_published_is_no_alarm(embedded):
    assert watch_expiry() == []


def test_the_alarm_does_not_need_the_bucket_or_a_key_that_works(published, settings):
    age(published, 12)
    settings.SIGNING_KEY = "no key"
    assert watch_expiry() == ["stable", "signing key"]
    subjects = set(Notice.objects.filter(kind="expiry_near").values_list("subject", flat=True))
    assert subjects == {"stable", "signing key"}
    settings.SIGNING_KEY = ""
    published.bucket.delete(IN_RELEASE)
    assert watch_expiry() == ["stable"]


def test_a_key_that_expires_within_60_days_is_a_warning_until_it_is_another(embedded, settings):
    settings.SIGNING_KEY = key(59)
    assert watch_expiry() == ["signing key"]
    assert alarm().level == "warning"
    ends = datetime.now(UTC) + timedelta(days=59)
    assert f"{ends:%Y-%m}" in alarm().text
    assert adapters.signer().fingerprint in alarm().text
    settings.SIGNING_KEY = key(61)
    assert watch_expiry() == []
    assert alarm() is None
