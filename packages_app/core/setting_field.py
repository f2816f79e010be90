"""What a form asks for, of a definition or of its source: a field of the YAML with its meaning."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is written into a field."""

    TEXT = "text"
    TEXTS = "texts"
    NUMBER = "number"
    FLAG = "flag"
    CHOICE = "choice"


@dataclass(frozen=True)
class SettingField:
    """A field of the YAML, `name` with a dot for one of a mapping within; what is left empty is not written.

    `meaning` is a sentence or two for people. TEXTS are lines, or have commas between; FLAG is true, false or nothing.
    """

    name: str
    label: str
    meaning: str
    kind: Kind = Kind.TEXT
    choices: tuple[str, ...] = ()
