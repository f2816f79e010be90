"""The certificate of a signing key that others keep: made, prolonged, and given to a primary key as its subkey."""

from __future__ import annotations

import os
import tempfile
from datetime import datetime
from pathlib import Path

from packages_app.core.errors import FileUnreadable
from packages_app.core.readable import check_readable
from packages_app.services import adapters
from packages_app.services.archives import present_archive
from packages_app.signing.certificates import renewed, self_signed, with_subkey
from packages_app.signing.external import ExternalSigner
from packages_app.signing.open_signer import certificate_of, open_key

_READABLE = 0o644


def make_certificate(file: Path, *, user_id: str, expires: datetime | None, primary: str = "") -> ExternalSigner:
    """Write the certificate of the key that SIGNING_KEY names; return the signer that it makes of it.

    Where the file is there, the certificate in it is prolonged, and keeps its fingerprint. With `primary`, the address
    of another key, the key of SIGNING_KEY becomes a signing subkey of that one's certificate: the file's, or gpg's own.
    Raise errors of `signer_errors` and `FileUnreadable`; the file is as it was then.
    """
    key, now = open_key(present_archive().signing_key), adapters.now()
    held = _held(file)
    if primary:
        owner = open_key(primary)
        made = with_subkey(owner, held or certificate_of(owner), key, now=now, expires=expires)
    elif held:
        made = renewed(key, held, now=now, expires=expires)
    else:
        name = user_id or adapters.name_of_keys()
        made = self_signed(key, name, now=now, expires=expires)
    signer = ExternalSigner(key, made, clock=adapters.now)
    signer.prove()
    _write(file, made)
    return signer


def _held(file: Path) -> bytes:
    if not file.exists():
        return b""
    check_readable(file)
    return file.read_bytes()


def _write(file: Path, certificate: bytes) -> None:
    """Put a certificate in its place at once; anybody may read it."""
    try:
        handle, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(handle, "wb") as stream:
            stream.write(certificate)
            os.fchmod(stream.fileno(), _READABLE)
        os.replace(draft, file)
    except OSError as error:
        raise FileUnreadable(f"{file} can't be written: {error.strerror}.", remedy="Name another file.") from error
