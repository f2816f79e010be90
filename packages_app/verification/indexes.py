"""A suite's indexes: each under its canonical name and by hash as Release lists it, and all as the records say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256

from packages_app.core.errors import CandidateRefused, InvalidVersion
from packages_app.core.layout import by_hash_path, is_patch, suite_path
from packages_app.core.record import named_key
from packages_app.core.repository import Suite
from packages_app.core.snapshot import snapshots_folder
from packages_app.indexes.compression import READERS
from packages_app.indexes.entry import IndexEntry, entries_in
from packages_app.indexes.packages import Placed, patch_folder, plan_of
from packages_app.indexes.pdiff import Content, listed_objects
from packages_app.indexes.release import ReleaseEntry
from packages_app.verification.finding import Cure, Finding
from packages_app.verification.reader import Check, Discrepancy, Reader, View
from packages_app.verification.release import NAMES

_Findings = Mapping[Discrepancy, tuple[str, Cure]]
"""The code and the cure of what may be wrong with an object."""
_NOT_SERVED = {Discrepancy.NOT_SERVED: ("not_served", Cure.NONE)}
_BY_NAME: _Findings = {
    Discrepancy.MISSING: ("index_missing", Cure.PUBLISH),
    Discrepancy.DIFFERS: ("index_differs", Cure.PUBLISH),
    **_NOT_SERVED,
}
# What is never replaced has to go first.
_BY_HASH: _Findings = {
    Discrepancy.MISSING: ("by_hash_missing", Cure.PUBLISH),
    Discrepancy.DIFFERS: ("by_hash_differs", Cure.DROP),
    **_NOT_SERVED,
}
_PATCH: _Findings = {
    Discrepancy.MISSING: ("patch_missing", Cure.PUBLISH),
    Discrepancy.DIFFERS: ("patch_differs", Cure.DROP),
    **_NOT_SERVED,
}
_NAMED = 20
"""How many packages of one index are named; of more, their number."""


@dataclass
class ExaminedIndexes:
    """The findings of a suite's indexes, the text of each Packages file that could be read, and how many were read."""

    findings: list[Finding] = field(default_factory=list)
    texts: dict[str, bytes] = field(default_factory=dict)
    read: int = 0


def examine_indexes(
    view: View,
    suite: Suite,
    entries: Mapping[str, ReleaseEntry],
    keep_lease: Callable[[], None],
    *,
    by_hash: bool = True,
) -> ExaminedIndexes:
    """Read every index by hash, as apt does, and under its canonical name. `keep_lease` is called between objects.

    A uncompressed form that a suite lists only is there unpacked. Without `by_hash`, where a Release of another tool
    says that nothing stands there by hash, names alone are read.
    """
    examined = ExaminedIndexes()
    listed_only = set(plan_of(suite).names) - set(plan_of(suite).stored)
    for name, entry in entries.items():
        if name in listed_only:
            continue
        places = [(by_hash_path(suite.name, name, entry.sha256), _BY_HASH)] if by_hash else []
        for key, findings in (*places, (suite_path(suite.name, name), _BY_NAME)):
            keep_lease()
            check = partial(_index_finding, key=key, name=name, entries=entries, texts=examined.texts)
            _examine(view, suite, key, check, examined, findings)
    for folder in plan_of(suite).folders:
        place = patch_folder(folder)
        for name, content in listed_objects(examined.texts.get(f"{place}/Index", b"")).items():
            keep_lease()
            key = suite_path(suite.name, f"{place}/{name}")
            _examine(view, suite, key, partial(_patch_finding, key=key, content=content), examined, _PATCH)
    return examined


def _examine(
    view: View,
    suite: Suite,
    key: str,
    check: Check,
    examined: ExaminedIndexes,
    findings: _Findings,
) -> None:
    examined.read += 1
    object_finding = view.object_finding(key, check)
    if object_finding is not None:
        code, cure = findings[object_finding.discrepancy]
        examined.findings.append(Finding(code, key, object_finding.text, cure, suite.name))


def _index_finding(
    reader: Reader, key: str, name: str, entries: Mapping[str, ReleaseEntry], texts: dict[str, bytes]
) -> str:
    """Return what is wrong with a form of an index against every hash that Release lists; a sound text is kept."""
    entry = entries[name]
    reading = reader.read(key, entry.size, keep=True)
    found = reading.checksums
    for said, one, wanted in (
        ("bytes", found.size, entry.size),
        ("as SHA256", found.sha256, entry.sha256),
        ("as SHA1", found.sha1, entry.sha1),
        ("as MD5", found.md5, entry.md5),
    ):
        if wanted not in ("", one):  # another tool's Release may lack the older hashes
            return f"It has {one} {said}, Release lists {wanted}."
    folder, _, file = name.rpartition("/")
    plain = file.partition(".")[0]
    raw = entries.get(f"{folder}/{plain}")
    text = reading.body
    if raw is not None and file != plain:
        # The bytes are those that we signed for, so they unpack to what we packed and to nothing absurd.
        try:
            text = READERS[file.removeprefix(plain)](text)
        except Exception as error:  # each compression has errors of its own
            return f"It can't be unpacked: {error}."
        if len(text) != raw.size or sha256(text).hexdigest() != raw.sha256:
            return f"It does not unpack to {plain}."
    texts.setdefault(f"{folder}/{plain}", text)
    return ""


def _patch_finding(reader: Reader, key: str, content: Content) -> str:
    found = reader.read(key, content.size).checksums
    return "" if found.sha256 == content.sha256 else f"It has SHA256 {found.sha256}, Index lists {content.sha256}."


def examine_contents(suite: Suite, texts: Mapping[str, bytes], placed: Collection[Placed]) -> list[Finding]:
    """Compare the Packages files with the suite's complete records, in index order: each is in its index, as it says.

    A file that could not be read has its finding already.
    """
    plan = plan_of(suite)
    findings: list[Finding] = []
    for folder in plan.folders:
        name = f"{folder}/Packages"
        wanted = [one.entry for one in placed if folder in plan.folders_of(one)]
        if name in texts and texts[name] != b"".join(entry.stanza for entry in wanted):
            findings += _content_findings(suite, name, texts[name], wanted)
    return findings


def _content_findings(suite: Suite, name: str, text: bytes, entries: Collection[IndexEntry]) -> list[Finding]:
    finding = partial(Finding, where=suite_path(suite.name, name), repair=Cure.PUBLISH, suite=suite.name)
    try:
        found = {entry.key: (entry.pool_path, entry.sha256) for entry in entries_in(text)}
    except (CandidateRefused, InvalidVersion) as error:
        return [finding("index_unreadable", text=f"A stanza can't be read: {error}.")]
    wanted = {entry.key: (entry.pool_path, entry.sha256) for entry in entries}
    cases = (
        ("not_published", "The table has {}, the index has not.", wanted.keys() - found.keys()),
        ("not_in_table", "The index has {}, the table has not.", found.keys() - wanted.keys()),
        (
            "index_outdated",
            "The index names another file for {} than the table.",
            [key for key in wanted.keys() & found.keys() if wanted[key] != found[key]],
        ),
    )
    findings = [finding(code, text=said.format(_named(keys))) for code, said, keys in cases if keys]
    return findings or [finding("index_outdated", text="Its stanzas are not those that the records give now.")]


def _named(keys: Iterable[tuple[str, str]]) -> str:
    names = sorted(map(named_key, keys))
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def examine_waiting_names(
    view: View, suite: Suite, entries: Mapping[str, ReleaseEntry], seen: Collection[str]
) -> list[Finding]:
    """Look at what the suite's next publication will write by hash, except for the keys in `seen`.

    An object there that is not what its name says would make that publication refuse to go on.
    """
    findings = []
    for name in plan_of(suite).stored:
        key = by_hash_path(suite.name, name, entries[name].sha256)
        if key in seen:
            continue
        object_finding = View(view.stored, None, view.now).object_finding(key, _by_name(key, entries[name]))
        if object_finding is not None and object_finding.discrepancy is Discrepancy.DIFFERS:
            findings.append(Finding("by_hash_differs", key, object_finding.text, Cure.DROP, suite.name))
    return findings


def _by_name(key: str, wanted: ReleaseEntry) -> Check:
    def check(reader: Reader) -> str:
        found = reader.read(key, wanted.size).checksums.sha256
        return "" if found == wanted.sha256 else f"It has SHA256 {found}."

    return check


def strays_of(suite: Suite, keys: Iterable[str], entries: Collection[str]) -> list[Finding]:
    """Find objects below a suite's folder that nobody reads: neither Release's, nor by hash, nor a place of an index.

    Snapshots are looked at by themselves. What was published by hash before stays for a time; taking it away is the
    sweep's work.
    """
    stored = set(plan_of(suite).stored)
    listed_only = set(plan_of(suite).names) - stored
    known = {suite_path(suite.name, name) for name in {*stored, *entries, *NAMES} - listed_only}
    of_snapshots = suite_path(snapshots_folder(suite.name))
    return [
        Finding("stray", key, "No Release names it.", Cure.SET_ASIDE, suite.name)
        for key in keys
        if key not in known and "/by-hash/" not in key and not is_patch(key) and not key.startswith(of_snapshots)
    ]
