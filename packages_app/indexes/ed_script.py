"""Scripts of `diff --ed`, the form of the patches that apt applies: written, read back, and two made one.

apt's reader (methods/rred.cc) takes the commands `a`, `c` and `d` alone, the last lines of the file first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_COMMAND = re.compile(rb"(\d+)(?:,(\d+))?([acd])")
_NO_END = 2**62

_Piece = range | tuple[bytes, ...]
"""Lines of a file by their numbers, or lines that are new."""


@dataclass(frozen=True)
class EditCommand:
    """Lines `start` to before `end` of the old file, counted from 0, give way to `lines`, which lack their newline."""

    start: int
    end: int
    lines: tuple[bytes, ...]


def render_script(changes: Sequence[EditCommand]) -> bytes:
    """Return changes that are in order as a script, the last one first, so the numbers of the lines before it hold.

    Raise `ValueError` for a line that would end the script's text, or that apt would not read whole.
    """
    parts: list[bytes] = []
    for change in reversed(changes):
        command = "d" if not change.lines else "a" if change.start == change.end else "c"
        parts.append(f"{_address(change)}{command}\n".encode())
        if change.lines:
            parts += (_carried(line) for line in change.lines)
            parts.append(b".\n")
    return b"".join(parts)


def _address(change: EditCommand) -> str:
    if change.end - change.start > 1:
        return f"{change.start + 1},{change.end}"
    return str(change.end)  # the only line, or the line to add after


def _carried(line: bytes) -> bytes:
    """Return a line as a script carries it: a lone dot ends the text, and apt takes lines as C strings."""
    if line == b"." or b"\0" in line:
        raise ValueError(f"an ed script can't carry the line {line[:40]!r}")
    return line + b"\n"


def parse_script(script: bytes) -> list[EditCommand]:
    """Return the changes of a script, first line first; raise `ValueError` for what `render_script` does not write."""
    changes: list[EditCommand] = []
    lines = iter(script.split(b"\n")[:-1])
    for line in lines:
        command = _COMMAND.fullmatch(line)
        if not command:
            raise ValueError(f"{line[:40]!r} is no command of an ed script for apt")
        first, last = int(command[1]), int(command[2] or command[1])
        start = first if command[3] == b"a" else first - 1
        changes.append(EditCommand(start, last, () if command[3] == b"d" else _text_to_dot(lines)))
    return changes[::-1]


def _text_to_dot(lines: Iterator[bytes]) -> tuple[bytes, ...]:
    text: list[bytes] = []
    for line in lines:
        if line == b".":
            return tuple(text)
        text.append(line)
    raise ValueError("an ed script ends before the dot that ends its text")


def merged_script(first: bytes, second: bytes) -> bytes:
    """Return the one script that does what two do, the first and then the second, at the cost of their lengths.

    A patch so comes on to the next state of the file without any text of the file. Raise `ValueError` for what is no
    script.
    """
    return render_script(_merged(parse_script(first), parse_script(second)))


def _merged(first: Sequence[EditCommand], second: Sequence[EditCommand]) -> list[EditCommand]:
    """Return two rows of changes as one; the second counts lines as the first leaves them."""
    between = _Pieces(_pieces_left_by(first))
    result: list[_Piece] = []
    line = 0
    for change in second:
        result += between.take(change.start - line)
        between.take(change.end - change.start)
        result.append(change.lines)
        line = change.end
    return list(_changes_that_leave([*result, *between.rest()]))


def _pieces_left_by(changes: Sequence[EditCommand]) -> Iterator[_Piece]:
    """Return the file that changes leave. Its last piece has no end, for the old file's length is not known."""
    line = 0
    for change in changes:
        yield range(line, change.start)
        yield change.lines
        line = change.end
    yield range(line, _NO_END)


def _changes_that_leave(pieces: Iterable[_Piece]) -> Iterator[EditCommand]:
    """Return the changes that leave a file of these pieces, the last of which has no end."""
    line = 0
    added: list[bytes] = []
    for piece in pieces:
        if isinstance(piece, tuple):
            added += piece
        elif piece:
            if added or piece.start > line:
                yield EditCommand(line, piece.start, tuple(added))
            line, added = piece.stop, []


class _Pieces:
    """Pieces of a file, whose lines are taken from the front."""

    def __init__(self, pieces: Iterator[_Piece]) -> None:
        self._pieces = pieces
        self._left: _Piece = ()

    def take(self, count: int) -> list[_Piece]:
        """Take `count` lines."""
        taken: list[_Piece] = []
        while count:
            self._left = self._left or next(self._pieces)
            taken.append(self._left[:count])
            count -= len(taken[-1])
            self._left = self._left[len(taken[-1]) :]
        return taken

    def rest(self) -> list[_Piece]:
        """Take all that is left."""
        return [self._left, *self._pieces]
