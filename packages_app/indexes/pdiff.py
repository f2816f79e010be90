"""Packages.diff: patches from past states of an index to its current one, and the Index file that lists them.

apt reads the Index in acquire-item.cc (`pkgAcqDiffIndex::ParseDiffIndex`); 2.2 to 3.1 read it alike. SHA256 alone will
do; SHA1 alone won't.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from packages_app.core.checksums import checksums_of_bytes
from packages_app.indexes.compression import gzip_member
from packages_app.indexes.differing import DifferingRun, differing_runs
from packages_app.indexes.ed_script import EditCommand, render_script

_NAME_DIGITS = 32
_LAST_NAME = "end"


class ListedShard(Protocol):
    """A run of an index's stanzas, known by its text."""

    @property
    def sha256(self) -> str:
        """The SHA256 of its text, lower-case hex."""

    @property
    def lines(self) -> int:
        """How many lines its text has, the blank ones counted."""


TextOf = Callable[[str], bytes]
"""Gives a shard's text by its SHA256."""


@dataclass(frozen=True)
class Content:
    """Bytes as Index names them: their SHA256, lower-case hex, and their number."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Patch:
    """What leads from one past state of an index (`start`) to another: a script, and its gzip form, `packed`."""

    start: Content
    script: Content
    packed: Content

    @property
    def name(self) -> str:
        """The name in Index; the object's has `.gz` after it. It follows from the object's bytes: none is rewritten."""
        return self.packed.sha256[:_NAME_DIGITS]


def ed_script(old: Sequence[ListedShard], new: Sequence[ListedShard], text_of: TextOf) -> bytes:
    """Return the script that turns the old file into the new one, as `diff --ed` writes it; empty when they are equal.

    Only texts of shards that are not in both are asked for; what `text_of` raises goes through. Raise `ValueError` for
    a text that no script can carry, or that has not the lines that its shard says.
    """
    changes: list[EditCommand] = []
    line = passed = 0
    for run in _differing_shards(old, new):
        line += sum(shard.lines for shard in old[passed : run.old_start])
        passed = run.old_start
        old_text = _text(old[run.old_start : run.old_end], text_of)
        new_text = _text(new[run.new_start : run.new_end], text_of)
        changes += _changed_lines(_stanzas(old_text), _stanzas(new_text), line)
    return render_script(changes)


def lines_to_compare(old: Sequence[ListedShard], new: Sequence[ListedShard]) -> int:
    """Return how many lines of the two files `ed_script` would read, known without reading them."""
    return sum(
        shard.lines
        for run in _differing_shards(old, new)
        for shard in chain(old[run.old_start : run.old_end], new[run.new_start : run.new_end])
    )


def _differing_shards(old: Sequence[ListedShard], new: Sequence[ListedShard]) -> Iterator[DifferingRun]:
    return differing_runs([shard.sha256 for shard in old], [shard.sha256 for shard in new])


def _text(shards: Sequence[ListedShard], text_of: TextOf) -> bytes:
    texts = []
    for shard in shards:
        text = text_of(shard.sha256)
        if text.count(b"\n") != shard.lines or (text and not text.endswith(b"\n")):
            raise ValueError(f"the text of shard {shard.sha256} has not the {shard.lines} lines that it should have")
        texts.append(text)
    return b"".join(texts)


def _stanzas(text: bytes) -> list[bytes]:
    """Cut a text after each blank line."""
    *whole, rest = text.split(b"\n\n")
    return [stanza + b"\n\n" for stanza in whole] + ([rest] if rest else [])


def _changed_lines(old: list[bytes], new: list[bytes], line: int) -> Iterator[EditCommand]:
    """Return the changes between two rows of stanzas, the first of the old ones beginning in `line`.

    Lines are compared only where stanzas differ: of an updated package a few change, and the patch is half as long.
    """
    passed = 0
    for run in differing_runs(old, new):
        line += sum(stanza.count(b"\n") for stanza in old[passed : run.old_start])
        passed = run.old_start
        old_lines = b"".join(old[run.old_start : run.old_end]).split(b"\n")[:-1]
        new_lines = b"".join(new[run.new_start : run.new_end]).split(b"\n")[:-1]
        for part in differing_runs(old_lines, new_lines):
            text = tuple(new_lines[part.new_start : part.new_end])
            yield EditCommand(line + part.old_start, line + part.old_end, text)


def make_patch(start: Content, script: bytes) -> tuple[Patch, bytes]:
    """Return the patch from an index's past state by a script, and the bytes of its object: gzip, no time, no name."""
    body = gzip_member(script)
    return Patch(start, content_of(script), content_of(body)), body


def content_of(body: bytes) -> Content:
    """Return the SHA256 and the size of bytes."""
    checksums = checksums_of_bytes(body)
    return Content(checksums.sha256, checksums.size)


def render_diff_index(current: Content, patches: Sequence[Patch]) -> bytes:
    """Return the Index file of patches that lead straight to the current state, from the oldest start to the newest.

    After them stands an entry that nobody asks for. Of merged patches apt checks the outcome only when it looks for a
    next patch (`pkgAcqIndexDiffs::QueueNextDiff`), so after the last entry of all it would take any.

    Raise `ValueError` when there is no patch, for then Release should list no Index (apt would ask for it in vain),
    and when two patches start from one state or one from the current state.
    """
    starts = {patch.start.sha256 for patch in patches}
    if not patches or len(starts) < len(patches) or current.sha256 in starts:
        raise ValueError("an Index needs patches, each from another state and none from the current one")
    newest = patches[-1]
    entries = [(patch.start, patch.script, patch.packed, patch.name) for patch in patches]
    entries.append((current, newest.script, newest.packed, _LAST_NAME))
    lines = [f"SHA256-Current: {_said(current)}", "SHA256-History:"]
    lines += [f" {_said(start)} {name}" for start, _, _, name in entries]
    lines.append("SHA256-Patches:")
    lines += [f" {_said(script)} {name}" for _, script, _, name in entries]
    lines.append("SHA256-Download:")
    lines += [f" {_said(packed)} {name}.gz" for _, _, packed, name in entries]
    lines.append("X-Patch-Precedence: merged")
    return ("\n".join(lines) + "\n").encode()


def listed_objects(index: bytes) -> dict[str, Content]:
    """Return the patches' objects that an Index file of ours lists, by their names, with what their bytes are."""
    _, _, downloads = index.decode().partition("\nSHA256-Download:\n")
    rows = [line.split() for line in downloads.split("\n") if line.startswith(" ")]
    listed = {name: Content(sha256, int(size)) for sha256, size, name in rows}
    listed.pop(f"{_LAST_NAME}.gz", None)
    return listed


def _said(content: Content) -> str:
    return f"{content.sha256} {content.size}"
