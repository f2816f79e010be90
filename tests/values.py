"""The values that a text for people names: tests compare them, and leave the words to who writes them."""

import re
from collections.abc import Iterable


def numbers_in(text: str) -> list[int]:
    """Return the whole numbers of a text in their order, without those that are part of a name or a version."""
    return [int(number) for number in re.findall(r"(?<![\w.~+-])\d+(?![\w~+-]|\.\w)", text)]


def notes_naming(notes: Iterable[tuple[str, str]], level: str, *values: str) -> list[str]:
    """Return those of the notes, as (level, text), that have the level and name all the values."""
    return [text for of, text in notes if of == level and all(value in text for value in values)]
