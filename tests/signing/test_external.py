"""What a key outside of the product signs is good for every verifier of clients, whatever a Release holds."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from pysequoia import Cert

from packages_app.signing.armor import clear_form_refusal, detached_form_refusal
from packages_app.signing.certificates import renewed, self_signed, with_subkey
from packages_app.signing.external import ExternalSigner
from packages_app.signing.gpg import gpg_key
from packages_app.signing.openpgp import OpenPgpSigner, generate_key, verified_text
from packages_app.signing.signer_errors import (
    CertificateExpired,
    CertificateLacksKey,
    CertificateRefused,
    CertificateRevoked,
    KeySignedWeakly,
    KeyTooWeak,
    KeyUnsupported,
    SignerFailed,
)
from tests.apt.odd_keys import odd_key
from tests.signing.keepers import KINDS, MADE, Kept, kept, refusals, signer_of

RELEASE = b"Origin: Test\nSuite: stable\n- a line that begins with a dash\n"
NOW = datetime.now(UTC) - timedelta(minutes=1)
ODD_LINES = (
    "- dash", "-", "-----BEGIN PGP SIGNATURE-----", "-----END PGP SIGNATURE-----", "-----BEGIN PGP SIGNED MESSAGE-----",
    "", " ", "\t", "Label: blanks behind  \t", "From here", "Hash: SHA1", "Café – ünïcode \N{SNOWMAN}", ".", "x" * 5000,
)  # fmt: skip
TEXTS = (
    st.lists(st.sampled_from(ODD_LINES) | st.text("- \tab:é", max_size=12), max_size=8)
    .flatmap(lambda lines: st.sampled_from(["\n".join(lines), "".join(f"{line}\n" for line in lines)]))
    .filter(bool)
)


@pytest.fixture(scope="module")
def signers():
    if shutil.which("sqv") is None:
        pytest.skip("sqv is not installed")
    return {kind: signer_of(kept(kind)) for kind in KINDS}


@settings(max_examples=60)
@given(text=TEXTS, kind=st.sampled_from(sorted(KINDS)))
def test_every_odd_line_is_signed_as_each_verifier_reads_it(tmp_path_factory, signers, text, kind):
    text, signer = text.encode(), signers[kind]
    signed, detached = signer.sign_clear(text), signer.sign_detached(text)
    stripped = b"\n".join(line.rstrip(b" \t") for line in text.split(b"\n"))
    assert verified_text(signed, signer.public_keyring()) == stripped
    assert verified_text(text, signer.public_keyring(), signature=detached) == text
    assert (clear_form_refusal(signed, text), detached_form_refusal(detached, text)) == ("", "")
    assert refusals(tmp_path_factory.mktemp("odd"), signer.public_keyring(), text, signed, detached) == []
    assert verified_text(signed, signers["ed25519" if kind == "p256" else "p256"].public_keyring()) is None


def test_a_certificate_says_what_its_key_is_for_and_keeps_its_fingerprint_when_it_is_prolonged(signers):
    key = signers["p256"]._key
    first = self_signed(key, "Ünicode archive", now=MADE, expires=MADE + timedelta(days=30))
    with pytest.raises(CertificateExpired) as refused:
        ExternalSigner(key, first).prove()
    assert refused.value.code == "signing_certificate_expired"
    signer = ExternalSigner(key, renewed(key, first, now=NOW, expires=NOW + timedelta(days=30)))
    signer.prove()
    assert signer.fingerprint == ExternalSigner(key, first).fingerprint
    assert [str(name) for name in Cert.from_bytes(signer.public_armored()).user_ids] == ["Ünicode archive"]
    assert signer.expires == (NOW + timedelta(days=30)).replace(microsecond=0)
    ExternalSigner(key, renewed(key, first, now=NOW, expires=None)).prove()


def test_a_signing_subkey_is_believed_for_its_primary_key_which_is_not_asked(tmp_path, signers):
    primary, subkey, other = kept("ed25519"), kept("rsa2048"), kept("p256")
    certificate = self_signed(primary, "Offline", now=NOW, expires=None)
    both = with_subkey(primary, certificate, subkey, now=NOW, expires=NOW + timedelta(days=1))
    signer = ExternalSigner(subkey, both)
    signer.prove()
    assert signer.fingerprint == ExternalSigner(primary, certificate).fingerprint
    assert signer.expires == (NOW + timedelta(days=1)).replace(microsecond=0)
    parts = RELEASE, signer.sign_clear(RELEASE), signer.sign_detached(RELEASE)
    assert refusals(tmp_path, signer.public_keyring(), *parts) == []
    with pytest.raises(CertificateExpired):
        ExternalSigner(subkey, both, clock=lambda: NOW + timedelta(days=2)).prove()
    with pytest.raises(CertificateLacksKey):
        with_subkey(other, certificate, subkey, now=NOW, expires=None)


def test_a_certificate_that_clients_would_refuse_is_refused_by_its_own_code(signers):
    signer = signers["ed25519"]
    key, certificate = signer._key, signer.public_keyring()
    with pytest.raises(CertificateLacksKey):
        ExternalSigner(kept("ed25519"), certificate)
    for no_certificate in (b"", b"no key"):
        with pytest.raises(CertificateRefused):
            ExternalSigner(key, no_certificate)
    secret = generate_key("Secret")
    with pytest.raises(CertificateRefused) as refused:
        ExternalSigner(key, secret.encode())
    assert max(secret.splitlines(), key=len) not in str(refused.value)
    with pytest.raises(KeyTooWeak):
        signer_of(Kept(rsa.generate_private_key(65537, 1024)))


@pytest.mark.parametrize(("use", "options", "refused"), [
    ("sign", (), None),
    ("cert", (), KeyUnsupported),
    ("sign", ("--cert-digest-algo", "SHA1"), KeySignedWeakly),
])  # fmt: skip
def test_what_gpg_says_of_a_key_is_read(use, options, refused):
    with odd_key("ed25519", *options, use=use) as made:
        key = gpg_key(f"{made.fingerprints()[0]}?homedir={made.home}")
        signer = ExternalSigner(key, key.certificate())
        if refused is None:
            signer.prove()
            with pytest.raises(CertificateRevoked):
                ExternalSigner(key, made.revoked().public_keyring()).prove()
        else:
            with pytest.raises(refused):
                signer.prove()


def test_what_is_no_signature_of_the_key_is_never_used(signers):
    class Wrong(Kept):
        def sign(self, digest, hash_name):
            return super().sign(digest[::-1], hash_name)

    for kind, signer in signers.items():
        with pytest.raises(SignerFailed):
            ExternalSigner(Wrong(signer._key.private), signer.public_keyring()).sign_clear(RELEASE)
        assert OpenPgpSigner(generate_key(kind)).fingerprint != signer.fingerprint
