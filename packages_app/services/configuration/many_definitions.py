"""Definitions of many packages that have none, made in one step: documents of the table, as those made in the admin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import structlog

from packages_app.core.documents import Document, of_package
from packages_app.services import adapters
from packages_app.services.mirror.definitions import mirror_definitions

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Made:
    """The packages that were defined, sorted, and why others were not, a sentence each."""

    names: tuple[str, ...]
    faults: tuple[str, ...]


def undefined(names: Iterable[str]) -> set[str]:
    """Return those packages that neither a file nor a document defines, be it one with faults."""
    definitions = adapters.definitions()
    files = {problem.file for problem in definitions.problems}
    return {
        name
        for name in names
        if name not in definitions.by_name and not files.intersection((f"{name}.yaml", of_package(name)))
    }


def sound_of(texts: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return of texts by package those that are sound definitions, and what is wrong with the others; nothing is kept.

    What costs is reading all definitions once.
    """
    definitions = adapters.configuration().definitions_with({of_package(name): text for name, text in texts.items()})
    wanted = {of_package(name): name for name in texts}
    faults = {wanted[fault.file]: str(fault) for fault in definitions.problems[::-1] if fault.file in wanted}
    sound = {name: text for name, text in texts.items() if name not in faults and name not in definitions.overruled}
    return sound, tuple(faults[name] for name in sorted(faults))


def make_definitions(texts: Mapping[str, str], *, who: str) -> Made:
    """Keep the definitions of packages that have none, by their texts; return what was made.

    One that is unsound, or that somebody has made meanwhile, stops no other. They count at once here, elsewhere within
    seconds. Whether `who` may is for the caller to ask. Raise the table's errors; what was made by then counts.
    """
    sound, faults = sound_of(texts)
    when = adapters.now().isoformat(timespec="microseconds")
    new = [Document(of_package(name), 1, text, when, who) for name, text in sorted(sound.items())]
    documents = adapters.documents()
    taken = documents.put_many(new)
    # One that was removed has versions, which go on.
    before = {one.name: documents.document(one.name) for one in taken}
    again = [replace(one, version=last.version + 1) for one in taken if (last := before[one.name]) and last.removed]
    left = {one.name for one in documents.put_many(again)} | {one.name for one in taken} - {one.name for one in again}
    adapters.configuration().look()
    mirror_definitions()
    names = tuple(name for name in sorted(sound) if of_package(name) not in left)
    log.info("definitions_made", packages=len(names), who=who)
    return Made(names, faults)
