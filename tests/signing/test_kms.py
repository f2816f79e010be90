"""A key in AWS KMS signs what clients believe; whatever KMS answers else is told by a code of its own."""

import pytest

from packages_app.core.errors import RepomgrError
from packages_app.signing.certificates import self_signed
from packages_app.signing.open_signer import open_key, open_signer
from packages_app.signing.openpgp import verified_text
from tests.signing.keepers import KINDS, MADE, kept, refusals
from tests.signing.kms_server import KmsServer

RELEASE = b"Origin: Test\n- a line that begins with a dash\n" + b"SHA256: a long one\n" * 500


@pytest.fixture(scope="module")
def kms():
    with KmsServer({f"alias/{kind}": kept(kind) for kind in KINDS}) as server:
        yield server


@pytest.fixture
def opened(kms):
    """Gives address and certificate of a key that KMS has."""

    def give(kind):
        address = f"awskms:///alias/{kind}?region=eu-central-1&endpoint={kms.url}"
        return address, self_signed(open_key(address), "In KMS", now=MADE, expires=None).decode()

    yield give
    kms.fault, kms.usage = None, "SIGN_VERIFY"


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_in_kms_signs_for_every_verifier(tmp_path, opened, kind):
    address, certificate = opened(kind)
    signer = open_signer(address, certificates=certificate)
    signed, detached = signer.sign_clear(RELEASE), signer.sign_detached(RELEASE)
    assert verified_text(signed, signer.public_keyring()) == RELEASE
    assert refusals(tmp_path, signer.public_keyring(), RELEASE, signed, detached) == []
    assert self_signed(open_key(address), "In KMS", now=MADE.replace(day=2), expires=None) != certificate.encode()
    again = self_signed(open_key(address), "In KMS", now=MADE.replace(day=2), expires=None).decode()
    assert open_signer(address, certificates=again).fingerprint == signer.fingerprint


@pytest.mark.parametrize(("fault", "code", "tries"), [
    ((400, "DisabledException"), "signing_key_disabled", 1),
    ((400, "KMSInvalidStateException"), "signing_key_disabled", 1),
    ((400, "AccessDeniedException"), "signing_key_denied", 1),
    ((400, "NotFoundException"), "signing_key_missing", 1),
    ((400, "InvalidKeyUsageException"), "signing_key_unsupported", 1),
    ((400, "IncorrectKeyException"), "signer_failed", 1),
    ((400, "ThrottlingException"), "signer_unavailable", 3),
    ((500, "KMSInternalException"), "signer_unavailable", 3),
])  # fmt: skip
def test_what_kms_refuses_is_told_by_its_code_and_asked_again_where_that_helps(opened, kms, fault, code, tries):
    address, certificate = opened("p256")
    signer = open_signer(address, certificates=certificate)
    before, kms.fault = len(kms.asked), fault
    with pytest.raises(RepomgrError) as refused:
        signer.sign_clear(RELEASE)
    assert (refused.value.code, len(kms.asked) - before) == (code, tries)
    assert refused.value.retryable == (tries > 1)
    assert "secret-account" not in str(refused.value)
    kms.fault = None
    assert verified_text(signer.sign_clear(RELEASE), signer.public_keyring()) == RELEASE


def test_what_is_no_signing_key_or_nowhere_is_refused(opened, kms, monkeypatch):
    address, certificate = opened("p256")
    cases = {"alias/other": "signing_key_missing", "alias/p384": "certificate_lacks_key"}
    for name, code in cases.items():
        with pytest.raises(RepomgrError) as refused:
            open_signer(address.replace("alias/p256", name), certificates=certificate)
        assert refused.value.code == code
    kms.usage = "ENCRYPT_DECRYPT"
    with pytest.raises(RepomgrError) as refused:
        open_signer(address, certificates=certificate)
    assert refused.value.code == "signing_key_unsupported"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    with pytest.raises(RepomgrError) as refused:
        open_signer(address, certificates=certificate)
    assert refused.value.code == "signing_key_denied"


@pytest.mark.parametrize("address", ["awskms://host/alias/apt", "awskms:alias/apt", "awskms:///", "awskms:///a?key=b",
                                     "awskms:///a?endpoint=ftp://b", "awskms://[x/a"])  # fmt: skip
def test_an_address_that_names_no_key_of_kms_is_refused(address):
    with pytest.raises(RepomgrError) as refused:
        open_key(address)
    assert refused.value.code == "bad_signer_address"
