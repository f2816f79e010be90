"""`manage.py keys` with what it must not take: each has a code, and nothing is half-done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pysequoia import Profile, Tsk

from packages_app.core.ports import Silent
from packages_app.publishing.key_roles import ROLES
from packages_app.services import adapters
from packages_app.services.publication.publish import publish
from packages_app.services.publication.watch_expiry import watch_expiry
from packages_app.services.setup.doctor import examine
from packages_app.signing.openpgp import OpenPgpSigner, generate_key
from packages_app.signing.unproven import claims_of
from tests.apt.odd_keys import odd_key
from tests.commands.calling import call, refused

YEAR_AGO = f"{datetime.now(UTC) - timedelta(days=400):%Y%m%dT%H%M%S}!"
ODD = {
    "key_too_weak": ("rsa1024",),
    "key_signed_weakly": ("ed25519", "--cert-digest-algo", "SHA1"),
    "signing_key_locked": ("ed25519", "--passphrase", "secret"),
}


def add_refused(stack, armored):
    """Try to add a key; it must be refused and leave the home as it is. Give the code."""
    file = stack.home / "next.asc"
    file.write_text(armored)
    before = {path: path.read_bytes() for path in stack.home.rglob("*.asc")}
    code = refused("keys", "add", file).code
    assert {path: path.read_bytes() for path in stack.home.rglob("*.asc")} == before
    return code


def test_a_key_that_clients_would_refuse_is_not_added(embedded):
    for code, made in ODD.items():
        with odd_key(*made) as key:
            assert add_refused(embedded, key.secret_armored()) == code
    with odd_key("ed25519", "--faked-system-time", YEAR_AGO, valid="1y") as key:
        assert add_refused(embedded, key.secret_armored()) == "key_expired"
        revoked = key.renewed().revoked()
        assert add_refused(embedded, revoked.secret_armored()) == "bad_signing_key"
    for odd in (("ed25519", "--faked-system-time", "20500101T000000!"), ("secp256k1",)):
        with odd_key(*odd) as key:
            assert add_refused(embedded, key.secret_armored()) == "signing_key_unsupported"
    assert add_refused(embedded, str(Tsk.generate("Next", profile=Profile.RFC9580))) == "signing_key_unsupported"
    assert add_refused(embedded, (embedded.home / "signing-key.asc").read_text()) == "key_known"
    assert add_refused(embedded, "no key") == "bad_signing_key"
    assert refused("keys", "add", embedded.home / "nowhere.asc").code == "file_unreadable"
    assert refused("keys", "retire", "F" * 40, "--yes").code == "key_unknown"
    assert refused("keys", "lost", "F" * 40, "--yes").code == "key_unknown"


def test_keys_of_the_setting_are_for_the_operator_to_change(embedded, settings, tmp_path):
    one, two = generate_key("One"), generate_key("Two")
    settings.SIGNING_KEY = one
    (tmp_path / "two.asc").write_text(two)
    fingerprint = OpenPgpSigner(one).fingerprint
    assert refused("keys", "add", tmp_path / "two.asc").code == "keys_are_set"
    assert refused("keys", "prolong", fingerprint, "2040-01-01", "--yes").code == "keys_are_set"
    assert refused("keys", "lost", fingerprint, "--yes").code == "last_key"
    settings.SIGNING_KEY = one + two
    call("keys", "lost", fingerprint, "--yes")
    assert adapters.signer().fingerprints == (OpenPgpSigner(two).fingerprint,)
    # What says that a stolen key must not sign can't be passed over where it can't be read.
    embedded.staging.put(ROLES, b"{")
    assert refused("keys", "list").code == "bad_signing_key"
    embedded.staging.delete(ROLES)
    assert len(adapters.signer().fingerprints) == 2


def test_who_can_not_sign_long_any_more_is_told_of_in_time(embedded, settings):
    assert "signing key" not in watch_expiry()
    with odd_key("rsa2048") as key:
        settings.SIGNING_KEY = generate_key("One") + key.secret_armored()
        assert "apt 3 takes it until 2030-02-01" in call("keys", "list")
    with odd_key("ed25519", valid="30d") as key:
        settings.SIGNING_KEY = generate_key("One") + key.secret_armored()
        fingerprint = OpenPgpSigner(key.secret_armored()).fingerprint
    assert "signing key" in watch_expiry()
    [probed] = [probed for probed in examine() if probed.name == "signing key"]
    assert not probed.well
    assert fingerprint in probed.detail


class Watched:
    """A store that tells which object each call was about."""

    def __init__(self, store):
        self.store, self.asked = store, []

    def __getattr__(self, name):
        value = getattr(self.store, name)
        if not callable(value):
            return value

        def call(*given, **options):
            self.asked += given[:1]
            return value(*given, **options)

        return call


def test_what_keys_are_for_is_read_once_a_publication(embedded, settings):
    settings.SIGNING_KEY = generate_key("One") + generate_key("Two")
    staging = Watched(embedded.staging)
    with adapters.given(adapters.Ports(embedded.table, embedded.bucket, staging)):
        publish("stable", Silent())
        assert staging.asked.count(ROLES) == 1
        assert len(claims_of(embedded.bucket.read("dists/stable/InRelease"))) == 2


@pytest.mark.parametrize("text", ["soon", "2020-01-01", "2030-13-01"])
def test_a_date_that_is_none_or_past_is_refused(embedded, text):
    assert refused("keys", "export", adapters.signer().fingerprint, "--until", text).code == "bad_date"
