"""Text from outside, made such that every store, log and page takes it."""

from __future__ import annotations

import re

_NOWHERE_TAKEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
"""Control characters but for tab and newline, which terminals act on and PostgreSQL refuses (NUL); halves of
surrogate pairs, which have no UTF-8."""
_SUBSTITUTE = "\N{REPLACEMENT CHARACTER}"


def plain_text(text: str) -> str:
    """Return a text with what no store takes replaced by U+FFFD; ends of lines are newlines."""
    return _NOWHERE_TAKEN.sub(_SUBSTITUTE, text.replace("\r\n", "\n"))
