"""A real client over a change of the signing key: it goes on only once it has the new keyring, by whichever way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model

from packages_app.core.errors import CandidateHeld
from packages_app.core.ports import Silent
from packages_app.models import HeldCandidate
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.services import adapters
from packages_app.services.intake.build_bootstrap import build_and_take_in
from packages_app.services.publication.held_candidates import approve
from packages_app.services.publication.publish import publish
from packages_app.services.publication.refresh_signatures import suites_to_refresh
from packages_app.services.setup.doctor import examine
from packages_app.services.verification.keys import key_findings
from packages_app.signing.openpgp import OpenPgpSigner, generate_key
from packages_app.signing.unproven import claims_of, keys_in
from tests.apt.client import AptClient
from tests.apt.odd_keys import odd_key
from tests.commands.calling import call, refused

KEYRING = "kiro-archive-keyring.gpg"


@pytest.fixture
def client(served, tmp_path):
    """A client that was set up with the package in the root."""
    client = AptClient(tmp_path / "client")
    client.install_copy(served.bucket, tmp_path)
    return client


def by_approval(stack):
    approve(HeldCandidate.objects.get(state="waiting"), get_user_model().objects.create_superuser("ann"))
    [job] = stack.run_jobs()
    assert job.state == "done", job.error


def by_a_rebuild(_stack):
    call("force_rebuild", "--new-key")


@pytest.mark.parametrize("shown", [by_approval, by_a_rebuild])
@pytest.mark.parametrize("way", ["package", "keyring"])
def test_a_client_follows_a_new_key_once_it_has_the_new_keyring(served, client, settings, tmp_path, shown, way):
    client.update()
    before = adapters.signer().fingerprint
    settings.SIGNING_KEY = generate_key("The next archive key")
    build_and_take_in("kiro-repo", "1.1.0", Silent())
    with pytest.raises(CandidateHeld):
        publish("stable", Silent())
    row = HeldCandidate.objects.get(state="waiting")
    assert [finding["code"] for finding in row.findings] == ["signing_key_changed"]
    assert before in row.findings[0]["text"]
    client.update()  # while it waits, clients see what they saw
    assert client.candidate("kiro-repo") == "1.0.0"

    for job in served.run_jobs():  # that of the build, which is held too
        assert job.error_code == "candidate_held"
    shown(served)
    assert {"gpgv": "NO_PUBKEY", "sqv": "Missing key"}[client.apt.verifier] in client.refused()
    assert client.candidate("kiro-repo") == "1.0.0"
    if way == "package":
        client.install_copy(served.bucket, tmp_path)
        assert client.installed("kiro-repo") == "1.1.0"
    else:
        (client.root / "usr/share/keyrings" / KEYRING).write_bytes(served.bucket.read(KEYRING))
    client.update()
    assert client.candidate("kiro-repo") == "1.1.0"
    served.define_uploads("tool")
    publish("stable", Silent())  # from here on the key is the known one
    client.update()


@pytest.fixture
def rotated():
    """A key whose signing subkey is replaced: with the first, with both, with the second alone.

    Of two subkeys that may sign either does, as their numbers fall: the first is the one that does.
    """
    with odd_key("ed25519", use="cert") as key:
        both = key.with_new_subkey().with_new_subkey().secret_armored()
        [signature] = claims_of(OpenPgpSigner(both).sign_clear(b"Origin: sample\n"))
        [kept] = {*key.fingerprints()[1:]} - {signature.key}
        second = key.without_subkey(signature.key).secret_armored()
        first = key.with_all_of(both).without_subkey(kept).secret_armored()
        yield first, both, second


def test_a_client_that_got_both_subkeys_follows_a_rotation_that_no_person_need_see(
    served, client, settings, rotated, tmp_path
):
    first, both, second = rotated
    settings.SIGNING_KEY = first
    publish("stable", Silent(), options=PublicationOptions(rebuild=True, new_key=True))
    settings.SIGNING_KEY = both
    build_and_take_in("kiro-repo", "1.1.0", Silent())
    served.run_jobs()
    client.install_copy(served.bucket, tmp_path)
    client.update()
    settings.SIGNING_KEY = second
    assert suites_to_refresh() == ["stable"]
    assert not [finding for finding in key_findings() if finding.code == "signing_key_changed"]
    publish("stable", Silent())
    assert not HeldCandidate.objects.filter(state="waiting").exists()
    [signature] = claims_of(served.bucket.read("dists/stable/InRelease"))
    assert signature.key in keys_in(OpenPgpSigner(second).public_keyring())
    client.update()


def test_a_subkey_that_no_client_has_is_another_key_to_them(served, settings, rotated):
    first, _, second = rotated
    settings.SIGNING_KEY = first
    publish("stable", Silent(), options=PublicationOptions(rebuild=True, new_key=True))
    build_and_take_in("kiro-repo", "1.1.0", Silent())
    served.run_jobs()
    assert not list(key_findings())
    settings.SIGNING_KEY = second
    assert {finding.code for finding in key_findings()} == {"signing_key_changed", "bootstrap_key_differs"}
    with pytest.raises(CandidateHeld) as held:
        publish("stable", Silent())
    assert [finding.code for finding in held.value.findings] == ["signing_key_changed"]


def test_an_expired_key_signs_nothing_and_what_is_in_place_stays(served, client, settings):
    before = served.dists()
    then = datetime.now(UTC) - timedelta(days=400)
    with odd_key("ed25519", "--faked-system-time", f"{then:%Y%m%dT%H%M%S}!", valid="1y") as key:
        settings.SIGNING_KEY = key.secret_armored()
    for command in (("publish",), ("force_rebuild", "--new-key")):
        assert "key_expired" in refused(*command)
    assert not next(probed for probed in examine() if probed.name == "signing key").well
    assert served.dists() == before
    client.update()
