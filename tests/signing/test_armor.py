"""Signatures are as strictly read as gpgv reads them: what it refuses is noticed, also where the signature is good."""

import shutil
import subprocess

import pytest

from packages_app.signing.armor import clear_form_refusal, detached_form_refusal
from packages_app.signing.openpgp import OpenPgpSigner, generate_key, verified_text

TEXT = b"Origin: Test\nSuite: stable\nSHA256:\n 0123 1 main/binary-amd64/Packages\n"


@pytest.fixture(scope="module")
def signer():
    return OpenPgpSigner(generate_key("Test archive"))


@pytest.fixture(scope="module")
def gpgv(signer, tmp_path_factory):
    """Gives what says whether gpgv takes a file (with a detached signature, or without)."""
    if shutil.which("gpgv") is None:
        pytest.skip("gpgv is not installed")
    folder = tmp_path_factory.mktemp("gpgv")
    (folder / "key.gpg").write_bytes(signer.public_keyring())

    def takes(signed, signature=None):
        (folder / "text").write_bytes(signed)
        (folder / "signature").write_bytes(signature or b"")
        files = [folder / "signature", folder / "text"] if signature else [folder / "text"]
        command = ["gpgv", "--keyring", str(folder / "key.gpg"), *map(str, files)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    return takes


def test_what_we_sign_has_no_fault(signer, gpgv):
    for text in (TEXT, TEXT + b"- a line\n-----BEGIN\n"):
        assert clear_form_refusal(signer.sign_clear(text), text) == ""
        assert detached_form_refusal(signer.sign_detached(text), text) == ""
    assert gpgv(signer.sign_clear(TEXT))
    assert gpgv(TEXT, signer.sign_detached(TEXT))


def corrupt(body):
    """Give the file with each of its bytes wrong, one at a time."""
    for place in range(len(body)):
        yield place, body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]


def test_no_byte_of_a_signed_message_can_be_wrong(signer, gpgv):
    passed = []
    for place, body in corrupt(signer.sign_clear(TEXT)):
        good = verified_text(body, signer.public_keyring()) == TEXT
        assert not (good and clear_form_refusal(body, TEXT) == ""), place
        passed += [body] if good else []
    assert any(not gpgv(body) for body in passed), "there would be no need to look at the form"


def test_no_byte_of_a_detached_signature_can_be_wrong(signer, gpgv):
    passed = []
    for place, signature in corrupt(signer.sign_detached(TEXT)):
        good = verified_text(TEXT, signer.public_keyring(), signature=signature) == TEXT
        assert not (good and detached_form_refusal(signature, TEXT) == ""), place
        passed += [signature] if good else []
    assert any(not gpgv(TEXT, signature) for signature in passed)


def test_what_is_added_around_a_message_is_noticed(signer):
    signed = signer.sign_clear(TEXT)
    assert "more in it" in clear_form_refusal(signed.replace(b"Origin", b"Evil: yes\nOrigin", 1), TEXT)
    assert "does not begin" in clear_form_refusal(b"Evil: yes\n" + signed, TEXT)
    assert "armor is damaged" in clear_form_refusal(signed + b"Evil: yes\n", TEXT)
    assert "another hash" in clear_form_refusal(signed.replace(b"Hash: SHA512", b"Hash: SHA256"), TEXT)
    no_signature = signer.sign_detached(TEXT).split(b"\n\n")[0] + b"\n\nAAAA\n-----END PGP SIGNATURE-----\n"
    assert "no signature" in detached_form_refusal(no_signature, TEXT)
