"""The commands of a shell script, word by word, as far as they can be read without running it.

Quotes and backslashes are taken away as a shell does (sh(1), Shell Command Language). Where a text in quotes holds
words it is read as a script too, since a shell may be given it; so a quote that is read wrongly, in a here-document,
hides nothing. Variables stand for every value that the script gives them anywhere. So more is read than would be run,
and what is put together at run time from what isn't there is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

_PLAIN = re.compile(r"[^\\'\"#\s();&|<>`]+")
_WORD_ENDS = " \t\r\v\f()`<>"
_COMMAND_ENDS = "\n;&|"
_ESCAPED_IN_QUOTES = re.compile(r"\\([$`\"\\])|\\\n")
_QUOTED = re.compile(r"((?:[^\"\\]|\\.)*)(?:\"|\Z|\\\Z)", re.DOTALL)
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?)=(.*)\Z", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:([A-Za-z0-9_]+)|\{([A-Za-z0-9_]+)(?::?[-=+?]([^{}]*))?\})")
_DEEPEST = 6
_ROUNDS = 8
_MOST_VALUES = 32
"""A variable that has more values than these has none that is known."""
_MOST_EXPANDED = 64 * 1024 * 1024
"""So many characters come of variables at most: a script may double its text again and again. Debian's longest, of
libpam0g, has 38 million."""
_MOST_OF_ONE_COMMAND = 4 * 1024 * 1024


class TooMuchToRead(Exception):
    """A script's variables stand for more text than is read."""


@dataclass
class _Variables:
    values: dict[str, list[str]] = field(default_factory=dict)
    left: int = _MOST_EXPANDED
    least: int = 0

    def note(self, words: list[str]) -> None:
        """Take note of what a command gives variables."""
        for word in words:
            if found := _ASSIGNMENT.match(word):
                name, adds, value = found.groups()
                before = self.values.setdefault(name, [])
                before += [value, *(old + value for old in before if adds)]
        if len(words) > 3 and words[0] == "for" and words[2] == "in":
            self.values.setdefault(words[1], []).extend(words[3:])

    def begin_command(self) -> None:
        """Let what comes of one more command be as much as may come of one."""
        self.least = max(0, self.left - _MOST_OF_ONE_COMMAND)

    def expanded(self, word: str) -> list[str]:
        """Return what a word may stand for; a variable without a known value is left in it."""
        found = [word]
        for _ in range(_ROUNDS):
            further = list(dict.fromkeys(chain.from_iterable(map(self._once, found))))[: _MOST_VALUES * 2]
            if further == found:
                break
            found = further
        return found

    def _once(self, word: str) -> list[str]:
        for variable in _VARIABLE.finditer(word):
            plain, braced, instead = variable.groups()
            known = self.values.get(plain or braced, [])
            values = [] if len(known) > _MOST_VALUES else [*known, *([instead] if instead is not None else [])]
            if values:
                self.left -= sum(len(word) + len(value) for value in values)
                if self.left < self.least:
                    raise TooMuchToRead
                return [word[: variable.start()] + value + word[variable.end() :] for value in values]
        return [word]


def commands_in(script: str) -> Iterator[list[str]]:
    """Yield the commands of a shell script, each a list of its words; those inside of quoted texts are among them.

    Raise `TooMuchToRead` for a script whose variables stand for a text that has no end.
    """
    variables = _Variables()
    read = list(_with_nested(script, 0))
    for words in read:
        variables.note(words)
    for words in read:
        variables.begin_command()
        expanded = [variables.expanded(word) for word in words]
        yield [part for values in expanded for value in values for part in value.split() or [value]]
        # A variable that holds a whole command, such as one that eval gets.
        for value in {value for values in expanded for value in values} - set(words):
            if any(end in value for end in _COMMAND_ENDS + "'\"\\"):
                yield from _with_nested(value, 1)


def _with_nested(script: str, depth: int) -> Iterator[list[str]]:
    for words in _commands(script):
        yield words
        for word in words:
            if depth < _DEEPEST and word != script and re.search(r"\s", word):
                yield from _with_nested(_value_of(word), depth + 1)


def _value_of(word: str) -> str:
    found = _ASSIGNMENT.match(word)
    return found[3] if found else word


def _commands(text: str) -> Iterator[list[str]]:
    """Yield each command's words; signs that group and redirect only part words."""
    words: list[str] = []
    parts: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        if plain := _PLAIN.match(text, at):
            parts.append(plain[0])
            at = plain.end()
        elif char == "\\":
            parts += [text[at + 1 : at + 2]] if text[at + 1 : at + 2] != "\n" else []
            at += 2
        elif char in "'\"":
            content, at = _quoted(text, at)
            parts.append(content)
        elif char == "#" and not parts:
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        elif char == "#":
            parts.append(char)
            at += 1
        else:
            words += ["".join(parts)] if parts else []
            parts = []
            redirects = text[at : at + 2] in ("&>", ">&", "<&")
            if char in _COMMAND_ENDS and not redirects:
                yield words
                words = []
            at += 2 if redirects else 1
    words += ["".join(parts)] if parts else []
    yield words


def _quoted(text: str, at: int) -> tuple[str, int]:
    """Return what stands in the quotes that begin at a place, and the place behind them."""
    if text[at] == "'":
        end = text.find("'", at + 1)
        end = len(text) if end < 0 else end
        return text[at + 1 : end], end + 1
    found = _QUOTED.match(text, at + 1)
    content = found[1] if found else text[at + 1 :]
    return _ESCAPED_IN_QUOTES.sub(lambda escaped: escaped[1] or "", content), at + 1 + len(content) + 1
