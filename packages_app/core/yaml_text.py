"""YAML texts: what stands in one, with the line of every field, and each fault of one that is no YAML.

Whoever wrote it may be an enemy: how long a text is, how deep it goes and how much its aliases make of it is
bounded, since the parser in C ends the process with a text that goes deep enough.

A parser stops at the first fault. So a text that it refuses is read once more, each field by itself: what can be read
is, and every field that can't is named. One round of mending is enough then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import yaml

_MOST_LINES = 2000
"""Of a longer text the first fault alone is named: a field is parsed behind as many line ends as stand before it."""
_DEEPEST = 4
_LONGEST = 1024 * 1024
"""Bytes; the longest document of the table has a tenth of it."""
_MOST_LEVELS = 64
_MOST_MADE = 100_000
"""Values, and as many times 16 characters, that may stand in a text whose aliases are written out."""
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*:(?=\s|\Z)")
_ANCHOR = re.compile(r"[-:,\[{\s]&[A-Za-z0-9]")


@dataclass(frozen=True, order=True)
class TextFault:
    """Where a text is no YAML, its first line being 1, and what the parser says."""

    line: int
    said: str


class LinedMapping(dict[str, Any]):
    """A mapping that remembers its own line and the line of each key, and which of its fields could not be read.

    `file` and `files` say what stands in another file than what is around it.
    """

    line: int = 1
    lines: dict[str, int]
    unread: frozenset[str] = frozenset()
    file: str = ""
    files: Mapping[str, str] = MappingProxyType({})


# The loader in C is ten times as fast as the one in Python; PyYAML is built without it where libyaml is not there.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _LinedLoader(_SafeLoader):  # type: ignore[misc]
    def construct_lined(self, node: yaml.MappingNode) -> LinedMapping:
        mapping = LinedMapping()
        mapping.line = node.start_mark.line + 1
        mapping.lines = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is not text", key_node.start_mark)
            if key in mapping:
                raise yaml.constructor.ConstructorError(None, None, f"{key} is given twice", key_node.start_mark)
            mapping[key] = self.construct_object(value_node, deep=True)
            mapping.lines[key] = key_node.start_mark.line + 1
        return mapping

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, AttributeError, KeyError) as error:  # what PyYAML makes of 2024-13-45, or of !!int abc
            said = f"{str(node.value)[:40]!r} is no {node.tag.rpartition(':')[2]}; a text is put in quotes"
            raise yaml.constructor.ConstructorError(None, None, said, node.start_mark) from error


_LinedLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _LinedLoader.construct_lined)


def parsed(text: bytes) -> tuple[Any, tuple[TextFault, ...]]:
    """Return what stands in a text, and its faults by their lines: of one with faults, the fields that can be read.

    That is None where nothing can.
    """
    if len(text) > _LONGEST:
        return None, (TextFault(1, f"it has {len(text)} bytes, more than {_LONGEST}"),)
    try:
        return _load(text), ()
    except yaml.YAMLError as error:
        first = _fault_of(error, len(text.splitlines()))
    try:
        whole = text.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None, (first,)
    lines = whole.splitlines(keepends=True)
    # A name that another field refers to can't be read apart from it.
    if len(lines) > _MOST_LINES or _ANCHOR.search(whole):
        return None, (first,)
    faults: list[TextFault] = []
    mapping = _fields(lines, 0, len(lines), 0, faults, depth=1)
    return mapping, tuple(sorted({*faults})) or (first,)


def _load(text: bytes | str) -> Any:
    aliased = _check_levels(text)
    value = yaml.load(text, Loader=_LinedLoader)  # noqa: S506 - derived from SafeLoader
    if aliased is not None and _made(value, {}) > _MOST_MADE:
        raise yaml.constructor.ConstructorError(None, None, "its aliases make too much of it", aliased)
    return value


def _check_levels(text: bytes | str) -> Any:
    """Return where the first alias stands, None for none; raise `YAMLError` for a text that goes too deep."""
    if _is_short_of_marks(text):
        return None
    level, alias = 0, None
    for event in yaml.parse(text, Loader=_SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            level += 1
            if level > _MOST_LEVELS:
                mark: Any = event.start_mark
                raise yaml.composer.ComposerError(None, None, f"it goes more than {_MOST_LEVELS} levels deep", mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            level -= 1
        elif alias is None and isinstance(event, yaml.AliasEvent):
            alias = event.start_mark
    return alias


def _is_short_of_marks(text: bytes | str) -> bool:
    """Return whether a text has no alias, and fewer of the marks that begin a level than it may have levels.

    (YAML 1.1, 5.3.) Then it need not be gone through for them, which takes as long as to read it.
    """
    raw = text.encode() if isinstance(text, str) else text
    return b"*" not in raw and sum(raw.count(mark) for mark in (b"[", b"{", b"-", b":", b"?")) <= _MOST_LEVELS


def _made(value: Any, known: dict[int, int]) -> int:
    """Return how much a value is with its aliases written out; `known` has what was counted, by identity."""
    if not isinstance(value, Mapping | list):
        return 1 + (len(value) // 16 if isinstance(value, str) else 0)
    if id(value) not in known:
        known[id(value)] = _MOST_MADE  # what holds itself never ends
        parts = [*value, *value.values()] if isinstance(value, Mapping) else value
        known[id(value)] = 1 + sum(_made(part, known) for part in parts)
    return known[id(value)]


def _fields(
    lines: list[str], start: int, end: int, indent: int, faults: list[TextFault], *, depth: int
) -> LinedMapping | None:
    """Read the fields that begin in a column of some lines, each by itself; None where there are none."""
    begins = [
        number
        for number in range(start, end)
        if not lines[number][:indent].strip(" ") and _KEY.match(lines[number], indent)
    ]
    if not begins:
        return None
    mapping, unread = LinedMapping(), set()
    mapping.line, mapping.lines = begins[0] + 1, {}
    for first, after in pairwise([*begins, end]):
        key = lines[first][indent:].partition(":")[0]
        read: Any = None
        try:
            read = _load("\n" * first + "".join(lines[first:after]))
        except yaml.YAMLError as error:
            inner = _inside(lines, first, after, indent, faults, depth=depth)
            if inner is not None:
                read = {key: inner}
            else:
                faults.append(_fault_of(error, after))
        if key in mapping:
            faults.append(TextFault(first + 1, f"{key} is given twice"))
        elif isinstance(read, dict) and key in read:
            mapping[key], mapping.lines[key] = read[key], first + 1
        else:
            unread.add(key)
            mapping.lines[key] = first + 1
    mapping.unread = frozenset(unread)
    return mapping


def _inside(
    lines: list[str], first: int, after: int, indent: int, faults: list[TextFault], *, depth: int
) -> LinedMapping | None:
    """Read the fields below a field that holds nothing else and can't be read whole; None where none is at fault."""
    name, _, rest = lines[first].strip().partition(":")
    if depth >= _DEEPEST or rest.strip() or not name:
        return None
    below = next((line for line in lines[first + 1 : after] if line.strip() and not line.lstrip().startswith("#")), "")
    deeper = len(below) - len(below.lstrip(" "))
    found: list[TextFault] = []
    inner = _fields(lines, first + 1, after, deeper, found, depth=depth + 1) if deeper > indent else None
    if inner is None or not found:
        return None
    faults += found
    return inner


def _fault_of(error: yaml.YAMLError, lines: int) -> TextFault:
    mark = getattr(error, "problem_mark", None)
    # What is missing at the end of a text is, to the parser in C, behind its last line.
    line = min(mark.line + 1, lines or 1) if mark else 1
    return TextFault(line, getattr(error, "problem", None) or str(error))
