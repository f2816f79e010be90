"""The real apt reads each candidate before any client can, and what it refuses is not published."""

import os
from dataclasses import replace

import pytest

from packages_app.core.errors import CandidateRefused, SettingsError
from packages_app.core.ports import Silent
from packages_app.models import HeldCandidate
from packages_app.publishing.apt_check import apt_reader, read_with_apt
from packages_app.publishing.candidate import collect, make_candidate
from packages_app.services import adapters
from packages_app.services.publish import publish
from packages_app.signing.openpgp import OpenPgpSigner, generate_key
from tests.reader import read_everything
from tests.records import make_record

RECORDS = [make_record("tool"), make_record("tool", "1.1", "arm64"), make_record("data", "2.0", "all")]


def candidate_of(records):
    suite = adapters.repository().default_suite
    return make_candidate(adapters.repository(), suite, collect(suite, records), adapters.signer(), adapters.now())


@pytest.mark.parametrize("records", [RECORDS, []])
def test_apt_reads_a_sound_candidate_for_every_architecture(embedded, records):
    read_with_apt(candidate_of(records), adapters.signer().public_keyring())


def spoil_index(candidate):
    first = candidate.indexes[0]
    return replace(candidate, indexes=(replace(first, body=first.body + b"\n"), *candidate.indexes[1:]))


def join_streams(candidate):
    indexes = [
        replace(index, body=index.body + index.body) if index.name.endswith(".xz") else index
        for index in candidate.indexes
    ]
    return replace(candidate, indexes=tuple(indexes))


def sign_with_another_key(candidate):
    other = OpenPgpSigner(generate_key("Another"))
    return replace(candidate, in_release=other.sign_clear(candidate.release))


def change_the_text(candidate):
    return replace(candidate, in_release=candidate.in_release.replace(b"Suite: stable", b"Suite: evil"))


@pytest.mark.parametrize("spoil", [spoil_index, join_streams, sign_with_another_key, change_the_text])
def test_a_spoilt_candidate_is_refused_in_apts_words(embedded, spoil):
    with pytest.raises(CandidateRefused) as error:
        read_with_apt(spoil(candidate_of(RECORDS)), adapters.signer().public_keyring())
    assert "APT_CHECK" in error.value.remedy


def test_a_key_that_does_not_fit_is_noticed_before_the_switch(embedded):
    with pytest.raises(CandidateRefused, match="NO_PUBKEY|not signed"):
        read_with_apt(candidate_of(RECORDS), OpenPgpSigner(generate_key("Another")).public_keyring())


def test_publications_go_through_apt_where_the_setting_says_so(embedded, settings):
    settings.APT_CHECK = "required"
    embedded.table.put_new(RECORDS[0])
    embedded.bucket.put(RECORDS[0].pool_path, b"tool#1.0#amd64")
    assert publish("stable", Silent()).packages == 1
    assert read_everything(embedded.bucket, adapters.signer().public_keyring())


def test_what_apt_refuses_is_held_back_and_nobody_can_approve_it(embedded, settings, tmp_path, monkeypatch):
    program = tmp_path / "bin" / "apt-get"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'E: it is not to be'\nexit 100\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    settings.APT_CHECK = "auto"
    with pytest.raises(CandidateRefused, match="it is not to be"):
        publish("stable", Silent())
    assert embedded.dists() == {}
    assert not HeldCandidate.objects.get().approvable


def test_where_there_is_no_apt_it_is_left_out_or_demanded(embedded, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    apt_reader("auto", b"")(candidate_of(RECORDS))
    with pytest.raises(SettingsError, match="apt-get is not installed"):
        apt_reader("required", b"")
