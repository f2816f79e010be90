"""The real apt reads each candidate before any client can, and what it refuses is not published."""

import hashlib
from dataclasses import replace

import pytest

from packages_app.core.errors import CandidateRefused, PackageRefused, SettingsError
from packages_app.core.ports import Silent
from packages_app.indexes.release import ReleaseEntry, render_release
from packages_app.models import HeldCandidate
from packages_app.publishing.apt_check import read_with_apt, second_reader
from packages_app.services import adapters
from packages_app.services.publication.publish import publish
from packages_app.services.requests import request_force_rebuild
from packages_app.signing.openpgp import OpenPgpSigner, generate_key
from tests.programs import put_before
from tests.reader import read_everything
from tests.records import make_record

pytestmark = pytest.mark.outside

RECORDS = [make_record("tool"), make_record("tool", "1.1", "arm64"), make_record("data", "2.0", "all")]


@pytest.mark.parametrize("records", [RECORDS, []])
def test_apt_reads_a_sound_candidate_for_every_architecture(candidate_of, records):
    read_with_apt(candidate_of(records), adapters.signer().public_keyring())


def corrupt_index(candidate):
    path = candidate.folder / "main/binary-amd64/Packages.xz"
    path.write_bytes(path.read_bytes() + b"\n")
    return candidate


def join_streams(candidate):
    """The whole thing again with the text twice, each compressed for itself: what Release lists, but no one stream."""
    entries = {}
    for name in candidate.draft.entries:
        path = candidate.folder / name
        body = path.read_bytes() * 2
        path.write_bytes(body)
        entries[name] = ReleaseEntry(
            len(body), *(hashlib.new(kind, body).hexdigest() for kind in ("md5", "sha1", "sha256"))
        )
    release = render_release(adapters.repository(), candidate.suite, entries, adapters.now())
    return replace(candidate, release=release, in_release=adapters.signer().sign_clear(release))


def sign_with_another_key(candidate):
    other = OpenPgpSigner(generate_key("Another"))
    return replace(candidate, in_release=other.sign_clear(candidate.release))


def change_the_text(candidate):
    return replace(candidate, in_release=candidate.in_release.replace(b"Suite: stable", b"Suite: evil"))


@pytest.mark.parametrize("corrupt", [corrupt_index, join_streams, sign_with_another_key, change_the_text])
def test_a_corrupt_candidate_is_refused_in_apts_words(candidate_of, corrupt):
    with pytest.raises(CandidateRefused) as error:
        read_with_apt(corrupt(candidate_of(RECORDS)), adapters.signer().public_keyring())
    assert "APT_CHECK" in error.value.remedy


def test_a_key_that_does_not_fit_is_noticed_before_the_switch(candidate_of):
    with pytest.raises(CandidateRefused, match="is not signed"):
        read_with_apt(candidate_of(RECORDS), OpenPgpSigner(generate_key("Another")).public_keyring())


def test_publications_go_through_apt_where_the_setting_says_so(embedded, settings):
    settings.APT_CHECK = "required"
    embedded.table.put_new(RECORDS[0])
    embedded.bucket.put(RECORDS[0].pool_path, b"tool#1.0#amd64")
    assert publish("stable", Silent()).packages == 1
    assert read_everything(embedded.bucket, adapters.signer().public_keyring())


def test_what_apt_refuses_is_held_back_and_nobody_can_approve_it(embedded, settings, tmp_path, monkeypatch):
    put_before(monkeypatch, tmp_path / "bin", "apt-get", "echo 'E: it is not to be'\nexit 100")
    settings.APT_CHECK = "auto"
    with pytest.raises(CandidateRefused, match="it is not to be"):
        publish("stable", Silent())
    assert embedded.dists() == {}
    held = HeldCandidate.objects.get()
    assert not held.approvable
    with pytest.raises(PackageRefused):
        request_force_rebuild(["stable"], approved=[held.pk])
    held.refresh_from_db()
    assert held.state == HeldCandidate.State.WAITING


def test_where_there_is_no_apt_it_is_left_out_or_demanded(monkeypatch, tmp_path):
    assert second_reader("auto", b"") is not None
    assert second_reader("off", b"") is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert second_reader("auto", b"") is None
    with pytest.raises(SettingsError, match=r"\bAPT_CHECK\b.*\bapt-get\b"):
        second_reader("required", b"")


@pytest.mark.parametrize(("choice", "asked"), [("auto", 1), ("required", 2)])
def test_changes_alone_go_through_apt_only_where_it_is_required(
    embedded, settings, monkeypatch, tmp_path, choice, asked
):
    log = tmp_path / "log"
    put_before(monkeypatch, tmp_path / "bin", "apt-get", f'echo "$1" >> {log}\nexec REAL "$@"')
    settings.APT_CHECK = choice
    for record in RECORDS[:2]:
        embedded.table.put_new(record)
        embedded.bucket.put(record.pool_path, record.package_id.encode())
        publish("stable", Silent())
    assert log.read_text().split() == [*["--simulate"] * 2, "update"] * asked  # the entries, then the candidate
