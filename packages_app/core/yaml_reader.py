"""YAML read with the line of every field, so that an error can say where it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from packages_app.core.yaml_text import LinedMapping, parsed

Default = TypeVar("Default")
MOST = 1_000_000_000
MOST_DAYS = 36_500
"""A hundred years: what is reckoned from today stays a date."""
_MOST_TOLD = 200
_FILES_KEPT = 2048
"""Files of which the text and what stands in it is kept: a file that is read again has mostly not changed."""


@dataclass(frozen=True, order=True)
class Problem:
    """One fault of a file: where, which field, what is wrong, and what to do."""

    file: str
    line: int
    field: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field}: {self.message} Remedy: {self.remedy}"


@dataclass
class YamlReader:
    """Takes typed values out of one mapping of a YAML file and gathers the problems found on the way.

    A field that is missing or of the wrong type gives a stand-in value and a problem; so one read names all faults.
    `files` says of fields that stand in another file than `file` which that is. `unread` are fields whose text is at
    fault: they are not missing. Nor is any of one that is at fault as a whole.
    """

    file: str
    values: Mapping[str, Any]
    lines: Mapping[str, int]
    line: int = 1
    prefix: str = ""
    problems: list[Problem] = field(default_factory=list)
    files: Mapping[str, str] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()
    is_unread: bool = False
    _taken: set[str] = field(default_factory=set)

    def problem(self, name: str, message: str, remedy: str) -> None:
        """Add a problem of the field `name` (its line, or the mapping's where the field is missing)."""
        at = self.lines.get(name, self.line)
        file = self.files.get(name, self.file)
        self.problems.append(Problem(file, at, f"{self.prefix}{name}", message, remedy))

    def text(self, name: str, *, required: bool = True, default: str = "") -> str:
        """Take a text; a number is taken as written only where YAML kept it as text."""
        value = self._take(name, required=required)
        if value is None:
            return default
        if not isinstance(value, str):
            self.problem(name, f"{_told(value)} is not text.", "Put the value in quotes.")
            return default
        if required and not value.strip():
            self.problem(name, "It is empty.", f"Give {name} a value.")
        return value.strip()

    def flag(self, name: str, *, default: Default) -> bool | Default:
        """Read a setting that is true or false, or `default` where it does not stand there."""
        value = self._take(name, required=False)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.problem(name, f"{_told(value)} is neither true nor false.", "Write true or false.")
            return default
        return value

    def number(self, name: str, *, default: int, least: int = 0, most: int = MOST) -> int:
        """Take a whole number from `least` to `most`."""
        value = self._take(name, required=False)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            said = f"{_told(value)} is not a whole number of at least {least} and at most {most}."
            self.problem(name, said, "Write such a number.")
            return default
        return value

    def numbers(self, name: str) -> tuple[int, ...]:
        """Take a list of whole numbers; () where it does not stand there."""
        value = self._take(name, required=False)
        if value is None:
            return ()
        if not isinstance(value, list) or not value or not all(type(item) is int for item in value):
            self.problem(name, f"{_told(value)} is not a list of whole numbers.", "Write it like [10, 25, 50, 100].")
            return ()
        return tuple(value)

    def texts(self, name: str, *, required: bool = True, default: Sequence[str] = ()) -> tuple[str, ...]:
        """Take a list of texts; one text stands for a list of one, and an empty list for none where none is usual."""
        value = self._take(name, required=required)
        if value is None or (value == [] and not required and not default):
            return tuple(default)
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list) or not items or not all(isinstance(item, str) and item for item in items):
            self.problem(
                name, f"{_told(value)} is not a list of texts.", "Write [one, two], each in quotes if it is a number."
            )
            return tuple(default)
        return tuple(items)

    def mapping(self, name: str, *, required: bool = True) -> YamlReader:
        """Take a mapping as a reader of its own that shares this one's problems."""
        value = self._take(name, required=required)
        if value is not None and not isinstance(value, LinedMapping):
            self.problem(name, "It is not a mapping.", f"Write the fields of {name} below it, indented.")
            value = None
        return self._reader_of(value, name)

    def mappings(self, name: str, *, required: bool = True) -> list[YamlReader]:
        """Read a list of mappings."""
        value = self._take(name, required=required)
        if value is None or (value == [] and not required):
            return []
        if not isinstance(value, list) or not value or not all(isinstance(item, LinedMapping) for item in value):
            self.problem(name, "It is not a list of mappings.", f"Write each of {name} as `- name: …`.")
            return []
        return [self._reader_of(item, f"{name}[{number}]") for number, item in enumerate(value)]

    def finish(self) -> None:
        """Name every field that nobody took: most are misspelt."""
        for name in self.values:
            if name not in self._taken:
                self.problem(str(name), "This field is not known here.", "Remove it, or check its spelling.")

    def _reader_of(self, value: LinedMapping | None, name: str) -> YamlReader:
        at = self.lines.get(name, self.line)
        return YamlReader(
            (value is not None and value.file) or self.files.get(name.partition("[")[0], self.file),
            value or {},
            value.lines if value is not None else {},
            value.line if value is not None else at,
            f"{self.prefix}{name}.",
            self.problems,
            value.files if value is not None else {},
            value.unread if value is not None else frozenset(),
            self.is_unread or name in self.unread,
        )

    def _take(self, name: str, *, required: bool) -> Any:
        self._taken.add(name)
        value = self.values.get(name)
        if value is None and required and not self.is_unread and name not in self.unread:
            self.problem(name, "It is missing.", f"Add {name}.")
        return value


def read_yaml(path: Path) -> YamlReader:
    """Return a reader of a YAML file whose top is a mapping.

    Of a file with faults it holds what can be read, and its problems; of one that can't be read at all, these alone.
    """
    return reader_of(path, load_yaml(path))


def load_yaml(path: Path) -> Any:
    """Return what stands in a YAML file, and the problems of one that can't be read or parsed.

    Any number of readers may share it: none changes it.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        why = f"The file can't be read: {error.strerror}."
        return _Loaded(None, (_file_problem(path.name, 1, why, "Check its path and mode."),))
    return _parsed(path.name, text)


@dataclass(frozen=True)
class _Loaded:
    """What was read of a text, as far as it could be, and what is wrong with it."""

    value: Any
    problems: tuple[Problem, ...] = ()


@lru_cache(_FILES_KEPT)
def _parsed(file: str, text: bytes) -> _Loaded:
    value, faults = parsed(text)
    remedy = "Mend the line, or the one above it."
    problems = (_file_problem(file, fault.line, f"This is not YAML: {fault.said}.", remedy) for fault in faults)
    return _Loaded(value, tuple(problems))


def reader_of(path: Path, loaded: Any) -> YamlReader:
    """Return a new reader of what `load_yaml` returned of a file."""
    return _reader(path.name, loaded)


def reader_of_text(name: str, text: str) -> YamlReader:
    """Return a new reader of a YAML text, as `read_yaml` of a file; problems name it `name`."""
    return _reader(name, _parsed(name, text.encode(errors="surrogatepass")))


def over(upper: Any, lower: Any, file: str) -> Any:
    """Return a mapping with the fields of `upper`, and those that only `lower` has, which stand in `file`.

    Both are mappings of readers, or None for `upper`. Lines stay those where each field stands.
    """
    mapping = LinedMapping({**lower, **(upper or {})})
    mapping.line = (lower if upper is None else upper).line
    mapping.lines = {**lower.lines, **(upper.lines if upper is not None else {})}
    mapping.file = file if upper is None else ""
    mapping.files = {name: file for name in lower if name not in (upper or {})}
    return mapping


def are_mappings(value: Any) -> bool:
    """Return whether a value of a reader is a list of mappings, as `YamlReader.mappings` takes them."""
    return isinstance(value, list) and all(isinstance(item, LinedMapping) for item in value)


def reader_of_mapping(file: str, mapping: Any) -> YamlReader:
    """Return a new reader of a mapping that `over` made; what stands nowhere else stands in `file`."""
    return YamlReader(file, mapping, mapping.lines, files=mapping.files)


def plain(value: Any) -> Any:
    """Return a value of a reader as plain mappings and lists, which may be changed."""
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def _reader(file: str, loaded: _Loaded) -> YamlReader:
    problems, value = list(loaded.problems), loaded.value
    if not isinstance(value, LinedMapping):
        none = _file_problem(file, 1, "The file holds no mapping.", "Write `field: value` lines.")
        return YamlReader(file, {}, {}, problems=problems or [none])
    return YamlReader(file, value, value.lines, unread=value.unread, problems=problems)


def _told(value: object) -> str:
    said = repr(value)
    return said if len(said) <= _MOST_TOLD else f"{said[:_MOST_TOLD]}…"


def _file_problem(file: str, line: int, message: str, remedy: str) -> Problem:
    return Problem(file, line, "(file)", message, remedy)
