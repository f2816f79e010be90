"""The one way to a signer, by what SIGNING_KEY says: a secret key itself, or the address of a key that others keep."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from packages_app.core.ports import Signer
from packages_app.signing.command import command_key
from packages_app.signing.external import ExternalKey, ExternalSigner
from packages_app.signing.gpg import GpgKey, gpg_key
from packages_app.signing.kms import kms_key
from packages_app.signing.openpgp import OpenPgpSigner
from packages_app.signing.pkcs11 import pkcs11_key
from packages_app.signing.signer_errors import CertificateRefused, SignerAddressRefused

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+-]{0,20}):")
_KINDS: Mapping[str, Callable[[str], ExternalKey]] = {
    "awskms": kms_key,
    "command": command_key,
    "gpg": gpg_key,
    "pkcs11": pkcs11_key,
}
"""What opens the rest of an address, by its scheme."""


def open_signer(key: str, *, certificates: str = "") -> Signer:
    """Return the signer of a key, which has proved itself.

    `key` is an armored secret key, or an address that `open_key` takes. `certificates` has the armored public
    certificate that goes with an address, and may have those of other keys; gpg's own is taken where it is "". Raise
    `SigningKeyError` (errors of `signer_errors` among them), and `SignerUnavailable`, which another try may cure.
    """
    signer = unproven_signer(key, certificates=certificates)
    signer.prove()
    return signer


def unproven_signer(key: str, *, certificates: str = "") -> OpenPgpSigner | ExternalSigner:
    """Return the signer of a key, of which no signature was asked yet; otherwise as `open_signer`."""
    if not is_address(key):
        return OpenPgpSigner(key)
    external = open_key(key)
    return ExternalSigner(external, certificates.encode() or certificate_of(external))


def open_key(address: str) -> ExternalKey:
    """Return the key of an address; nothing is asked yet.

    It is `gpg:FINGERPRINT`, `awskms:///alias/NAME`, `pkcs11:…` or `command:/path` (docs/KEYS.md). Raise
    `SignerAddressRefused`.
    """
    scheme, _, rest = address.partition(":")
    kind = _KINDS.get(scheme.lower()) if is_address(address) else None
    if kind is None:
        raise SignerAddressRefused(
            f"SIGNING_KEY is an address of the kind {scheme}:, which is not known."
            if is_address(address)
            else "SIGNING_KEY is no address of a key that others keep.",
            remedy=f"Use one of {', '.join(f'{each}:' for each in _KINDS)}, or an armored secret key (docs/KEYS.md).",
        )
    return kind(rest)


def certificate_of(key: ExternalKey) -> bytes:
    """Return the certificate that whoever keeps a key has of it; raise `CertificateRefused` where there is none."""
    if isinstance(key, GpgKey):
        return key.certificate()
    raise CertificateRefused(
        f"SIGNING_CERTIFICATE is not set, and {key.place} has no certificate of its own.",
        remedy="Make one by manage.py make_certificate, and name its file by SIGNING_CERTIFICATE_FILE.",
    )


def is_address(key: str) -> bool:
    """Return whether a SIGNING_KEY is the address of a key, not a key itself."""
    return "\n" not in key and _ADDRESS.match(key) is not None
