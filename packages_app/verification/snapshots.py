"""A suite's snapshots: each signed by the key in use, with all that its Release lists, and the pool files it names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial

from packages_app.core.at_once import at_once
from packages_app.core.errors import CandidateRefused, ObjectNotFound
from packages_app.core.layout import by_hash_path, suite_path
from packages_app.core.ports import ObjectStore
from packages_app.core.repository import Suite
from packages_app.core.snapshot import snapshot_folder, time_of
from packages_app.indexes.entry import entries_in
from packages_app.publishing.snapshots import (
    IN_RELEASE,
    Snapshot,
    is_there,
    objects_of_snapshots,
    read_snapshot,
    strangers_in,
)
from packages_app.signing.openpgp import verified_text
from packages_app.signing.signatures import detached_fault
from packages_app.signing.unproven import claims_of
from packages_app.stores.pool_files import missing_or_other
from packages_app.verification.finding import Cure, Finding
from packages_app.verification.indexes import examine_indexes
from packages_app.verification.reader import View

_NAMED = 5
_REMEDY = "Put it back from a backup of the bucket, or delete that snapshot."


def examine_snapshots(
    view: View, bucket: ObjectStore, suite: Suite, keyring: bytes, keep_lease: Callable[[], None]
) -> tuple[list[Finding], int]:
    """Look at each snapshot of a suite, and at the copies of its publications; return findings and indexes read.

    `keep_lease` is called between objects. Raise the errors of the store.
    """
    findings: list[Finding] = []
    read = 0
    by_id = objects_of_snapshots(bucket, suite.name)
    copies = sorted(name for name in by_id if time_of(name) is not None)
    findings += _copy_findings(bucket, suite, keyring, copies)
    for name in sorted(by_id.keys() - set(copies)):
        keep_lease()
        objects = by_id[name]
        if not is_there(objects, suite.name, name):
            findings += _strays(suite, objects, "There is no InRelease: making this snapshot was cut off.")
            continue
        found = _read(bucket, suite, name, keyring)
        if isinstance(found, Finding):
            findings.append(found)
            continue
        one, indexes = _examine(view, bucket, suite, found, objects, keyring, keep_lease)
        findings, read = findings + one, read + indexes
    return findings, read


def _read(bucket: ObjectStore, suite: Suite, name: str, keyring: bytes) -> Snapshot | Finding:
    key = suite_path(snapshot_folder(suite.name, name), IN_RELEASE)
    try:
        return read_snapshot(bucket, suite.name, name, keyring)
    except ObjectNotFound:
        return Finding("snapshot_differs", key, f"It is gone. {_REMEDY}", Cure.NONE, suite.name)
    except CandidateRefused as error:
        keys = ", ".join(claim.key for claim in claims_of(bucket.read(key))) or "no key that can be read"
        text = f"{error.message} It names {keys}. {_REMEDY}"
        return Finding("snapshot_signature", key, text, Cure.NONE, suite.name)


def _examine(
    view: View,
    bucket: ObjectStore,
    suite: Suite,
    snapshot: Snapshot,
    objects: Mapping[str, int],
    keyring: bytes,
    keep_lease: Callable[[], None],
) -> tuple[list[Finding], int]:
    indexes = examine_indexes(view, _as_suite(suite, snapshot, objects), snapshot.release.entries, keep_lease)
    findings = [
        replace(found, code=_code(found.code), text=f"{found.text} {_REMEDY}", repair=Cure.NONE, suite=suite.name)
        for found in indexes.findings
    ]
    findings += _form_findings(bucket, suite, snapshot, keyring)
    keep_lease()
    files = {entry.pool_path: entry.file_size for text in indexes.texts.values() for entry in entries_in(text)}
    missing = missing_or_other(bucket, files)
    if missing:
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        named = f"{', '.join(missing[:_NAMED])}{more}"
        text = f"Pool files that it names are gone, or have another size: {named}."
        findings.append(Finding("snapshot_pool_missing", suite_path(snapshot.folder), text, Cure.NONE, suite.name))
    strangers = {key: objects[key] for key in strangers_in(objects, snapshot)}
    return [*findings, *_strays(suite, strangers, "The snapshot's Release does not name it.")], indexes.read


def _code(code: str) -> str:
    return code if code == "not_served" else "snapshot_differs"


def _as_suite(suite: Suite, snapshot: Snapshot, objects: Mapping[str, int]) -> Suite:
    """Return the suite that a snapshot is, as it was when its publication was made."""
    release = snapshot.release
    plain = [name for name in release.entries if name.endswith("/Packages")]
    stored = any(by_hash_path(snapshot.folder, name, release.entries[name].sha256) in objects for name in plain)
    endings = {name.rpartition(".")[2] for name in release.entries} & {"gz", "xz"}
    return replace(
        suite,
        name=snapshot.folder,
        components=tuple(release.fields.get("Components", "").split()),
        architectures=tuple(release.fields.get("Architectures", "").split()),
        index_forms=(*(("plain",) if stored else ()), *sorted(endings)),
    )


def _form_findings(bucket: ObjectStore, suite: Suite, snapshot: Snapshot, keyring: bytes) -> Iterator[Finding]:
    """Yield what is wrong with Release and Release.gpg, which say the same as InRelease."""
    for name in ("Release", "Release.gpg"):
        key = suite_path(snapshot.folder, name)
        try:
            body = bucket.read(key)
        except ObjectNotFound:
            yield Finding("snapshot_differs", key, f"It is gone. {_REMEDY}", Cure.NONE, suite.name)
            continue
        if name == "Release":
            good = body == snapshot.text
        else:
            proven = verified_text(snapshot.text, keyring, signature=body)
            good = proven is not None and not detached_fault(body, snapshot.text, keyring, strangers=True)
        if not good:
            yield Finding("snapshot_differs", key, f"It is not as InRelease. {_REMEDY}", Cure.NONE, suite.name)


def _copy_findings(bucket: ObjectStore, suite: Suite, keyring: bytes, names: Collection[str]) -> Iterator[Finding]:
    """Yield what is wrong with copies of publications' InRelease: another's signature, or indexes that are gone."""
    if not names:
        return
    there = {key for key, _ in bucket.keys(suite_path(suite.name)) if "/by-hash/" in key}
    for found in at_once([partial(_read, bucket, suite, name, keyring) for name in names], bucket.at_once):
        if isinstance(found, Finding):
            yield found
            continue
        entries = found.release.entries
        keys = {by_hash_path(suite.name, name, entry.sha256): name for name, entry in entries.items()}
        gone = [name for key, name in keys.items() if key not in there and not name.endswith("/Packages")]
        if gone:
            text = f"Indexes that it names are gone: {', '.join(gone[:_NAMED])}. Nobody can ask for that time any more."
            key = suite_path(found.folder, IN_RELEASE)
            yield Finding("snapshot_differs", key, text, Cure.SET_ASIDE, suite.name)


def _strays(suite: Suite, objects: Mapping[str, int], why: str) -> list[Finding]:
    return [Finding("stray", key, why, Cure.SET_ASIDE, suite.name) for key in sorted(objects)]
