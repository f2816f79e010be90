"""What the fields of a form say, as values of YAML, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from packages_app.core.setting_field import Kind, SettingField

_BETWEEN = re.compile(r"[,\n]")
_DIGITS = 18
_FLAGS = {"true": True, "false": False}


def value_of(field: SettingField, text: str) -> Any:
    """Return what a field's text stands for, None for nothing; what is no number stays a text, which reading faults."""
    if not text:
        return None
    if field.kind is Kind.TEXTS:
        return [one for part in _BETWEEN.split(text) if (one := part.strip())] or None
    if field.kind is Kind.NUMBER and text.isdecimal() and len(text) <= _DIGITS:
        return int(text)
    return _FLAGS.get(text, text) if field.kind is Kind.FLAG else text


def shown(value: Any) -> str:
    """Return a simple value as the text of its field."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def put(values: dict[str, Any], path: list[str], value: Any) -> None:
    """Put a value into mappings within mappings, which are made where they are not there."""
    for name in path[:-1]:
        inner = values.get(name)
        values[name] = inner = dict(inner) if isinstance(inner, Mapping) else {}
        values = inner
    values[path[-1]] = value


def take(values: dict[str, Any], path: list[str]) -> Any:
    """Take a simple value out of mappings within mappings, and those that are empty then; None where there is none."""
    name, rest = path[0], path[1:]
    inner = values.get(name)
    if not rest:
        plain = not isinstance(inner, dict) and not (isinstance(inner, list) and any(map(_is_nested, inner)))
        return values.pop(name, None) if plain else None
    if not isinstance(inner, dict):
        return None
    taken = take(inner, rest)
    if not inner:
        values.pop(name)
    return taken


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict | list) or (isinstance(value, str) and bool(_BETWEEN.search(value)))
