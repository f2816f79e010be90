"""What stands in a suite's place and is not ours is never taken for nothing: the candidate waits for a person."""

import re
import sqlite3
import subprocess
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model

from packages_app.core.errors import CandidateHeld, ClockWrong, LeaseLost
from packages_app.core.last_given import LastGiven
from packages_app.core.ports import Silent
from packages_app.indexes.release import parse_release
from packages_app.models import HeldCandidate, Notice, Publication
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.publishing.publisher import Publisher
from packages_app.services import adapters
from packages_app.services.publication.held_candidates import approve
from packages_app.services.publication.publish import publish
from packages_app.services.publication.refresh_signatures import suites_to_refresh
from packages_app.services.repair.force_rebuild import force_rebuild
from packages_app.signing.openpgp import OpenPgpSigner, generate_key
from tests.apt.odd_keys import OddKey, odd_key
from tests.reader import read_release, read_suite
from tests.records import make_record

IN_RELEASE, RELEASE, SIGNATURE = (f"dists/stable/{name}" for name in ("InRelease", "Release", "Release.gpg"))
OTHER = OpenPgpSigner(generate_key("Another archive"))


def add(stack, *names):
    for name in names:
        record = make_record(name)
        stack.table.put_new(record)
        stack.bucket.put(record.pool_path, f"{name}#1.0#amd64".encode())


@pytest.fixture
def published(embedded):
    """A repository with two published packages."""
    add(embedded, "one", "two")
    publish("stable", Silent())
    Notice.objects.all().delete()
    return embedded


def use_another_key(settings):
    """Give the settings another key; gives the fingerprints of the one before and of this one."""
    before = adapters.signer().fingerprint
    settings.SIGNING_KEY = generate_key("Another archive")
    return before, adapters.signer().fingerprint


def held(stack, options=None, error=CandidateHeld, code="candidate_held"):
    """See a publication held, with nothing that clients see changed; gives its row."""
    before = stack.dists()
    with pytest.raises(error) as raised:
        publish("stable", Silent(), options=options or PublicationOptions())
    assert raised.value.code == code
    assert stack.dists() == before
    row = HeldCandidate.objects.get(state="waiting")
    assert row.approvable
    return row


def codes(row):
    return [finding["code"] for finding in row.findings]


def approved(stack, row):
    approve(row, get_user_model().objects.create_superuser("ann"))
    [job] = stack.run_jobs()
    assert job.state == "done", job.error
    row.refresh_from_db()
    assert row.state == "published"


def date_in_place(stack):
    return parse_release(stack.bucket.read(RELEASE)).date


def forget(stack):
    """Leave the table as an earlier release had it: without what clients were given last."""
    with sqlite3.connect(stack.table._path) as connection:
        connection.execute("DROP TABLE given")


@pytest.mark.parametrize("noted", [True, False], ids=["noted", "of an earlier release"])
def test_another_key_is_held_with_both_keys_dates_and_the_difference(published, settings, noted):
    if not noted:
        forget(published)
    date = date_in_place(published)
    old, new = use_another_key(settings)
    published.configure(label="Another")
    add(published, "three")
    row = held(published)
    assert codes(row) == ["signing_key_changed", "identity"]
    text = row.findings[0]["text"]
    assert old in text
    assert new in text
    said = re.findall(r"is dated ([\d :-]+) UTC", text)
    assert len(said) == 2 + noted
    # What is in place is dated when it was signed, which may be a second after its Date.
    in_place = datetime.fromisoformat(f"{said[0]}+00:00")
    assert date <= in_place <= datetime.fromisoformat(f"{said[-1]}+00:00")
    assert (row.added, row.removed) == (["three 1.0 amd64"], [])
    assert suites_to_refresh() == []


def test_lost_records_show_as_vanished_under_another_key_too(published, settings, tmp_path):
    use_another_key(settings)
    settings.PACKAGE_TABLE = type(settings.PACKAGE_TABLE)(tmp_path / "other.sqlite3")
    published.table.create()
    published.table.put_new(make_record("one"))
    row = held(published)
    assert codes(row) == ["signing_key_changed", "vanished"]
    assert row.removed == ["two 1.0 amd64"]


def test_a_changed_key_is_published_as_approved_and_brings_no_news(published, settings):
    before = date_in_place(published)
    _, new = use_another_key(settings)
    approved(published, held(published))
    assert len(read_suite(published.bucket, adapters.signer().public_keyring())) == 2
    assert date_in_place(published) > before
    assert published.table.last_given("stable") == LastGiven(date_in_place(published), new)
    assert Publication.objects.first().added == []
    assert not Notice.objects.filter(kind="new_version").exists()
    publish("stable", Silent())


def test_a_force_rebuild_shows_another_key_only_when_it_is_asked_for(published, settings):
    use_another_key(settings)
    with pytest.raises(CandidateHeld):
        force_rebuild([], Silent())
    with pytest.raises(CandidateHeld):
        force_rebuild([], Silent(), new_identity=True)
    force_rebuild([], Silent(), new_key=True)
    assert len(read_suite(published.bucket, adapters.signer().public_keyring())) == 2


def test_a_key_that_clients_do_not_know_is_held_though_the_bucket_was_emptied(published, settings):
    for key in published.dists():
        published.bucket.delete(key)
    old, new = use_another_key(settings)
    row = held(published)
    assert codes(row) == ["signing_key_changed"]
    assert row.findings[0]["items"] == [f"given: key {old}", f"new: key {new}"]


@pytest.mark.parametrize("staging_too", [False, True])
def test_after_the_bucket_was_emptied_a_release_is_newer_and_brings_no_news(published, staging_too):
    given = published.table.last_given("stable")
    for key in published.dists():
        published.bucket.delete(key)
    for key, _ in published.staging.keys("releases/"):
        if staging_too:
            published.staging.delete(key)
    publish("stable", Silent())
    assert date_in_place(published) > given.date
    assert Publication.objects.first().added == []
    assert not Notice.objects.filter(kind="new_version").exists()


def test_a_date_that_clients_would_ignore_is_held_though_the_bucket_was_emptied(published):
    given = published.table.last_given("stable")
    ahead = LastGiven(given.date + timedelta(days=2), given.fingerprint)
    published.table.keep_last_given("stable", ahead, before=given)
    for key in published.dists():
        published.bucket.delete(key)
    for options in (PublicationOptions(), PublicationOptions(rebuild=True), PublicationOptions(resign=True)):
        assert codes(held(published, options, ClockWrong, "clock_wrong")) == ["clock_wrong"]


@pytest.mark.parametrize("options", [PublicationOptions(), PublicationOptions(resign=True)])
@pytest.mark.parametrize("newcomer", ["four", ""])
def test_a_publication_over_an_older_release_that_was_put_back_lacks_no_package(published, options, newcomer):
    older = {key: published.bucket.read(key) for key in (IN_RELEASE, RELEASE, SIGNATURE)}
    add(published, "three")
    publish("stable", Silent())
    newest = date_in_place(published)
    for key, body in older.items():
        published.bucket.put(key, body)
    names = {"one", "two", "three"}
    if newcomer:
        add(published, newcomer)
        names.add(newcomer)
    publish("stable", Silent(), options=options)
    assert {name for name, *_ in read_suite(published.bucket, adapters.signer().public_keyring())} == names
    assert date_in_place(published) > newest


def test_the_very_packages_put_back_under_an_older_date_are_dated_anew(published):
    older = {key: published.bucket.read(key) for key in (IN_RELEASE, RELEASE, SIGNATURE)}
    publish("stable", Silent(), options=PublicationOptions(resign=True))
    newest = date_in_place(published)
    for key, body in older.items():
        published.bucket.put(key, body)
    publish("stable", Silent())
    assert date_in_place(published) > newest


def test_what_an_earlier_release_published_is_noted_when_it_is_ours(published):
    forget(published)
    publish("stable", Silent())
    assert published.table.last_given("stable") == LastGiven(date_in_place(published), adapters.signer().fingerprint)


@contextmanager
def signed_by_gpg(settings):
    """Let the repository sign with a key of gpg's, which can date signatures."""
    with odd_key("ed25519") as key:
        settings.SIGNING_KEY = key.secret_armored()
        yield key


def ahead(key, when):
    return OddKey(key.home, ("--faked-system-time", f"{when:%Y%m%dT%H%M%S}!"))


@pytest.mark.parametrize("hours", [2, 48])
@pytest.mark.parametrize("noted", [True, False], ids=["noted", "of an earlier release"])
def test_a_release_of_ours_dated_ahead_of_this_clock_holds_what_comes(embedded, settings, hours, noted):
    with signed_by_gpg(settings) as key:
        add(embedded, "one")
        publish("stable", Silent())
        then = (datetime.now(UTC) + timedelta(hours=hours)).replace(microsecond=0)
        text = embedded.bucket.read(RELEASE).decode()
        lines = [f"Date: {then:%a, %d %b %Y %H:%M:%S} UTC" if line.startswith("Date:") else line
                 for line in text.splitlines()]  # fmt: skip
        embedded.bucket.put(IN_RELEASE, ahead(key, then).sign_clear(("\n".join(lines) + "\n").encode()))
        given = embedded.table.last_given("stable")
        embedded.table.keep_last_given("stable", LastGiven(then, given.fingerprint), before=given)
        if not noted:
            forget(embedded)
        embedded.configure(label="Another")
        row = held(embedded, None, ClockWrong, "clock_wrong")
        assert codes(row) == ["clock_wrong", "identity"]
        assert f"{then:%Y-%m-%d %H:%M:%S}" in row.findings[0]["text"]
        assert adapters.signer().fingerprint in row.findings[0]["text"]
        assert Notice.objects.get(kind="clock_wrong", settled=None).subject == "stable"
        assert suites_to_refresh() == []
        held(embedded, PublicationOptions(rebuild=True), ClockWrong, "clock_wrong")
        approved(embedded, HeldCandidate.objects.get(state="waiting"))
        assert date_in_place(embedded) < then


def unsigned_by_ours(body):
    return body.replace(b"Suite: stable", b"Suite: stabel")


def cut(body):
    return body[: body.index(b"-----BEGIN PGP SIGNATURE") + 60]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda body: b"<html><h1>502 Bad Gateway</h1></html>", id="an error page"),
        pytest.param(lambda body: b"", id="empty"),
        pytest.param(cut, id="cut off in the signature"),
        pytest.param(lambda body: body[:200], id="cut off in the text"),
        pytest.param(unsigned_by_ours, id="another text"),
        pytest.param(lambda body: b"Hello\n" + body, id="more before it"),
        pytest.param(lambda body: body + b"Hello\n", id="more behind it"),
    ],
)
def test_what_can_not_be_read_is_held_until_a_rebuild(published, change, settings):
    published.bucket.put(IN_RELEASE, change(published.bucket.read(IN_RELEASE)))
    add(published, "three")
    published.configure(label="Another")
    assert suites_to_refresh() == []
    row = held(published)
    assert codes(row) == ["published_unreadable", "identity"]
    assert adapters.signer().fingerprint in row.findings[0]["text"]
    assert (row.added, row.removed) == (["three 1.0 amd64"], [])
    published.configure(label="Kiro")
    force_rebuild([], Silent())
    assert not HeldCandidate.objects.filter(state="waiting").exists()
    assert len(read_suite(published.bucket, adapters.signer().public_keyring())) == 3


def test_a_second_signature_besides_ours_is_held(embedded, settings):
    with signed_by_gpg(settings) as key, odd_key("rsa3072") as other:
        add(embedded, "one")
        publish("stable", Silent())
        subprocess.run(
            ["gpg", "--homedir", key.home, "--batch", "--import"], input=other._gpg("--armor", "--export-secret-keys"),
            check=True, capture_output=True,
        )  # fmt: skip
        users = [OpenPgpSigner(one.secret_armored()).fingerprint for one in (other,)]
        users.append(adapters.signer().fingerprint)
        both = key._gpg(*(part for user in users for part in ("--local-user", user)), "--clearsign",
                        given=embedded.bucket.read(RELEASE))  # fmt: skip
        embedded.bucket.put(IN_RELEASE, both)
        row = held(embedded)
        assert codes(row) == ["signing_key_changed"]
        assert users[0] in row.findings[0]["text"]


def test_release_without_inrelease_counts_as_what_clients_see(published, settings):
    published.bucket.delete(IN_RELEASE)
    before = date_in_place(published)
    publish("stable", Silent())
    assert date_in_place(published) > before
    read_release(published.bucket, adapters.signer().public_keyring())
    assert Publication.objects.first().added == []
    published.bucket.delete(IN_RELEASE)
    published.bucket.put(SIGNATURE, OTHER.sign_detached(published.bucket.read(RELEASE)))
    published.bucket.put(RELEASE, published.bucket.read(RELEASE) + b"X-More: 1\n")
    assert codes(held(published)) == ["signing_key_changed"]


def test_a_release_whose_key_was_renewed_is_ours(embedded, settings):
    then = datetime.now(UTC) - timedelta(days=30)
    with odd_key("ed25519", "--faked-system-time", f"{then:%Y%m%dT%H%M%S}!", valid="1y") as key:
        settings.SIGNING_KEY = key.secret_armored()
        publish("stable", Silent())
        embedded.bucket.put(IN_RELEASE, key.sign_clear(embedded.bucket.read(RELEASE)))
        embedded.bucket.put(f"{RELEASE}.gpg", key.sign_detached(embedded.bucket.read(RELEASE)))
        settings.SIGNING_KEY = key.renewed().secret_armored()
        assert suites_to_refresh() == ["stable"]
        add(embedded, "one")
        publish("stable", Silent())
    assert len(read_suite(embedded.bucket, adapters.signer().public_keyring())) == 1


def publisher(keep_lease):
    return Publisher(
        adapters.repository(), adapters.package_table(), adapters.bucket(), adapters.staging(), adapters.signer(),
        adapters.now, keep_lease, Silent(), adapters.shard_cache(),
    )  # fmt: skip


def test_the_lease_is_looked_at_last_before_inrelease(published):
    before, release = published.bucket.read(IN_RELEASE), published.bucket.read(RELEASE)

    def keep_lease():
        if published.bucket.read(RELEASE) != release:
            raise LeaseLost("Another has it.", remedy="Nothing.")

    add(published, "three")
    with pytest.raises(LeaseLost):
        publisher(keep_lease).publish(adapters.repository().default_suite, PublicationOptions())
    assert published.bucket.read(RELEASE) != release
    assert published.bucket.read(IN_RELEASE) == before
