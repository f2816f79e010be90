"""Where two sequences differ: cut at what each of them has once, as patience diff does."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple


class DifferingRun(NamedTuple):
    """Elements that stand in the same place: [old_start, old_end) of one sequence, [new_start, new_end) of another."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int


def differing_runs(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterator[DifferingRun]:
    """Return the runs in which two sequences differ, in order, none empty on both sides, and no two that touch.

    What lies between them is equal, one to one. Sequences of unique elements cost n log n; what they have several times
    makes runs longer than they need be, never the cost that of the product of the lengths.
    """
    yield from _within(old, new, DifferingRun(0, len(old), 0, len(new)))


def _within(old: Sequence[Hashable], new: Sequence[Hashable], run: DifferingRun) -> Iterator[DifferingRun]:
    run = _trimmed(old, new, run)
    anchors = _anchors(old, new, run)
    if not anchors:
        if run.old_start < run.old_end or run.new_start < run.new_end:
            yield run
        return
    old_start, new_start = run.old_start, run.new_start
    for old_anchor, new_anchor in [*anchors, (run.old_end, run.new_end)]:
        yield from _within(old, new, DifferingRun(old_start, old_anchor, new_start, new_anchor))
        old_start, new_start = old_anchor + 1, new_anchor + 1


def _trimmed(old: Sequence[Hashable], new: Sequence[Hashable], run: DifferingRun) -> DifferingRun:
    """Return a run less what both sides begin and end with."""
    old_start, old_end, new_start, new_end = run
    while old_start < old_end and new_start < new_end and old[old_start] == new[new_start]:
        old_start, new_start = old_start + 1, new_start + 1
    while old_start < old_end and new_start < new_end and old[old_end - 1] == new[new_end - 1]:
        old_end, new_end = old_end - 1, new_end - 1
    return DifferingRun(old_start, old_end, new_start, new_end)


def _anchors(old: Sequence[Hashable], new: Sequence[Hashable], run: DifferingRun) -> list[tuple[int, int]]:
    """Return the places, in old and in new, of what each has once: as many as stand in the same order in both."""
    if run.old_start == run.old_end or run.new_start == run.new_end:
        return []
    in_new = _places_of_single(new, run.new_start, run.new_end)
    in_old = _places_of_single(old, run.old_start, run.old_end)
    return _longest_rising([(place, in_new[element]) for element, place in in_old.items() if element in in_new])


def _places_of_single(sequence: Sequence[Hashable], start: int, end: int) -> dict[Hashable, int]:
    """Return the place of each element that a part of a sequence has once, in order."""
    places: dict[Hashable, int] = {}
    for place in range(start, end):
        element = sequence[place]
        places[element] = -1 if element in places else place
    return {element: place for element, place in places.items() if place >= 0}


def _longest_rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the most pairs whose second numbers rise, of pairs whose first numbers rise and second are unique."""
    ends: list[int] = []  # ends[n] is the least second number that n + 1 rising pairs can end with, of pair last[n]
    last: list[int] = []
    before: list[int] = []
    for number, (_, second) in enumerate(pairs):
        length = bisect_left(ends, second)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [second]
        last[length : length + 1] = [number]
    chosen: list[tuple[int, int]] = []
    number = last[-1] if last else -1
    while number >= 0:
        chosen.append(pairs[number])
        number = before[number]
    return chosen[::-1]
