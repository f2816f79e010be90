"""The key in use against those that clients meet: named by the doctor and by a verification, and never made anew."""

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from packages_app.core.errors import CandidateHeld, SigningKeyError
from packages_app.core.last_given import LastGiven
from packages_app.core.ports import Silent
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.services import adapters
from packages_app.services.intake.build_bootstrap import build_and_take_in
from packages_app.services.publication.publish import publish
from packages_app.services.setup.doctor import examine
from packages_app.services.verification.verify import verify_repository
from packages_app.signing.openpgp import OpenPgpSigner, generate_key
from packages_app.signing.unproven import claims_of
from packages_app.verification.finding import PoolScope
from tests.records import make_record

IN_RELEASE = "dists/stable/InRelease"


@pytest.fixture
def published(embedded, served):
    """A repository that offers its bootstrap package."""
    build_and_take_in("kiro-repo", "1.0.0", Silent())
    embedded.run_jobs()
    return embedded


@pytest.fixture
def bootstrap(published):
    [record] = published.records()
    return record.pool_path


def found(*codes):
    """Give where a verification has these findings."""
    verification = verify_repository([], Silent(), pool=PoolScope.NONE)
    return {(one.code, one.where): one for one in verification.findings if one.code in codes}


def diagnosis():
    return {each.name: each for each in examine()}["signing key"]


def change_key(settings):
    settings.SIGNING_KEY = generate_key("Another archive")
    return adapters.signer().fingerprint


def test_where_every_key_is_the_same_all_is_well(published):
    assert diagnosis().well
    assert not found("signing_key_changed", "bootstrap_key_differs", "stray", "root_differs", "bad_signature")


def test_each_other_key_is_found_by_the_place_where_clients_meet_it(published, bootstrap, settings):
    old = adapters.signer().fingerprint
    new = change_key(settings)
    findings = found("signing_key_changed", "bootstrap_key_differs", "root_differs", "bad_signature", "stray")
    assert set(findings) == {
        ("signing_key_changed", IN_RELEASE), ("bootstrap_key_differs", bootstrap),
        ("root_differs", "kiro-archive-keyring.gpg"), ("root_differs", "index.html"),
        *(("bad_signature", f"dists/stable/{name}") for name in ("InRelease", "Release", "Release.gpg")),
    }  # fmt: skip
    for where in (("signing_key_changed", IN_RELEASE), ("bootstrap_key_differs", bootstrap)):
        assert old in findings[where].text
        assert new in findings[where].text
    said = diagnosis()
    assert not said.well
    for part in (old, new, IN_RELEASE, "kiro-archive-keyring.gpg", bootstrap):
        assert part in said.detail


def test_a_bootstrap_package_is_looked_into_where_all_else_is_well(published, bootstrap, settings):
    change_key(settings)
    publish("stable", Silent(), options=PublicationOptions(rebuild=True, new_key=True))
    assert set(found("signing_key_changed", "bootstrap_key_differs", "root_differs")) == {
        ("bootstrap_key_differs", bootstrap)
    }
    assert bootstrap in diagnosis().detail
    build_and_take_in("kiro-repo", "1.0.1", Silent())
    published.run_jobs()
    assert diagnosis().well
    assert not found("bootstrap_key_differs")


def test_a_keyring_in_the_root_is_looked_at_where_all_else_is_well(published):
    other = OpenPgpSigner(generate_key("Another archive"))
    published.bucket.put("kiro-archive-keyring.gpg", other.public_keyring())
    assert other.fingerprint in diagnosis().detail
    assert ("root_differs", "kiro-archive-keyring.gpg") in found("root_differs")


def test_an_old_copy_or_keyring_in_the_root_is_a_stray_and_an_operators_own_file_is_none(published):
    for key in ("old-repo.deb", "old-keyring.gpg", "robots.txt"):
        published.bucket.put(key, b"old")
    assert set(found("stray")) == {("stray", "old-repo.deb"), ("stray", "old-keyring.gpg")}


def test_what_a_killed_probe_left_is_a_stray_until_the_next_one(published):
    left, new = f"probe-{'a' * 32}", f"probe-{'b' * 32}"
    for key in (left, new):
        published.bucket.put(key, b"left")
    os.utime(published.home / "bucket" / left, (0, 0))
    assert set(found("stray")) == {("stray", left)}
    assert published.bucket.probe()
    assert not found("stray")


def test_what_was_published_before_a_key_changed_is_no_stray(embedded, settings):
    embedded.configure(suites=[{"pdiff_above": 0, "pdiff_history": 3, "index_forms": ["plain", "gz", "xz"]}])
    for numbers in (range(90), range(90, 92)):
        for record in (make_record(f"p{number:02}") for number in numbers):
            embedded.table.put_new(record)
            embedded.bucket.put(record.pool_path, b"package")
        publish("stable", Silent())
    assert any(key.endswith("Packages.diff/Index") for key in embedded.dists())
    change_key(settings)
    assert not found("stray")


@pytest.mark.parametrize("place", ["another key's", "unsigned", "gone"])
def test_a_candidate_that_waits_is_not_what_clients_see(published, settings, place):
    """What it would list by hash is nowhere yet, and no fault of the indexes that are in place."""
    if place == "another key's":
        change_key(settings)
    for name in ("InRelease", "Release.gpg", *(["Release"] if place == "gone" else [])):
        if place == "gone":
            published.bucket.delete(f"dists/stable/{name}")
        elif place == "unsigned":
            published.bucket.put(f"dists/stable/{name}", published.bucket.read("dists/stable/Release"))
    record = make_record("later")
    published.table.put_new(record)
    published.bucket.put(record.pool_path, b"later#1.0#amd64")
    if place != "gone":
        with pytest.raises(CandidateHeld):
            publish("stable", Silent())
    wrong = found("by_hash_missing", "by_hash_differs", "index_missing", "index_differs", "stray")
    assert not wrong
    packages = "dists/stable/main/binary-amd64/Packages"
    assert set(found("not_published")) == {("not_published", packages)}
    published.bucket.delete(packages + ".gz")
    assert set(found("index_missing")) == {("index_missing", packages + ".gz")}


@pytest.mark.parametrize("lost", ["table", "bucket", "neither"])
def test_where_something_was_published_no_key_is_made_and_the_missed_one_is_named(published, settings, lost):
    fingerprint = adapters.signer().fingerprint
    settings.SIGNING_KEY_FILE.unlink()
    if lost == "table":
        settings.PACKAGE_TABLE = type(settings.PACKAGE_TABLE)(settings.HOME / "other.sqlite3")
        published.table.create()
    elif lost == "bucket":
        shutil.rmtree(settings.BUCKET.path)
        published.bucket.create()
    with pytest.raises(SigningKeyError, match=fingerprint):
        adapters.signer()
    assert fingerprint in diagnosis().detail
    assert not settings.SIGNING_KEY_FILE.exists()


def test_what_an_earlier_release_published_forbids_a_key_too(published, settings):
    settings.SIGNING_KEY_FILE.unlink()
    published.bucket.delete("kiro-archive-keyring.gpg")
    for key in published.dists():
        if not key.endswith("/Release"):
            published.bucket.delete(key)
    settings.PACKAGE_TABLE = type(settings.PACKAGE_TABLE)(settings.HOME / "other.sqlite3")
    published.table.create()
    with pytest.raises(SigningKeyError):
        adapters.signer()


LEFT = {
    "an index by hash": (r"dists/.*/by-hash/", False),
    "an index": (r"dists/stable/main/binary-amd64/Packages\Z", False),
    "InRelease": (r"dists/stable/InRelease\Z", False),
    "the pool's bootstrap package": (r"pool/", True),
    "its copy": (r"kiro-repo\.deb\Z", True),
    "the keyring": (r"kiro-archive-keyring\.gpg\Z", True),
    "the instructions page": (r"index\.html\Z", True),
}
"""What may be left of a bucket, and whether it tells of the key."""


@pytest.mark.parametrize("what", LEFT)
def test_any_object_of_ours_that_is_left_in_the_bucket_forbids_a_key(published, settings, what):
    left, tells = LEFT[what]
    fingerprint = adapters.signer().fingerprint
    settings.SIGNING_KEY_FILE.unlink()
    settings.PACKAGE_TABLE = type(settings.PACKAGE_TABLE)(settings.HOME / "other.sqlite3")
    published.table.create()
    keys = [key for key, _ in published.bucket.keys("")]
    assert any(re.match(left, key) for key in keys)
    for key in keys:
        if not re.match(left, key):
            published.bucket.delete(key)
    with pytest.raises(SigningKeyError) as refused:
        adapters.signer()
    assert (fingerprint in refused.value.message) == tells
    assert not settings.SIGNING_KEY_FILE.exists()


@pytest.mark.parametrize("what", ["what was given", "Releases", "a record", "a suite that went", "nothing"])
def test_all_of_the_table_is_asked_for_a_key(embedded, settings, what):
    settings.SIGNING_KEY_FILE.unlink()
    suite = "gone" if what == "a suite that went" else "stable"
    if what in ("what was given", "a suite that went"):
        embedded.table.keep_last_given(suite, LastGiven(datetime(2026, 1, 1, tzinfo=UTC), "A" * 40), before=None)
    elif what == "Releases":
        embedded.table.keep_releases(suite, ["0" * 64])
    elif what == "a record":
        embedded.table.put_new(make_record("tool"))
    embedded.bucket.put("robots.txt", b"an operator's own")
    embedded.bucket.put("index.html", b"an operator's own")
    if what == "nothing":
        assert adapters.signer().fingerprint
        return
    with pytest.raises(SigningKeyError) as refused:
        adapters.signer()
    assert ("A" * 40 in refused.value.message) == (what in ("what was given", "a suite that went"))
    assert not settings.SIGNING_KEY_FILE.exists()


def test_a_suite_that_went_from_the_configuration_is_found_in_the_bucket(published, settings):
    [signature] = claims_of(published.bucket.read(IN_RELEASE))  # which names the subkey alone
    for key in published.dists():
        published.bucket.put(key.replace("/stable/", "/gone/"), published.bucket.read(key))
    for key, _ in published.bucket.keys(""):
        if "/gone/" not in key:
            published.bucket.delete(key)
    settings.SIGNING_KEY_FILE.unlink()
    settings.PACKAGE_TABLE = type(settings.PACKAGE_TABLE)(settings.HOME / "other.sqlite3")
    published.table.create()
    with pytest.raises(SigningKeyError, match=signature.key):
        adapters.signer()


def test_a_key_is_made_where_there_is_neither_table_nor_bucket_yet(embedded, settings):
    settings.SIGNING_KEY_FILE.unlink()
    shutil.rmtree(settings.BUCKET.path)
    settings.PACKAGE_TABLE.path.unlink()
    assert adapters.signer().fingerprint
    assert settings.SIGNING_KEY_FILE.exists()


_START = """
import os, sys, time
import django
django.setup()
from packages_app.core.ports import Silent
from packages_app.services import adapters
from packages_app.services.setup.storage import create_storage
create_storage(Silent())
print("ready", flush=True)
sys.stdin.readline()
print(adapters.signer().fingerprint, flush=True)
"""


def test_processes_that_start_at_once_all_get_the_one_key(tmp_path):
    environment = {**os.environ, "REPOMGR_HOME": str(tmp_path), "DJANGO_SETTINGS_MODULE": "repomgr.settings"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
    started = [subprocess.Popen([sys.executable, "-c", _START], **pipes) for _ in range(3)]
    for process in started:
        process.stdout.readline()
    said = [process.communicate("go\n", timeout=300)[0].split() for process in started]
    assert len({words[-1] for words in said}) == 1
    assert len(said[0][-1]) == 40
