"""What a text must not tell: passwords in addresses, signed queries and private keys, taken out before it is shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

LONGEST_TEXT = 64 * 1024
"""Characters of a text that are looked at; what is longer is cut. A traceback has a tenth of it."""

# Strangers choose many of the texts (an address that is asked for, an error's words), so none of these goes back over
# what it has read: a run that repeats has an end, or can't begin in the midst of another.
_KEY_BLOCK = re.compile(
    r"-----BEGIN [A-Z ]{0,32}PRIVATE KEY[A-Z ]{0,32}-----.*?(?:-----END [A-Z ]{0,64}-----|\Z)", re.DOTALL
)
_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]+@")
_TOKEN = re.compile(r"(?<=://)[^/@\s:]+@")  # an address with one word before the @: a token as a rule
_QUERY = re.compile(r"([?&][^?=&\s]*=)([^&\s\"'<>]+)")
_SECRET_WORDS = ("signature", "token", "key", "secret", "passw", "credential")
_CUT_MARK = " (cut)"
_SECRET_NAMES = re.compile(r"secret|password|passphrase|token|ticket|signing_key|authorization|cookie", re.IGNORECASE)


def redact(text: str) -> str:
    """Return a text without the secrets that can be known by their place in it, cut to `LONGEST_TEXT` characters."""
    text = _PASSWORD.sub(r"\1:(hidden)@", _KEY_BLOCK.sub("(hidden key)", _cut(text)))
    return _QUERY.sub(_without_value, _TOKEN.sub("(hidden)@", text))


def without_secrets(name: str, value: Any) -> Any:
    """Return a value without secrets: all of one that has a secret's name, and what `redact` finds, at any depth."""
    if value and _SECRET_NAMES.search(name):
        return "(hidden)"
    if isinstance(value, Mapping):
        return {key: without_secrets(str(key), each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [without_secrets("", each) for each in value]
    if value is None or isinstance(value, (int, float)):
        return value
    # Whatever it is, a renderer would write its text.
    return redact(value if isinstance(value, str) else str(value))


def _without_value(found: re.Match[str]) -> str:
    name = found[1].lower()
    return f"{found[1]}(hidden)" if any(word in name for word in _SECRET_WORDS) else found[0]


def _cut(text: str) -> str:
    """Return a text's beginning, where it is too long; never half of a word, which may be an address with a secret."""
    if len(text) <= LONGEST_TEXT:
        return text
    head = text[:LONGEST_TEXT]
    return head[: max(head.rfind(" "), head.rfind("\n"), 0)] + _CUT_MARK
