"""Signatures are checked with the gpgv that apt itself uses."""

import subprocess
import threading

import pytest

from packages_app.core.errors import SigningKeyError
from packages_app.signing.openpgp import OpenPgpSigner, generate_key, keep_key, verified_text
from packages_app.signing.unproven import claims_of, keys_in, unproven_text
from tests.apt.odd_keys import odd_key

RELEASE = b"Origin: Test\nSuite: stable\n- a line that begins with a dash\n"


@pytest.fixture(scope="module")
def signer():
    return OpenPgpSigner(generate_key("Test archive <archive@example.org>"))


def gpgv(tmp_path, signer, *names):
    keyring = tmp_path / "keyring.gpg"
    keyring.write_bytes(signer.public_keyring())
    files = [str(tmp_path / name) for name in names]
    return subprocess.run(["gpgv", "--keyring", str(keyring), *files], capture_output=True, text=True, check=False)


def test_gpgv_accepts_inrelease(tmp_path, signer):
    (tmp_path / "InRelease").write_bytes(signer.sign_clear(RELEASE))
    done = gpgv(tmp_path, signer, "InRelease")
    assert done.returncode == 0
    assert "Good signature" in done.stderr


def test_gpgv_accepts_release_gpg(tmp_path, signer):
    (tmp_path / "Release").write_bytes(RELEASE)
    (tmp_path / "Release.gpg").write_bytes(signer.sign_detached(RELEASE))
    assert gpgv(tmp_path, signer, "Release.gpg", "Release").returncode == 0


def test_gpgv_refuses_a_changed_inrelease(tmp_path, signer):
    (tmp_path / "InRelease").write_bytes(signer.sign_clear(RELEASE).replace(b"stable", b"sneaky"))
    assert gpgv(tmp_path, signer, "InRelease").returncode != 0


def test_a_signed_text_is_read_back(signer):
    assert verified_text(signer.sign_clear(RELEASE), signer.public_keyring()) == RELEASE
    detached = signer.sign_detached(RELEASE)
    assert verified_text(RELEASE, signer.public_keyring(), signature=detached) == RELEASE


def test_another_keys_signature_is_not_good(signer):
    other = OpenPgpSigner(generate_key("Other"))
    assert verified_text(other.sign_clear(RELEASE), signer.public_keyring()) is None
    assert verified_text(RELEASE, signer.public_keyring(), signature=other.sign_detached(RELEASE)) is None


def test_a_sound_key_proves_itself(signer):
    signer.prove()
    assert len(signer.fingerprint) == 40
    assert signer.expires is None
    assert signer.public_armored().startswith(b"-----BEGIN PGP PUBLIC KEY BLOCK-----")


@pytest.mark.parametrize("armored", ["", "no key", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nabc\n"])
def test_what_is_no_key_is_refused(armored):
    with pytest.raises(SigningKeyError) as refused:
        OpenPgpSigner(armored)
    assert "gpg --armor --export-secret-keys" in refused.value.remedy


def test_a_public_key_alone_is_refused(signer):
    with pytest.raises(SigningKeyError):
        OpenPgpSigner(signer.public_armored().decode()).prove()


def test_a_key_made_by_gpg_is_taken(tmp_path):
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
    subprocess.run([*gpg, "--quick-gen-key", "gpg@example.org", "rsa3072", "sign"], check=True, capture_output=True)
    armored = subprocess.run([*gpg, "--armor", "--export-secret-keys"], check=True, capture_output=True, text=True)
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)
    signer = OpenPgpSigner(armored.stdout)
    signer.prove()
    (tmp_path / "InRelease").write_bytes(signer.sign_clear(RELEASE))
    assert gpgv(tmp_path, signer, "InRelease").returncode == 0


def test_a_revoked_key_is_refused_for_being_revoked():
    with odd_key("ed25519") as key:
        signer = OpenPgpSigner(key.secret_armored())
        signer.prove()
        revoked = OpenPgpSigner(key.revoked().secret_armored())
        with pytest.raises(SigningKeyError, match=rf"{signer.fingerprint}.*\brevoked\b"):
            revoked.prove()


def test_what_a_text_says_of_its_signatures_is_read_though_nothing_proves_it(signer):
    signed = signer.sign_clear(RELEASE)
    [claim] = claims_of(signed)
    assert keys_in(signer.public_keyring())[claim.key] == signer.fingerprint
    assert keys_in(signer.public_armored()) == keys_in(signer.public_keyring())
    assert unproven_text(signed) == RELEASE
    for damaged in (b"", b"<html>", signed[:-90], RELEASE):
        assert claims_of(damaged) == []
        assert keys_in(damaged) == {}
    assert unproven_text(signed[:80]) is None
    assert claims_of(signer.sign_detached(RELEASE)) != []


def test_text_and_key_of_what_gpg_signed_are_read():
    with odd_key("rsa3072") as key:
        signed = key.sign_clear(RELEASE)
        [claim] = claims_of(signed)
        assert keys_in(key.public_keyring())[claim.key] == OpenPgpSigner(key.secret_armored()).fingerprint
    assert unproven_text(signed) == RELEASE


def test_a_kept_key_is_private_and_the_same_for_all_who_start_at_once(tmp_path):
    path = tmp_path / "home" / "key.asc"
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(keep_key(path, lambda: generate_key("Racer")))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["key.asc"]
