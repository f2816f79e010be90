"""Real clients of a repository that several keys sign: whoever knows one of them is never warned."""

from __future__ import annotations

import pytest

from packages_app.core.errors import CandidateHeld, SigningKeyError
from packages_app.core.ports import Silent
from packages_app.publishing.published import read_published
from packages_app.services import adapters
from packages_app.services.publication.publish import publish
from packages_app.services.verification.keys import key_findings
from packages_app.signing.openpgp import OpenPgpSigner, generate_key
from packages_app.signing.unproven import claims_of
from tests.apt.archive import IN_RELEASE, keyring_of, new_client


def signers_in_place(archive):
    """Give how many keys signed InRelease and Release.gpg."""
    return [len(claims_of(archive.stack.bucket.read(f"dists/stable/{name}"))) for name in ("InRelease", "Release.gpg")]


def is_ours(archive):
    """Say whether our own reading takes what is in place for ours, without a finding."""
    published = read_published(archive.stack.bucket, "stable", adapters.signer().public_keyring())
    return published.release is not None and published.unrecognised is None and not list(key_findings())


def test_who_knows_one_of_the_keys_is_never_warned(archive, settings, tmp_path):
    old = (archive.stack.home / "signing-key.asc").read_text()
    third = OpenPgpSigner(generate_key("Third"))
    secret = generate_key("The next archive key")
    new = OpenPgpSigner(secret)
    (tmp_path / "new.asc").write_text(secret)

    settings.SIGNING_KEY = f"file://{archive.stack.home}/signing-key.asc, file://{tmp_path}/new.asc"
    archive.publish("1.1")
    assert signers_in_place(archive) == [2, 2]
    assert is_ours(archive)
    of_new = new_client(tmp_path / "new", archive.server)
    keyring_of(of_new).write_bytes(new.public_keyring())
    for client in (archive.client, of_new):
        client.update()
        assert client.candidate("tool") == "1.1"
    archive.stack.bucket.delete(IN_RELEASE)  # and by Release with Release.gpg
    (archive.client.root / "var/lib/apt/lists/partial").mkdir(exist_ok=True)
    for client in (new_client(tmp_path / "pair", archive.server), of_new):
        assert client.apt_get("update").returncode == 0
    publish("stable", Silent())
    assert signers_in_place(archive) == [2, 2]

    # The old one signs no more: who knows it alone is locked out, and so it is held where nobody said that it may go.
    settings.SIGNING_KEY = secret
    with pytest.raises(CandidateHeld) as held:
        publish("stable", Silent())
    assert [finding.code for finding in held.value.findings] == ["signing_key_changed"]
    settings.SIGNING_KEY = secret + OpenPgpSigner(old).public_armored().decode()
    archive.publish("1.2")
    assert signers_in_place(archive) == [1, 1]
    assert is_ours(archive)
    of_new.update()
    assert {"gpgv": "NO_PUBKEY", "sqv": "Missing key"}[of_new.apt.verifier] in archive.client.refused()
    keyring_of(archive.client).write_bytes(archive.stack.bucket.read("kiro-archive-keyring.gpg"))
    archive.client.update()

    settings.SIGNING_KEY = secret
    archive.publish("1.3")
    assert is_ours(archive)
    for client in (archive.client, of_new):
        client.update()
        assert client.candidate("tool") == "1.3"

    settings.SIGNING_KEY = third.public_armored().decode()
    with pytest.raises(SigningKeyError):
        adapters.signer()
    settings.SIGNING_KEY = f"file://{tmp_path}/nowhere.asc"
    with pytest.raises(SigningKeyError):
        adapters.signer()
