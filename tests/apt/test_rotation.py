"""The change from one signing key to the next, with real clients at every step: never a word of warning.

And the emergency: what is said to break does, and the two lines that clients must type mend it.
"""

from __future__ import annotations

import subprocess
from datetime import timedelta

from packages_app.services import adapters
from packages_app.services.keys.rotation import Step, rotation_of
from packages_app.services.keys.standing import look_at_keys
from packages_app.services.verification.keys import key_findings
from packages_app.signing.openpgp import OpenPgpSigner
from packages_app.signing.unproven import claims_of
from tests.apt.client import AptClient
from tests.commands.calling import call, refused

IN_RELEASE = "dists/stable/InRelease"


def new_client(stack, folder):
    """Set a client up as the two lines do that are printed."""
    folder.mkdir(exist_ok=True)
    client = AptClient(folder / "root")
    return set_up(stack, client, folder)


def set_up(stack, client, folder):
    """Install the package of the root, as the first of the two lines does; then `apt update`."""
    client.install_copy(stack.bucket, folder)
    client.update()
    return client


def step():
    """Give the step that comes next, as it is read off what clients are given."""
    return rotation_of(look_at_keys(), adapters.now()).step


def upgrade(client):
    """Let a client upgrade the bootstrap package as it upgrades any other, by apt."""
    client.update()
    client.apt_get("install", "--only-upgrade", "kiro-repo")
    client.use("kiro-repo.sources")


def test_no_client_is_warned_at_any_step_of_a_rotation(served, tmp_path):
    old = adapters.signer().fingerprint
    one = new_client(served, tmp_path / "one")
    assert step() is Step.ADD
    assert refused("keys", "retire", old, "--yes").code == "last_key"

    call("keys", "add")
    new = next(key.fingerprint for key in look_at_keys().keys if key.fingerprint != old)
    assert step() is Step.SHIP
    assert "rotation_unfinished" in refused("keys", "retire", old, "--yes")
    one.update()

    call("keys", "rotate", "--yes")
    assert step() is Step.WAIT
    assert len(claims_of(served.bucket.read(IN_RELEASE))) == 2
    assert not list(key_findings())
    two = new_client(served, tmp_path / "two")
    for client in (one, two):
        client.update()
        assert client.candidate("kiro-repo") == "1.1.0"
    before = served.dists()
    call("keys", "rotate", "--yes")  # it waits: nothing is done
    assert served.dists() == before
    opens = rotation_of(look_at_keys(), adapters.now()).opens
    assert rotation_of(look_at_keys(), opens + timedelta(seconds=1)).step is Step.SIGN
    upgrade(one)

    call("keys", "rotate", "--waited", "--yes")
    assert step() is Step.LEAVE
    assert adapters.signer().fingerprints == (new,)
    assert not list(key_findings())
    for client in (one, two, new_client(served, tmp_path / "three")):
        client.update()

    call("keys", "rotate", "--yes")
    assert step() is Step.ADD
    assert not list(key_findings())
    [key] = look_at_keys().keys
    assert (key.fingerprint, key.role) == (new, "signs")
    assert OpenPgpSigner((served.home / "signing-key.asc").read_text()).fingerprint == new
    assert old not in served.bucket.read("kiro-archive-keyring.gpg").hex().upper()
    for client in (one, two):
        upgrade(client)
        client.update()
        assert client.installed("kiro-repo") == "1.2.0"
    modes = {path.stat().st_mode & 0o077 for path in (served.home / "signing-keys").rglob("*")}
    assert modes == {0}


def test_a_stolen_key_signs_no_more_and_the_two_lines_bring_a_client_the_next(served, tmp_path):
    old = adapters.signer().fingerprint
    client = new_client(served, tmp_path / "client")
    planned = call("keys", "lost", old, "--dry-run")
    assert adapters.signer().fingerprint == old
    assert f"curl -fsSLO {adapters.settings.PUBLIC_URL}/kiro-repo.deb && sudo apt install ./kiro-repo.deb" in planned
    call("keys", "lost", old, "--yes")
    [key] = look_at_keys().keys
    assert key.fingerprint != old
    assert {"gpgv": "NO_PUBKEY", "sqv": "Missing key"}[client.apt.verifier] in client.refused()
    set_up(served, client, tmp_path)
    assert client.installed("kiro-repo") == "1.1.0"
    assert not list(key_findings())
    # The certificate that was kept from the beginning revokes it, wherever it was imported by hand.
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet"]
    subprocess.run([*gpg, "--import", str(served.home / "signing-keys" / f"{old}.rev")], check=True)
    said = subprocess.run([*gpg, "--with-colons", "--list-keys"], check=True, capture_output=True, text=True).stdout
    assert [line.split(":")[1] for line in said.splitlines() if line.startswith("pub:")] == ["r"]


def test_a_key_whose_file_is_gone_is_followed_by_one_that_is_made(served, tmp_path):
    old = adapters.signer().fingerprint
    client = new_client(served, tmp_path / "client")
    (served.home / "signing-key.asc").unlink()
    assert refused("keys", "list").code == "bad_signing_key"
    call("keys", "lost", old, "--yes")
    assert adapters.signer().fingerprint != old
    client.refused()
    set_up(served, client, tmp_path)


def test_a_stolen_key_whose_next_one_was_shipped_locks_nobody_out(served, tmp_path):
    old = adapters.signer().fingerprint
    client = new_client(served, tmp_path / "client")
    call("keys", "add")
    call("keys", "rotate", "--yes")
    upgrade(client)
    call("keys", "lost", old, "--yes")
    assert old not in adapters.signer().fingerprints
    client.update()


def test_a_key_is_prolonged_in_place_and_clients_get_it_by_the_package(served, tmp_path):
    client = new_client(served, tmp_path / "client")
    fingerprint = adapters.signer().fingerprint
    assert OpenPgpSigner((served.home / "signing-key.asc").read_text()).expires is None
    call("keys", "prolong", fingerprint, "2040-12-31", "--yes")
    assert adapters.signer().fingerprint == fingerprint
    assert f"{adapters.signer().expires:%Y-%m-%d}" == "2040-12-31"
    upgrade(client)
    assert client.installed("kiro-repo") == "1.1.0"
    client.update()
    exported = call("keys", "export", fingerprint[-16:], "--until", "2050-01-01")
    assert exported.startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----")
    assert f"{adapters.signer().expires:%Y-%m-%d}" == "2040-12-31"
    assert refused("keys", "prolong", fingerprint, "2020-01-01", "--yes").code == "bad_date"
