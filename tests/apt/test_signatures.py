"""What clients refuse: signatures, keys and dates. apt 3 checks with sqv, which is stricter than gpgv about keys."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from packages_app.core.errors import SigningKeyError
from packages_app.core.ports import Silent
from packages_app.indexes.release import redated
from packages_app.models import HeldCandidate
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.services import adapters
from packages_app.services.publication.publish import publish
from packages_app.services.publication.refresh_signatures import refresh_signatures, suites_to_refresh
from packages_app.services.setup.certificate import make_certificate
from packages_app.signing.key_facts import KeyExpired
from packages_app.signing.openpgp import OpenPgpSigner, generate_key
from tests.apt.apt_root import VARIABLE, apt_root
from tests.apt.archive import keyring_of
from tests.apt.odd_keys import odd_key
from tests.signing.keepers import command_of

IN_2020 = ("--faked-system-time", "20200601T000000")
TWO_WEEKS = timedelta(days=14)

RSA_1024 = pytest.param(("rsa1024",), "RSA1024 is not considered secure", id="RSA-1024")
DSA = pytest.param(("dsa2048",), "DSA2048 is not considered secure", id="DSA")
SHA1_BOUND = pytest.param(
    ("ed25519", "--cert-digest-algo", "SHA1"), "SHA1 is not considered secure", id="SHA-1 self-signature"
)


def test_the_apt_that_reads_is_the_one_asked_for(archive):
    apt = archive.client.apt
    if os.environ.get(VARIABLE):
        assert apt == apt_root()
        assert apt.version.startswith("3.")
        assert apt.verifier == "sqv"
    else:
        assert str(apt.folder) == "/"
    said = archive.client.apt_get("update", "-o", f"Debug::Acquire::{apt.verifier}=true").stderr
    assert {"sqv": "Executing /usr/bin/sqv --keyring", "gpgv": "gpgv exited with status 0"}[apt.verifier] in said


@pytest.mark.parametrize("algorithm", ["rsa3072", "nistp256", "ed25519"])
def test_a_repository_signed_with_a_sound_key_of_gpg_is_read(archive, settings, algorithm):
    with odd_key(algorithm) as key:
        settings.SIGNING_KEY = key.secret_armored()
        keyring_of(archive.client).write_bytes(key.public_keyring())
    with pytest.raises(AssertionError):  # it waits for a person: clients know another key
        archive.publish("1.1")
    assert [finding["code"] for finding in HeldCandidate.objects.get().findings] == ["signing_key_changed"]
    publish("stable", Silent(), options=PublicationOptions(rebuild=True, new_key=True))
    archive.client.update()
    assert archive.client.candidate("tool") == "1.1"


@pytest.mark.parametrize("kind", ["ed25519", "p256", "rsa2048"])
def test_a_repository_signed_by_a_subkey_behind_a_command_is_read(archive, settings, tmp_path, kind):
    settings.SIGNING_KEY = command_of(tmp_path / "keeper", kind)
    with odd_key("ed25519", use="cert") as primary:
        address = f"gpg:{primary.fingerprints()[0]}?homedir={primary.home}"
        signer = make_certificate(tmp_path / "certificate.asc", user_id="", expires=None, primary=address)
    settings.SIGNING_CERTIFICATE = (tmp_path / "certificate.asc").read_text()
    keyring_of(archive.client).write_bytes(signer.public_keyring())
    publish("stable", Silent(), options=PublicationOptions(rebuild=True, new_key=True))
    archive.publish("1.1")
    archive.client.update()
    assert archive.client.candidate("tool") == "1.1"


def by_another_key(release):
    return OpenPgpSigner(generate_key("Another archive")).sign_clear(release)


def changed_after_signing(release):
    return adapters.signer().sign_clear(release).replace(b"\nSuite: stable\n", b"\nSuite: sneaky\n")


def unsigned(release):
    return release


@pytest.mark.parametrize(
    ("forged", "reasons"),
    [
        (by_another_key, {"gpgv": "NO_PUBKEY", "sqv": "Missing key"}),
        (changed_after_signing, {"gpgv": "BADSIG", "sqv": "Message has been manipulated"}),
        (unsigned, {"gpgv": "is no longer signed", "sqv": "is no longer signed"}),
    ],
)
def test_an_inrelease_that_the_archive_did_not_sign_is_refused(archive, forged, reasons):
    archive.publish("1.1")
    assert reasons[archive.client.apt.verifier] in archive.is_refused(forged(archive.release))
    archive.client.update()
    assert archive.client.candidate("tool") == "1.1"


@pytest.mark.parametrize(("made", "reason"), [RSA_1024, DSA, SHA1_BOUND])
def test_a_weak_key_is_refused_by_sqv_alone(archive, made, reason):
    archive.publish("1.1")
    with odd_key(*made) as key:
        keyring_of(archive.client).write_bytes(key.public_keyring())
        signed = key.sign_clear(archive.release)
    if archive.client.apt.verifier == "sqv":
        assert reason in archive.is_refused(signed)
    else:
        archive.stack.bucket.put("dists/stable/InRelease", signed)
        archive.client.update()
        assert archive.client.candidate("tool") == "1.1"


@pytest.mark.parametrize(
    ("made", "code"), [(RSA_1024, "key_too_weak"), (DSA, "key_too_weak"), (SHA1_BOUND, "key_signed_weakly")]
)
def test_the_product_signs_with_no_weak_key(made, code):
    with odd_key(*made.values[0]) as key:
        signer = OpenPgpSigner(key.secret_armored())
        with pytest.raises(SigningKeyError) as refused:
            signer.prove()
    assert refused.value.code == code
    assert signer.fingerprint in refused.value.message


def test_a_sha1_signature_of_a_sound_key_is_refused(archive):
    archive.publish("1.1")
    with odd_key("ed25519", "--digest-algo", "SHA1") as key:
        keyring_of(archive.client).write_bytes(key.public_keyring())
        said = archive.is_refused(key.sign_clear(archive.release))
    assert {"gpgv": "signatures were invalid", "sqv": "SHA1 is not considered secure"}[
        archive.client.apt.verifier
    ] in said


def test_a_key_that_is_expired_for_the_client_is_refused(archive):
    """The archive's key was renewed, and the client still has the keyring of before."""
    archive.publish("1.1")
    with odd_key("ed25519", *IN_2020, valid="1y") as key:
        keyring_of(archive.client).write_bytes(key.public_keyring())
        renewed = key.renewed()
        said = archive.is_refused(renewed.sign_clear(archive.release))
        assert {"gpgv": "EXPKEYSIG", "sqv": "Expired on 2021-06-01"}[archive.client.apt.verifier] in said
        archive.stack.bucket.put("dists/stable/InRelease", renewed.sign_clear(archive.release))
        keyring_of(archive.client).write_bytes(renewed.public_keyring())
        archive.client.update()
    assert archive.client.candidate("tool") == "1.1"


def test_what_a_key_signed_before_it_expired_is_good_for_sqv_alone(archive):
    archive.publish("1.1")
    with odd_key("ed25519", *IN_2020, valid="1y") as key:
        keyring_of(archive.client).write_bytes(key.public_keyring())
        signed = key.sign_clear(archive.release)
        with pytest.raises(KeyExpired):
            OpenPgpSigner(key.secret_armored()).prove()
    if archive.client.apt.verifier == "gpgv":
        assert "EXPKEYSIG" in archive.is_refused(signed)
    else:
        archive.stack.bucket.put("dists/stable/InRelease", signed)
        archive.client.update()
        assert archive.client.candidate("tool") == "1.1"


def test_a_release_of_the_future_is_refused(archive):
    archive.publish("1.1")
    ahead = redated(archive.release, adapters.now() + timedelta(hours=1), TWO_WEEKS)
    assert "is not valid yet" in archive.is_refused(adapters.signer().sign_clear(ahead))


def test_an_expired_release_is_refused_until_it_is_refreshed(archive):
    archive.publish("1.1")
    expired = redated(archive.release, adapters.now() - timedelta(days=15), TWO_WEEKS)
    signed = adapters.signer().sign_clear(expired)
    assert "is expired" in archive.is_refused(signed)
    archive.stack.bucket.put("dists/stable/InRelease", signed)
    assert suites_to_refresh() == ["stable"]
    refresh_signatures(Silent())
    archive.client.update()
    assert archive.client.candidate("tool") == "1.1"
