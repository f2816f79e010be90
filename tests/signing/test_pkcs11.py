"""A key in a PKCS#11 token, SoftHSM's, signs what clients believe; what is wrong with it or its PIN has a code."""

import shutil
import subprocess
from pathlib import Path

import pytest

from packages_app.core.errors import RepomgrError
from packages_app.signing.certificates import self_signed
from packages_app.signing.open_signer import open_key, open_signer
from packages_app.signing.openpgp import verified_text
from tests.signing.keepers import MADE, kept, refusals, signer_of

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "731946"
RELEASE = b"Origin: Test\n- a line that begins with a dash\n"
TYPES = {"rsa": "rsa:2048", "p256": "EC:prime256v1", "ed25519": "EC:edwards25519"}


@pytest.fixture(scope="module")
def token(tmp_path_factory):
    """Gives the folder of a token with a key of each type, its PIN in a file beside it."""
    if shutil.which("pkcs11-tool") is None or not MODULE.exists():
        pytest.skip("opensc or softhsm2 is not installed")
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "conf").write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    (folder / "pin").write_text(f"{PIN}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(folder / "conf"))
        made = ["softhsm2-util", "--init-token", "--free", "--label", "apt", "--pin", PIN, "--so-pin", PIN]
        subprocess.run(made, check=True, capture_output=True)
        login = ["pkcs11-tool", "--module", MODULE, "--token-label", "apt", "--login", "--pin", PIN, "--keypairgen"]
        for number, (name, kind) in enumerate(TYPES.items(), start=1):
            pair = [*login, "--key-type", kind, "--label", f"key {name}", "--id", f"0{number}"]
            subprocess.run(pair, check=True, capture_output=True)
        yield folder


def address(token, which, pin="pin"):
    return f"pkcs11:token=apt;{which}?module-path={MODULE}&pin-source=file:{token}/{pin}"


@pytest.mark.parametrize("name", TYPES)
def test_a_key_in_a_token_signs_for_every_verifier(tmp_path, token, name):
    by_id = address(token, f"id=%0{[*TYPES].index(name) + 1}")
    certificate = self_signed(open_key(by_id), "In a token", now=MADE, expires=None).decode()
    signer = open_signer(by_id, certificates=certificate)
    signed, detached = signer.sign_clear(RELEASE), signer.sign_detached(RELEASE)
    assert verified_text(signed, signer.public_keyring()) == RELEASE
    assert refusals(tmp_path, signer.public_keyring(), RELEASE, signed, detached) == []


@pytest.mark.parametrize(("which", "other", "code"), [
    ("id=%99", "", "signing_key_missing"),
    ("id=%01", "", "certificate_lacks_key"),
    ("id=%01", ("token=apt", "token=away"), "signer_unavailable"),
    ("id=%01", (str(MODULE), "/nowhere.so"), "signer_program_missing"),
    ("id=%01", ("/pin", "/wrong"), "signing_key_locked"),
    ("id=%01", ("/pin", "/nowhere"), "signing_key_locked"),
])  # fmt: skip
def test_what_is_wrong_with_token_or_pin_is_told_by_its_code(token, which, other, code):
    (token / "wrong").write_text("999999")
    certificate = signer_of(kept("p256")).public_armored().decode()
    with pytest.raises(RepomgrError) as refused:
        open_signer(address(token, which).replace(*(other or ("", ""))), certificates=certificate)
    assert refused.value.code == code
    assert "999999" not in str(refused.value)


@pytest.mark.parametrize("bad", ["", "token=apt;id=a", "token=apt?module-path=/m.so", "id=a?module-path=/m.so",
                                 "token=apt;id=a?module-path=/m.so&pin-value=731946",
                                 "token=apt;id=a?module-path=m.so"])  # fmt: skip
def test_an_address_that_names_no_key_of_a_token_is_refused(bad):
    with pytest.raises(RepomgrError) as refused:
        open_key(f"pkcs11:{bad}")
    assert refused.value.code == "bad_signer_address"
    assert PIN not in str(refused.value)
