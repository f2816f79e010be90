"""The ways from past states of an index to its present one, kept from publication to publication, and their files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from packages_app.core.repository import Suite
from packages_app.indexes.compression import GZIP, UNCOMPRESSED, gzip_member
from packages_app.indexes.ed_script import merged_script
from packages_app.indexes.packages import patch_folder
from packages_app.indexes.pdiff import Content, Patch, ed_script, lines_to_compare, make_patch, render_diff_index
from packages_app.indexes.shards import Shard
from packages_app.publishing.index_file import IndexFile, write_file
from packages_app.publishing.index_writer import WrittenIndex

_WORTH_A_PATCH = 10
"""A patch is worth it that has at most this part of the index's bytes."""
_FEW_LINES = 50_000
"""So many lines are compared in any case; of more, at most that part of the index's."""


@dataclass(frozen=True, slots=True)
class Diff:
    """The script that leads from a past state of an index to the present one."""

    start: Content
    script: bytes

    def as_texts(self) -> tuple[str, int, str]:
        """Return it as JSON can hold it; a script may hold bytes that are no UTF-8."""
        return (self.start.sha256, self.start.size, self.script.decode("latin-1"))

    @classmethod
    def from_texts(cls, sha256: str, size: int, script: str) -> Self:
        """Return what `as_texts` gave."""
        return cls(Content(sha256, size), script.encode("latin-1"))

    def patch(self) -> tuple[Patch, bytes]:
        """Return its patch, and the bytes of the patch's object."""
        return make_patch(self.start, self.script)


@dataclass(frozen=True)
class State:
    """A state of an index: its uncompressed form, and its shards."""

    content: Content
    shards: Sequence[Shard]


def diffs_to(
    new: State, old: State, kept: Iterable[Diff], text_of: Callable[[str], bytes], history: int
) -> tuple[Diff, ...]:
    """Return the diffs to a new state, oldest first: those kept, which led to the old one, led on, and that from it.

    None at all when so much changed that patches would be no gain. `text_of` gives the texts of shards that are not in
    both states, by their SHA256; what it raises goes through.
    """
    if new.content == old.content:
        return tuple(kept)
    most = max(_FEW_LINES, sum(shard.lines for shard in new.shards) // _WORTH_A_PATCH)
    if lines_to_compare(old.shards, new.shards) > most:
        return ()
    try:
        step = ed_script(old.shards, new.shards, text_of)
        diffs = {diff.start.sha256: Diff(diff.start, merged_script(diff.script, step)) for diff in kept}
    except ValueError:  # a line that no script can carry
        return ()
    diffs.pop(old.content.sha256, None)
    diffs[old.content.sha256] = Diff(old.content, step)
    diffs.pop(new.content.sha256, None)  # a state that is back
    small = [diff for diff in diffs.values() if len(diff.script) * _WORTH_A_PATCH <= new.content.size]
    return tuple(small[-history:])


def write_diffs(
    folder: Path, index: str, current: Content, diffs: Sequence[Diff]
) -> tuple[tuple[IndexFile, ...], tuple[IndexFile, ...]]:
    """Write the patches of an index and the Index that lists them below `folder`; return Index's forms and the patches.

    Both are empty when there is no diff: Release lists no Index then.
    """
    if not diffs:
        return (), ()
    place = patch_folder(index)
    made = [diff.patch() for diff in diffs]
    patches = tuple(write_file(folder, f"{place}/{patch.name}{GZIP}", body) for patch, body in made)
    listing = render_diff_index(current, [patch for patch, _ in made])
    forms = ((UNCOMPRESSED, listing), (GZIP, gzip_member(listing)))
    return tuple(write_file(folder, f"{place}/Index{ending}", body) for ending, body in forms), patches


@dataclass(frozen=True)
class Patched:
    """An index with its patches: the diffs to it, the files of the Index that lists them, and those of new patches."""

    diffs: tuple[Diff, ...]
    listing: tuple[IndexFile, ...] = ()
    patches: tuple[IndexFile, ...] = ()


def patched_indexes(
    suite: Suite, packages: int, written: Mapping[str, WrittenIndex], patched: Callable[[str, WrittenIndex], Patched]
) -> tuple[dict[str, Patched], tuple[IndexFile, ...]]:
    """Return the indexes of a suite of so many packages with their patches, by folder, and all that Release lists.

    `patched` makes those of one index. A suite that is too small for patches has none.
    """
    files = [file for one in written.values() for file in one.files]
    if packages <= suite.pdiff_above:
        return {}, tuple(files)
    made = {index: patched(index, one) for index, one in written.items()}
    return made, (*files, *(file for one in made.values() for file in one.listing))


def patch_names(index: str, diffs: Iterable[Diff]) -> list[str]:
    """Return the names of an index's patches, relative to the suite."""
    return [f"{patch_folder(index)}/{diff.patch()[0].name}{GZIP}" for diff in diffs]
