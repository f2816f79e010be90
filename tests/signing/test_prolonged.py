"""A key file whose expiry is set anew, as gpg made it: what signs is a subkey that ends too."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from packages_app.signing.openpgp import OpenPgpSigner
from packages_app.signing.prolonged import prolonged
from tests.apt.odd_keys import odd_key
from tests.signing.keepers import refusals

TEXT = b"Origin: Test\nSuite: stable\n"
LONG_AGO = "20250101T000000!"
UNTIL = datetime(2040, 12, 31, tzinfo=UTC)


@pytest.mark.parametrize(("kind", "subkey"), [("rsa2048", "ed25519"), ("ed25519", "rsa2048"), ("nistp521", "ed25519")])
def test_a_subkey_that_signs_is_prolonged_with_its_primary_key(tmp_path, kind, subkey):
    with odd_key(kind, "--faked-system-time", LONG_AGO, valid="30d", use="cert") as made:
        primary = made.fingerprints()[0]
        made._gpg("--quick-add-key", primary, subkey, "sign", "30d")
        armored = made.secret_armored()
        made.renewed()  # of the primary key alone: the subkey ends as before
        assert f"{OpenPgpSigner(made.secret_armored()).expires:%Y-%m-%d}" == "2025-01-31"
    signer = OpenPgpSigner(prolonged(armored, UNTIL, datetime.now(UTC)))
    assert (signer.fingerprint, signer.expires) == (primary, UNTIL)
    signer.prove()
    keyring, signed, detached = signer.public_keyring(), signer.sign_clear(TEXT), signer.sign_detached(TEXT)
    assert refusals(tmp_path, keyring, TEXT, signed, detached) == []
