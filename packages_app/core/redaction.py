"""What a text must not tell: passwords in addresses, signed queries and private keys, taken out before it is shown."""

from __future__ import annotations

import re

_KEY_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----.*?(-----END [A-Z ]*-----|\Z)", re.DOTALL)
_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]+@")
_TOKEN = re.compile(r"(?<=://)[^/@\s:]+@")  # an address with one word before the @: a token as a rule
_QUERY = re.compile(
    r"([?&][^=&\s]*(?:signature|token|key|secret|passw|credential)[^=&\s]*=)[^&\s\"'<>]+", re.IGNORECASE
)


def redact(text: str) -> str:
    """Return a text without the secrets that can be known by their place in it."""
    text = _PASSWORD.sub(r"\1:(hidden)@", _KEY_BLOCK.sub("(hidden key)", text))
    return _QUERY.sub(r"\1(hidden)", _TOKEN.sub("(hidden)@", text))
