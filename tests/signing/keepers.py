"""Those who keep keys outside of the product, and the verifiers of clients that judge what is signed with them."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from packages_app.signing.armor import canonical
from packages_app.signing.certificates import self_signed
from packages_app.signing.external import ExternalSigner
from packages_app.signing.packets import PublicKey
from tests.stack import REPOSITORY

MADE = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = {
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
}


@dataclass(frozen=True)
class Kept:
    """A key in this process that signs as its kind does; fulfils `ExternalKey`."""

    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
    since: datetime = MADE
    place: str = "here"

    def public_key(self) -> PublicKey:
        return self.private.public_key()

    def made(self) -> datetime | None:
        return self.since

    def sign(self, digest: bytes, hash_name: str) -> bytes:
        algorithm = Prehashed(getattr(hashes, hash_name.upper())())
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(digest, padding.PKCS1v15(), algorithm)
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            return self.private.sign(digest, ec.ECDSA(algorithm))
        return self.private.sign(digest)


def kept(kind: str) -> Kept:
    """Give a new key of one of `KINDS`."""
    return Kept(KINDS[kind]())


def signer_of(key: Kept, *, expires: datetime | None = None) -> ExternalSigner:
    """Give the signer of a key with a certificate of its own."""
    now = datetime.now(UTC) - timedelta(minutes=1)
    return ExternalSigner(key, self_signed(key, "Test archive <archive@example.org>", now=now, expires=expires))


def command_of(folder: Path, kind: str) -> str:
    """Give the address of a command that signs with a new key of openssl's: the example of docs/KEYS.md."""
    folder.mkdir(exist_ok=True)
    script = re.findall(r"^```sh\n(.*?)^```", (REPOSITORY / "docs/KEYS.md").read_text(), re.MULTILINE | re.DOTALL)[-1]
    (folder / "sign").write_text(script)
    (folder / "sign").chmod(0o755)
    form = PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(KINDS[kind]().private_bytes(Encoding.PEM, form, NoEncryption()))
    return f"command:{folder}/sign {folder}/key.pem"


def refusals(folder: Path, keyring: bytes, text: bytes, signed: bytes, detached: bytes) -> list[str]:
    """Say which verifiers of clients refuse a cleartext-signed message or a detached signature of a text.

    sqv is shown what apt 3 shows it: the signature of the message apart, with the text as it stands in it.
    """
    paths = {name: folder / name for name in ("keyring", "text", "signed", "detached", "inner", "shown")}
    inner = signed[signed.rindex(b"-----BEGIN PGP SIGNATURE-----") :]
    shown = canonical(text).replace(b"\r\n", b"\n")
    for name, body in zip(paths, (keyring, text, signed, detached, inner, shown), strict=True):
        paths[name].write_bytes(body)
    asked = {
        "gpgv InRelease": ("gpgv", paths["signed"]),
        "gpgv Release.gpg": ("gpgv", paths["detached"], paths["text"]),
        "sqv InRelease": ("sqv", paths["inner"], paths["shown"]),
        "sqv Release.gpg": ("sqv", paths["detached"], paths["text"]),
    }
    found = []
    for name, (program, *files) in asked.items():
        command = [program, "--keyring", str(paths["keyring"]), *map(str, files)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        found += [f"{name}: {ran.stderr}"] if ran.returncode else []
    return found
