"""The text of a token: `repomgr_`, 32 letters and digits at random, and 8 that are a code over those before.

The code is this installation's own, by SECRET_KEY: who reads the head of a request can tell by it whether a token may
be one of ours, before anything is looked up or a body is read (`repomgr.web`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import string

from packages_app.services.secret_key import key_for

PREFIX = "repomgr_"
"""By which rules of scanners for secrets find it (docs/RIGHTS.md)."""
_LETTERS = string.ascii_letters + string.digits
_RANDOM, _CODE = 32, 8
_FORM = re.compile(r"repomgr_[A-Za-z0-9]{40}\Z", re.ASCII)
NO_TOKEN = "-"  # noqa: S105 - what stands for a header that is none


def new_secret() -> str:
    """Return a token that nobody has."""
    begin = PREFIX + "".join(secrets.choice(_LETTERS) for _ in range(_RANDOM))
    return begin + _code_of(begin)


def may_be_token(text: str) -> bool:
    """Return whether a text has the form of a token of this installation; nothing is looked up."""
    return bool(_FORM.match(text)) and hmac.compare_digest(_code_of(text[:-_CODE]), text[-_CODE:])


def digest_of_secret(secret: str) -> str:
    """Return what is kept of a token: its SHA256 (hex)."""
    return hashlib.sha256(secret.encode()).hexdigest()


def shown_secret(authorization: str) -> str:
    """Return the token in a header Authorization: of Bearer, or the password of Basic, as curl -u and dput send it.

    "" for no header, and `NO_TOKEN` for one that has none.
    """
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or NO_TOKEN
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).decode().partition(":")[2] or NO_TOKEN
        except (binascii.Error, UnicodeDecodeError):
            return NO_TOKEN
    return NO_TOKEN if scheme else ""


def _code_of(begin: str) -> str:
    number = int.from_bytes(hmac.digest(key_for("access tokens"), begin.encode(), "sha256"), "big")
    digits = []
    for _ in range(_CODE):
        number, digit = divmod(number, len(_LETTERS))
        digits.append(_LETTERS[digit])
    return "".join(digits)
