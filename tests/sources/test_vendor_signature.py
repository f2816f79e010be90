"""Certificates of vendors that nobody can use."""

import hashlib
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from packages_app.core.errors import SignatureRefused
from packages_app.sources.vendor_signature import check_vendor_signature
from tests.feeds import VendorKey


@pytest.mark.filterwarnings("ignore:Attribute's length")
@pytest.mark.parametrize("scheme", ["ecdsa", "pkcs1"])
def test_a_certificate_that_cannot_be_used_is_a_refused_signature_whatever_is_wrong_with_it(scheme):
    key = VendorKey.make(scheme)
    der = x509.load_pem_x509_certificate(key.certificate).public_bytes(serialization.Encoding.DER)
    signature, outcomes = key.sign(b"body"), Counter()
    for place in range(len(der)):
        corrupt = der[:place] + bytes([der[place] ^ 5]) + der[place + 1 :]
        try:
            check_vendor_signature(
                hashlib.sha256(b"body").hexdigest(), corrupt, signature, pinned=(), known=(), now=datetime.now(UTC)
            )
        except SignatureRefused as refused:
            outcomes["unusable" if "can't be used" in refused.message else "refused"] += 1
        else:
            outcomes["good"] += 1
    assert set(outcomes) == {"unusable", "refused", "good"}


@pytest.mark.parametrize(("days", "good"), [(-2, False), (0, True), (364, True), (366, False)])
def test_a_certificate_counts_from_its_first_day_to_its_last_and_a_pin_lengthens_neither(days, good):
    key = VendorKey.make("ecdsa")
    for pinned in ((), (key.fingerprint,)):
        given = {"pinned": pinned, "known": pinned, "now": datetime.now(UTC) + timedelta(days=days)}
        body = hashlib.sha256(b"body").hexdigest(), key.certificate, key.sign(b"body")
        if good:
            assert check_vendor_signature(*body, **given).fingerprint == key.fingerprint
            continue
        with pytest.raises(SignatureRefused, match="the certificate is valid from"):
            check_vendor_signature(*body, **given)


def test_who_is_trusted_at_first_sight_is_said_to_be_so_that_he_can_be_pinned():
    key = VendorKey.make("ecdsa")
    body = hashlib.sha256(b"body").hexdigest(), key.certificate, key.sign(b"body")
    for pinned, known, told in (((), (), True), ((key.fingerprint,), (), False), ((), (key.fingerprint,), False)):
        signed = check_vendor_signature(*body, pinned=pinned, known=known, now=datetime.now(UTC))
        assert key.fingerprint in signed.by
        assert ("certificate_fingerprint" in signed.by) is told
