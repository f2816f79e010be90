"""The whole change of a key once for each who keeps keys; clients are gpgv and sqv, with what apt would give them.

A key of the home changes in tests/apt/test_rotation.py, with apt itself.
"""

from __future__ import annotations

import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from packages_app.core.ports import Silent
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.services import adapters
from packages_app.services.intake.build_bootstrap import build_and_take_in
from packages_app.services.keys.rotation import Step, rotation_of
from packages_app.services.keys.standing import look_at_keys
from packages_app.services.publication.publish import publish
from packages_app.signing.certificates import self_signed
from packages_app.signing.open_signer import open_key
from tests.apt.odd_keys import odd_key
from tests.commands.calling import call
from tests.signing.keepers import MADE, command_of, kept
from tests.signing.kms_server import KmsServer

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")


def of_command(folder, _opened, _patch):
    return [command_of(folder / name, "ed25519") for name in ("one", "two")]


def of_kms(_folder, opened, _patch):
    server = opened.enter_context(KmsServer({"alias/one": kept("p256"), "alias/two": kept("ed25519")}))
    return [f"awskms:///alias/{name}?region=eu-central-1&endpoint={server.url}" for name in ("one", "two")]


def of_gpg(_folder, opened, _patch):
    keys = [opened.enter_context(odd_key(kind)) for kind in ("rsa2048", "ed25519")]
    return [f"gpg:{key.fingerprints()[0]}?homedir={key.home}" for key in keys]


def of_token(folder, _opened, patch):
    if shutil.which("pkcs11-tool") is None or not MODULE.exists():
        pytest.skip("opensc or softhsm2 is not installed")
    (folder / "tokens").mkdir()
    (folder / "conf").write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    (folder / "pin").write_text("731946\n")
    patch.setenv("SOFTHSM2_CONF", str(folder / "conf"))
    pins = ["--label", "apt", "--pin", "731946", "--so-pin", "731946"]
    subprocess.run(["softhsm2-util", "--init-token", "--free", *pins], check=True, capture_output=True)
    login = ["pkcs11-tool", "--module", MODULE, "--token-label", "apt", "--login", "--pin", "731946"]
    for number in ("01", "02"):
        pair = [*login, "--keypairgen", "--key-type", "EC:edwards25519", "--label", number, "--id", number]
        subprocess.run(pair, check=True, capture_output=True)
    at = f"?module-path={MODULE}&pin-source=file:{folder}/pin"
    return [f"pkcs11:token=apt;id=%{number}{at}" for number in ("01", "02")]


def believers(stack, folder, keyring):
    """Give the verifiers that believe what is in place by a keyring: gpgv as apt 2.6 reads its status, sqv as apt 3."""
    release = {name: stack.bucket.read(f"dists/stable/{name}") for name in ("InRelease", "Release", "Release.gpg")}
    for name, body in {**release, "keyring": keyring}.items():
        (folder / name).write_bytes(body)
    asked = {
        "gpgv": ["gpgv", "--status-fd", "1", "--keyring", folder / "keyring", folder / "InRelease"],
        "sqv": ["sqv", "--keyring", folder / "keyring", folder / "Release.gpg", folder / "Release"],
    }
    done = {name: subprocess.run(call, capture_output=True, text=True, check=False) for name, call in asked.items()}
    said = {line.split()[1] for line in done["gpgv"].stdout.splitlines()}
    assert "BADSIG" not in said
    believed = {"gpgv": "GOODSIG" in said, "sqv": done["sqv"].returncode == 0}
    return {name for name, well in believed.items() if well}


def certificates_of(addresses):
    """Make the certificate of each key; gpg has its own."""
    if addresses[0].startswith("gpg:"):
        return ["", ""]
    return [self_signed(open_key(each), "Kept", now=MADE, expires=None).decode() for each in addresses]


@pytest.mark.parametrize("keep", [of_command, of_kms, of_gpg, of_token])
def test_the_whole_change_of_a_key_whoever_keeps_it(embedded, settings, monkeypatch, tmp_path, keep):
    every = {"gpgv", "sqv"}

    def step():
        return rotation_of(look_at_keys(), adapters.now()).step

    with ExitStack() as opened:
        (tmp_path / "keeper").mkdir()
        one, two = keep(tmp_path / "keeper", opened, monkeypatch)
        certificates = certificates_of([one, two])
        settings.SIGNING_KEY, settings.SIGNING_CERTIFICATE = one, certificates[0]
        build_and_take_in("kiro-repo", "1.0.0", Silent())
        publish("stable", Silent())
        old = adapters.signer()
        old_keyring = old.public_keyring()
        assert step() is Step.ADD

        settings.SIGNING_KEY, settings.SIGNING_CERTIFICATE = f"{one},{two}", "".join(certificates)
        assert step() is Step.SHIP
        call("keys", "rotate", "--yes")
        assert step() is Step.WAIT
        both_keyring = adapters.signer().public_keyring()
        new_keyring = adapters.signer().signers[1].public_keyring()
        assert [believers(embedded, tmp_path, each) for each in (old_keyring, new_keyring)] == [every, every]

        call("keys", "rotate", "--waited", "--yes")
        assert step() is Step.LEAVE
        assert [believers(embedded, tmp_path, each) for each in (both_keyring, old_keyring)] == [every, set()]

        call("keys", "rotate", "--yes")
        settings.SIGNING_KEY, settings.SIGNING_CERTIFICATE = two, certificates[1]
        assert step() is Step.ADD
        publish("stable", Silent(), options=PublicationOptions(resign=True))
        assert believers(embedded, tmp_path, new_keyring) == every
        assert old.fingerprint not in embedded.bucket.read("kiro-archive-keyring.gpg").hex().upper()
