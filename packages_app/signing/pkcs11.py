"""A signing key in a PKCS#11 token: `pkcs11:token=apt;id=%01?module-path=/…/module.so&pin-source=file:/…/pin`.

The address is a URI of RFC 7512. OpenSC's `pkcs11-tool` speaks to the token's module, in a process of its own: what the
module's maker did wrong ends that one, not a worker. It finds the key to sign with by its ID alone, never by its label.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from packages_app.core.child_environment import child_environment
from packages_app.core.readable import why_unreadable
from packages_app.signing.external import asked_again
from packages_app.signing.packets import PublicKey
from packages_app.signing.public_keys import read_public_key
from packages_app.signing.running import Ran, run_signing
from packages_app.signing.signer_errors import (
    KeyLocked,
    KeyMissing,
    KeyUnsupported,
    SignerAddressRefused,
    SignerFailed,
    SignerProgramMissing,
    SignerUnavailable,
)

_TOOL = "pkcs11-tool"
_PIN = "REPOMGR_PIN"
_FOR_IT = ("HOME", "SOFTHSM2_CONF", "YUBIHSM_PKCS11_CONF", "PKCS11_*", "OPENSC_*")
_PATH, _QUERY = frozenset({"token", "id", "type"}), frozenset({"module-path", "pin-source"})
_DIGEST_INFO: Mapping[str, bytes] = {
    "sha256": bytes.fromhex("3031300D060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300D060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300D060960864801650304020305000440"),
}
"""What stands before a digest that RSA signs by PKCS#1 v1.5 (RFC 8017, 9.2)."""
_WRITE_ADDRESS = "Write pkcs11:token=LABEL;id=%01?module-path=/path/of/module.so&pin-source=file:/path/of/pin."


@dataclass(frozen=True)
class Pkcs11Key:
    """A key pair in a token; fulfils `external.ExternalKey`. `identity` is the key's ID, as hex."""

    module: str
    token: str
    identity: str
    pin_file: str = ""

    @property
    def place(self) -> str:
        """Token, and the key's ID as hex."""
        return f"pkcs11:token={self.token};id={self.identity}"

    def public_key(self) -> PublicKey:
        """Return the token's public half of the pair, read once."""
        return self._public

    def made(self) -> datetime | None:
        """Return None: tokens do not tell."""
        return None

    def sign(self, digest: bytes, hash_name: str) -> bytes:
        """Return the raw signature that the token makes of a digest."""
        if isinstance(self._public, rsa.RSAPublicKey):
            mechanism, given = ["RSA-PKCS"], _DIGEST_INFO[hash_name] + digest
        elif isinstance(self._public, ec.EllipticCurvePublicKey):
            mechanism, given = ["ECDSA", "--signature-format", "openssl"], digest
        else:
            mechanism, given = ["EDDSA"], digest
        return self._run("--sign", "--mechanism", *mechanism, given=given)

    @cached_property
    def _public(self) -> PublicKey:
        return read_public_key(self._run("--read-object", "--type", "pubkey"), self.place)

    def _run(self, *operation: str, given: bytes = b"") -> bytes:
        return asked_again(self._run_once, operation, given)

    def _run_once(self, operation: tuple[str, ...], given: bytes) -> bytes:
        pin = {_PIN: self._pin()} if self.pin_file else {}
        login = ["--login", "--pin", f"env:{_PIN}"] if pin else []
        command = [
            _TOOL,
            "--module",
            self.module,
            "--token-label",
            self.token,
            *login,
            "--id",
            self.identity,
            *operation,
        ]
        ran = run_signing(
            command,
            child_environment(*_FOR_IT, **pin),
            given,
            remedy="Install pkcs11-tool (on Debian: opensc) where the workers run.",
        )
        if ran.code or not ran.output:
            raise self._error(ran)
        return ran.output

    def _pin(self) -> str:
        """Return the PIN; it is asked for each time, so that another one counts at once. Raise `KeyLocked`."""
        file = Path(self.pin_file)
        if why := why_unreadable(file):
            raise KeyLocked(
                f"The PIN of {self.place} can't be read from {file}: {why}.",
                remedy="Make the file readable for the user of the workers, and for nobody else.",
            )
        return file.read_text(encoding="utf-8", errors="replace").strip()

    def _error(self, ran: Ran) -> Exception:
        said = ran.all_said
        if "CKR_PIN_" in said or "CKR_USER_" in said or "util_getpass" in said:
            return KeyLocked(
                f"The token {self.token} does not take the PIN.",
                remedy="Correct the file of pin-source. It is not tried again: tokens lock after a few wrong PINs.",
            )
        if "load pkcs11 module" in said:
            return SignerProgramMissing(
                f"The PKCS#11 module {self.module} can't be loaded.", remedy="Correct module-path, or install it."
            )
        if any(word in said for word in ("CKR_DEVICE_", "CKR_TOKEN_NOT_", "CKR_SESSION_", "No slot")):
            return SignerUnavailable(
                f"The token {self.token} is not there.", remedy="Plug it in, and see what pkcs11-tool -L says."
            )
        if "not found" in said:
            return KeyMissing(
                f"There is no key {self.place}, or not both halves of it.",
                remedy="See what pkcs11-tool -O --login shows: private and public key need one ID.",
            )
        if "CKR_KEY_FUNCTION_" in said or "EVP_PKEY" in said or "CKR_MECHANISM_" in said or "CKR_KEY_TYPE_" in said:
            return KeyUnsupported(
                f"The key {self.place} does not sign as clients need it.",
                remedy="Make a pair for signing: Ed25519, P-256 or RSA with 3072 bits. pkcs11-tool reads no others.",
            )
        return SignerFailed(
            f"The token does not sign with {self.place}: {ran.said}.",
            remedy="Sign something with pkcs11-tool as the user of the workers.",
        )


def pkcs11_key(rest: str) -> Pkcs11Key:
    """Return the key of an address behind `pkcs11:`; raise `SignerAddressRefused`."""
    path, _, query = rest.partition("?")
    named, options = _attributes(path, ";", _PATH), _attributes(query, "&", _QUERY)
    pin_file = unquote(options.get("pin-source", "")).removeprefix("file:").removeprefix("//")
    module, token = unquote(options.get("module-path", "")), unquote(named.get("token", ""))
    identity = unquote_to_bytes(named.get("id", "")).hex()
    if not module.startswith("/") or not token or not identity or (pin_file and pin_file[0] != "/"):
        raise SignerAddressRefused("SIGNING_KEY names no key of a PKCS#11 token.", remedy=_WRITE_ADDRESS)
    return Pkcs11Key(module, token, identity, pin_file)


def _attributes(text: str, separator: str, known: frozenset[str]) -> dict[str, str]:
    """Return the attributes of a part of the URI, quoted as they are; a value is never shown: it may be a PIN."""
    found = dict(part.partition("=")[::2] for part in text.split(separator) if part)
    if unknown := sorted({*found} - known):
        raise SignerAddressRefused(
            f"SIGNING_KEY has the attribute {unknown[0]} in an address pkcs11:, which is not taken.",
            remedy=f"{_WRITE_ADDRESS} A PIN stands in a file alone.",
        )
    return found
