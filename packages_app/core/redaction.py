"""What a text must not tell: passwords in addresses, signed queries and private keys, taken out before it is shown."""

from __future__ import annotations

import re

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


def redact(text: str) -> str:
    """Return a text without the secrets that can be known by their place in it, cut to `LONGEST_TEXT` characters."""
    text = _PASSWORD.sub(r"\1:(hidden)@", _KEY_BLOCK.sub("(hidden key)", _cut(text)))
    return _QUERY.sub(_without_value, _TOKEN.sub("(hidden)@", text))


def _without_value(found: re.Match[str]) -> str:
    name = found[1].lower()
    return f"{found[1]}(hidden)" if any(word in name for word in _SECRET_WORDS) else found[0]


def _cut(text: str) -> str:
    """Return a text's beginning, where it is too long; never half of a word, which may be an address with a secret."""
    if len(text) <= LONGEST_TEXT:
        return text
    head = text[:LONGEST_TEXT]
    return head[: max(head.rfind(" "), head.rfind("\n"), 0)] + _CUT_MARK
