"""Text from outside as every database keeps it: PostgreSQL holds no NUL, and UTF-8 no half of a surrogate pair."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
"""What stands for a character that is not kept."""
_NOT_KEPT = re.compile("[\x00\ud800-\udfff]")


def storable(text: str, longest: int | None = None) -> str:
    """Return a text as a database holds it: `REPLACEMENT` for NUL and lone surrogates, cut to `longest` characters."""
    if "\x00" in text or not (text.isascii() or _NOT_KEPT.search(text) is None):
        text = _NOT_KEPT.sub(REPLACEMENT, text)
    return text if longest is None or len(text) <= longest else text[:longest]


def storable_json(value: Any) -> Any:
    """Return a JSON value with each text in it, names of members too, as `storable`."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable_json(name): storable_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [storable_json(each) for each in value]
    return value
