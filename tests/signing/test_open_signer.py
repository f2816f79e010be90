"""Each kind of SIGNING_KEY opens a signer that clients believe, or is refused by the code of what is wrong with it."""

import subprocess
from datetime import UTC, datetime

import pytest

from packages_app.core.errors import SigningKeyError
from packages_app.signing.certificates import self_signed
from packages_app.signing.open_signer import open_key, open_signer
from packages_app.signing.openpgp import OpenPgpSigner, generate_key, verified_text
from packages_app.signing.signer_errors import SignerUnavailable
from tests.apt.odd_keys import odd_key
from tests.signing.keepers import KINDS, command_of, kept, refusals, signer_of

RELEASE = b"Origin: Test\n- a line that begins with a dash\n"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def is_believed(folder, signer):
    signed, detached = signer.sign_clear(RELEASE), signer.sign_detached(RELEASE)
    return (
        verified_text(signed, signer.public_keyring()) == RELEASE
        and refusals(folder, signer.public_keyring(), RELEASE, signed, detached) == []
    )


def test_a_secret_key_is_opened_as_before(tmp_path):
    armored = generate_key("In a file")
    signer = open_signer(armored, certificates="not looked at")
    assert signer.fingerprint == OpenPgpSigner(armored).fingerprint
    assert is_believed(tmp_path, signer)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "p521"])
def test_the_command_of_the_docs_signs(tmp_path, kind):
    address = command_of(tmp_path / "sign of ours", kind)
    address = address.replace("sign of ours", "'sign of ours'")
    certificate = self_signed(open_key(address), "Behind a command", now=NOW, expires=None)
    assert is_believed(tmp_path, open_signer(address, certificates=certificate.decode()))


@pytest.mark.parametrize("algorithm", ["rsa3072", "nistp384", "ed25519"])
def test_a_key_of_gpg_signs_through_its_agent_also_a_subkey(tmp_path, algorithm):
    with odd_key(algorithm) as made:
        at = f"?homedir={made.home}"
        assert is_believed(tmp_path, open_signer(f"gpg:{made.fingerprints()[0]}{at}"))
        primary, subkey = made.with_new_subkey().fingerprints()
        # As it is where the primary key is in a safe.
        made._gpg("--yes", "--delete-secret-keys", f"{primary}!")
        signer = open_signer(f"gpg:{subkey}{at}")
        assert signer.fingerprint == primary
        assert is_believed(tmp_path, signer)
        with pytest.raises(SigningKeyError) as refused:
            open_signer(f"gpg:{primary}{at}")
        assert refused.value.code == "signing_key_missing"


def test_a_passphrase_that_nobody_can_give_is_told(tmp_path):
    with odd_key("ed25519") as made:
        locked = ["--passphrase", "of nobody", "--quick-gen-key", "Locked", "ed25519", "sign", "never"]
        made._gpg(*locked)
        subprocess.run(["gpgconf", "--homedir", str(made.home), "--kill", "gpg-agent"], check=True)
        with pytest.raises(SigningKeyError) as refused:
            open_signer(f"gpg:{made.fingerprints()[1]}?homedir={made.home}")
    assert refused.value.code == "signing_key_locked"
    assert "of nobody" not in str(refused.value)


SCRIPTS = {
    "signer_failed": 'echo "it is broken" >&2; exit 1',
    "signer_unavailable": "echo $2 >> $0.asked; exit 75",
    "signing_key_unsupported": "openssl genpkey -algorithm x25519 | openssl pkey -pubout",
}


@pytest.mark.parametrize(("script", "code"), [(script, code) for code, script in SCRIPTS.items()], ids=[*SCRIPTS])
def test_a_command_that_fails_is_told_by_its_code(tmp_path, script, code):
    program = tmp_path / "sign"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with pytest.raises((SigningKeyError, SignerUnavailable)) as failed:
        open_signer(f"command:{program} secret-word", certificates=signer_of(kept("p256")).public_armored().decode())
    assert failed.value.code == code
    assert failed.value.retryable == (code == "signer_unavailable")
    assert "secret-word" not in str(failed.value)
    asked = (tmp_path / "sign.asked").read_text().splitlines() if failed.value.retryable else []
    assert asked == ["public-key"] * 3 * failed.value.retryable


@pytest.mark.parametrize(("address", "code"), [
    ("gcpkms://projects/p", "bad_signer_address"),
    ("gpg:CAFE", "bad_signer_address"),
    (f"gpg:{'0' * 40}?homdir=/x", "bad_signer_address"),
    ("command:sign", "bad_signer_address"),
    ("command:/bin/sh 'x", "bad_signer_address"),
    ("command:", "bad_signer_address"),
    ("command:/nowhere/sign", "signer_program_missing"),
    ("command:/bin/true", "signer_failed"),
    ("no address", "bad_signing_key"),
])  # fmt: skip
def test_an_address_that_leads_nowhere_is_refused(address, code):
    certificate = signer_of(kept("p256")).public_armored().decode()
    with pytest.raises(SigningKeyError) as refused:
        open_signer(address, certificates=certificate)
    assert refused.value.code == code


def test_the_certificate_that_holds_the_key_is_found_among_several(tmp_path):
    address = command_of(tmp_path / "sign", "p256")
    others = signer_of(kept("p256")).public_armored()
    for certificates, code in (("", "bad_signing_certificate"), (others.decode(), "certificate_lacks_key")):
        with pytest.raises(SigningKeyError) as refused:
            open_signer(address, certificates=certificates)
        assert refused.value.code == code
    own = self_signed(open_key(address), "Own", now=NOW, expires=None)
    signer = open_signer(address, certificates=(others + own).decode())
    assert signer.fingerprint == open_signer(address, certificates=own.decode()).fingerprint
    assert signer.public_armored() == own
