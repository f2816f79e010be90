"""All patterns of our code, how each is used, and texts that are made to lead each astray."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from re import _constants as kinds  # type: ignore[attr-defined]
from re import _parser as parser
from types import ModuleType
from typing import Any

import packages_app
import repomgr
from tests.stack import REPOSITORY

_ONE_TEXT = frozenset(("match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"))
_NAMES_OF_METHODS = re.compile(rf"\b(?:{'|'.join(_ONE_TEXT)})\b")
_FROM_START = frozenset(("match", "fullmatch"))
_MOST_TEXTS = 500


@dataclass(frozen=True)
class Used:
    """A pattern, where it stands, and whether it is looked for at each place of a text or at the start alone."""

    place: str
    pattern: str | bytes
    flags: int
    anywhere: bool


def patterns_used() -> list[Used]:
    """Return the patterns of all modules: those that are kept in one, and those that stand in a call of `re`."""
    methods, inline = _calls()
    found = list(inline)
    for package in (packages_app, repomgr):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if info.name not in _NOT_IMPORTED:
                found += _kept_in(importlib.import_module(info.name), methods)
    return sorted({used.place: used for used in found}.values(), key=lambda used: used.place)


_NOT_IMPORTED = frozenset(
    (
        "repomgr.servers.moto", "packages_app.admin.second_factor",
        *(f"packages_app.admin.{name}" for name in ("single_sign_on", "oidc", "saml")),
        *(f"packages_app.services.sign_in.{name}" for name in (
            "account_adapter", "factor_adapter", "factors", "single_sign_on", "id_token", "oidc", "saml", "saml_answer",
            "saml_metadata", "saml_once",
        )),
    )
)  # fmt: skip
"""The first plays a server of others for tests, and changes the library that does; the others can be imported where a
setting has django-allauth in."""


def _kept_in(module: ModuleType, methods: Mapping[str, set[str]]) -> Iterator[Used]:
    for name, value in vars(module).items():
        for number, pattern in enumerate(_patterns_in(value)):
            # One that is passed on under another name is used as the others of its file are.
            place = f"{module.__name__.replace('.', '/')}.py"
            how = methods.get(f"{place} {name}" if name.startswith("_") else name) or methods.get(place, set())
            yield Used(
                f"{module.__name__}.{name}" + (f"[{number}]" if number else ""),
                pattern.pattern,
                pattern.flags,
                anywhere=not how or not how <= _FROM_START,
            )


def _patterns_in(value: Any) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _patterns_in(each)
    elif isinstance(value, (tuple, list)):
        for each in value:
            yield from _patterns_in(each)


def _calls() -> tuple[dict[str, set[str]], list[Used]]:
    """Return methods called (by name, a private one with its file, and by file), and patterns in calls of `re`."""
    methods: dict[str, set[str]] = defaultdict(set)
    inline = []
    for folder in ("packages_app", "repomgr"):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            text, place = path.read_text(), path.relative_to(REPOSITORY).as_posix()
            if not _NAMES_OF_METHODS.search(text):
                continue
            nodes = list(ast.walk(ast.parse(text)))
            for node in nodes:
                if not isinstance(node, ast.Attribute) or node.attr not in _ONE_TEXT:
                    continue
                base = node.value.value if isinstance(node.value, ast.Subscript) else node.value
                if isinstance(base, ast.Name) and base.id != "re":
                    methods[f"{place} {base.id}" if base.id.startswith("_") else base.id].add(node.attr)
                    if node.attr not in ("split", "sub"):  # which texts have too
                        methods[place].add(node.attr)
            inline += _inline(nodes, place)
    return methods, inline


def _inline(nodes: Sequence[ast.AST], place: str) -> Iterator[Used]:
    for node in nodes:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        called = node.func
        if isinstance(called.value, ast.Name) and called.value.id == "re" and called.attr in _ONE_TEXT:
            where = f"{place}:{node.lineno}"
            names = [word.value for word in node.keywords if word.arg == "flags"] + node.args[3:]
            flags = eval(ast.unparse(names[0]), {"re": re}) if names else 0
            written = node.args[0]
            if "map(re.escape, " in ast.unparse(written):
                continue  # words, one or another: nothing in it repeats
            assert isinstance(written, ast.Constant), f"{where}: keep the pattern in the module, where it is tried"
            yield Used(where, written.value, int(flags), anywhere=called.attr not in _FROM_START)


def texts_against(used: Used, size: int) -> Iterator[str | bytes]:
    """Return texts of `size` characters: a way into the pattern, one of its parts over and over, and a bad end.

    What goes back does so where parts that repeat can share what they match: so each run of parts, at any depth, is
    repeated, behind all that leads to it and by itself, and the end is one that no part takes.
    """
    binary = isinstance(used.pattern, bytes)
    tree = parser.parse(used.pattern, used.flags & ~(re.UNICODE if binary else 0))
    # What is repeated is short as a rule, or begins as the pattern does; of what else is longer, some.
    lead = _choices(list(tree)[:3], 1)[0]
    made = sorted(
        dict.fromkeys(_made(tree)), key=lambda each: len(each[1]) - 20 * (bool(lead) and each[1][:3] == lead[:3])
    )
    short, long = made[:_MOST_TEXTS], made[_MOST_TEXTS:]
    for start, pump, end in short + long[:: len(long) // _MOST_TEXTS + 1]:
        text = start + pump * ((size - len(start)) // len(pump)) + end
        yield text.encode("latin-1", "replace") if binary else text


def _made(tree: Any) -> Iterator[tuple[str, str, str]]:
    for before, pump in _runs(list(tree)):
        if pump:
            for start in dict.fromkeys(("", before, f"{before}a")):
                yield from ((start, pump, end) for end in ("", "\x00", "\n!", "a"))


def _runs(nodes: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """Return (what leads to it, a text of it) for each run of parts of a pattern, the parts of its parts too."""
    for first in range(len(nodes)):
        for before in _choices(nodes[:first], 1):
            for last in range(first + 1, len(nodes) + 1):
                for pump in _choices(nodes[first:last], 4):
                    yield before, pump
            for inner in _inner(nodes[first]):
                yield from ((before + lead, pump) for lead, pump in _runs(inner))


def _inner(node: Any) -> Iterator[list[Any]]:
    kind, value = node
    if kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT):
        yield list(value[2])
    elif kind is kinds.SUBPATTERN:
        yield list(value[3])
    elif kind is kinds.BRANCH:
        yield from (list(each) for each in value[1])
    elif kind in (kinds.ASSERT, kinds.ASSERT_NOT):
        yield list(value[1])


def _choices(nodes: Sequence[Any], most: int) -> list[str]:
    """Return up to `most` texts that a run of parts matches, or nearly."""
    texts = [""]
    for node in nodes:
        options = _texts_of(node)[:most]
        wide = [text + option for text in texts for option in options]
        texts = list(dict.fromkeys(wide))[:most]
    return texts


def _texts_of(node: Any) -> list[str]:  # noqa: PLR0911 - one line a kind
    kind, value = node
    if kind is kinds.LITERAL:
        return [chr(value)]
    if kind is kinds.NOT_LITERAL:
        return [" " if value != 32 else "a", "\t", "?"]
    if kind is kinds.ANY:
        return [" ", "a", ".", "/"]
    if kind is kinds.IN:
        return _members(value)
    if kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT):
        least, most, inner = value
        bodies = _choices(inner, 6)
        if least == 0 and most == 1:
            return [*bodies, ""]
        return [body * max(least, 1) for body in bodies]
    if kind is kinds.SUBPATTERN:
        return _choices(value[3], 6)
    if kind is kinds.BRANCH:
        return [text for each in value[1] for text in _choices(each, 2)]
    if kind is kinds.ASSERT and value[0] < 0:  # looks behind: what it wants is to stand there
        return _choices(value[1], 2)
    return [""]


_CATEGORIES = {
    kinds.CATEGORY_SPACE: " \t",
    kinds.CATEGORY_NOT_SPACE: "a:",
    kinds.CATEGORY_DIGIT: "0",
    kinds.CATEGORY_NOT_DIGIT: "a",
    kinds.CATEGORY_WORD: "a0",
    kinds.CATEGORY_NOT_WORD: " -",
}


def _members(items: Sequence[Any]) -> list[str]:
    if items[0][0] is kinds.NEGATE:
        inside = re.compile("[" + "".join(_written(item) for item in items[1:]) + "]")
        return [sample for sample in " \ta0?&:-.<=" if not inside.match(sample)] or ["é"]
    members: list[str] = []
    for kind, value in items:
        if kind is kinds.LITERAL:
            members.append(chr(value))
        elif kind is kinds.RANGE:
            members.append(chr(value[0]))
        else:
            members += _CATEGORIES[value]
    return members


def _written(item: Any) -> str:
    kind, value = item
    if kind is kinds.LITERAL:
        return re.escape(chr(value))
    if kind is kinds.RANGE:
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    return "".join(re.escape(sample) for sample in _CATEGORIES[value])
