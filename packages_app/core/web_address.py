"""Addresses that stand in commands for a shell, in `.sources` files and on pages: what all three can hold as it is."""

from __future__ import annotations

import re

_SOUND = re.compile(r"https?://[A-Za-z0-9._:\[\]-]+(?:/[A-Za-z0-9._~%+,=:/-]*)?\Z")
_LONGEST = 2000


def is_plain_address(text: str) -> bool:
    """Return whether a text is an http(s) address without blanks, quotes and line's ends, and what a shell reads.

    A newline in one would write a line of its own into a `.sources` file, such as `Trusted: yes`.
    """
    return len(text) <= _LONGEST and _SOUND.match(text) is not None
