"""What snapshots are made of, as people name it: a publication as everywhere, or a snapshot, `SUITE/ID`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from packages_app.core.errors import CandidateRefused, ObjectNotFound
from packages_app.core.history_errors import ContentsGone
from packages_app.core.layout import suite_path
from packages_app.core.record import TableKey
from packages_app.core.snapshot import MARK, SnapshotRefused, snapshot_folder, time_of
from packages_app.indexes.release import parse_release
from packages_app.publishing.generations import generations, release_digest
from packages_app.publishing.published import read_published
from packages_app.publishing.snapshot_parts import Part
from packages_app.publishing.snapshots import (
    Source,
    described_snapshot,
    names_of_snapshots,
    packages_in,
    read_snapshot,
)
from packages_app.services import adapters
from packages_app.services.publication.shown import shown_as
from packages_app.signing.unproven import unproven_text
from packages_app.sweeping.retention import in_place

_WORD = "[A-Za-z0-9][A-Za-z0-9._+-]*"
_SNAPSHOT = re.compile(rf"({_WORD})/(?:{MARK}/)?({_WORD})\Z", re.ASCII)


def snapshot_named(text: str) -> tuple[str, str] | None:
    """Return suite and ID of a snapshot that is named `SUITE/ID` or `SUITE/snapshots/ID`.

    None for a text without a slash; raise `SnapshotRefused` for another.
    """
    if "/" not in text:
        return None
    found = _SNAPSHOT.match(text.strip())
    if found is None:
        raise SnapshotRefused(f"{text[:80]!r} names no snapshot.", remedy="Write SUITE/ID, such as stable/2026-q4.")
    return found[1], found[2]


def part_named(text: str) -> Part:
    """Return what a person names: a snapshot, or a publication as `shown_as` takes it.

    Nothing of it is proven: for showing it, and for asking for a job, which proves it (`part_again`). Raise
    `SnapshotRefused` for no snapshot, `PublicationUnknown`, `NothingPublished`, `ContentsGone`.
    """
    named = snapshot_named(text)
    if named is not None:
        return _snapshot_part(*named)
    shown = shown_as(text)
    return _publication_part(shown.suite, _unproven(shown.suite, shown.digest))


def as_argument(part: Part) -> list[str]:
    """Return a part as a job's row keeps it."""
    return [part.suite, part.snapshot, part.digest]


def part_again(kept: Sequence[str]) -> Part:
    """Return the part that a job's row names, proven to be what a key of ours has signed.

    Raise `SnapshotRefused` where a snapshot of that ID is another one by now, `ContentsGone` where it is gone, and
    `CandidateRefused` where it is not ours.
    """
    suite, name, digest = kept
    if not name:
        return _publication_part(suite, source_of(suite, digest).text)
    try:
        found = read_snapshot(adapters.bucket(), suite, name, adapters.signer().public_keyring())
    except ObjectNotFound as error:
        raise ContentsGone(f"The snapshot {suite}/{name} is gone by now.", remedy="Take another one.") from error
    if release_digest(found.text) != digest:
        raise SnapshotRefused(f"The snapshot {suite}/{name} is another one by now.", remedy="Look at it, and ask anew.")
    return Part(suite, name, found.folder, found.text, found.release)


def keys_of(part: Part) -> frozenset[TableKey]:
    """Return the keys of the packages of a part; raise `ContentsGone` where an index is gone or damaged."""
    try:
        return frozenset(entry.key for entry in packages_in(adapters.bucket(), part.folder, part.release))
    except (ObjectNotFound, CandidateRefused) as error:
        raise ContentsGone(f"What {part} held can't be read: {error}", remedy="Take another one.") from error


def source_of(suite: str, publication: str) -> Source:
    """Return the publication of a suite that is named as `shown_as` takes it, "" for what is in place; it is proven.

    Raise `SnapshotRefused` where nothing of ours is in place, `PublicationUnknown`, and `ContentsGone` where its
    Release is not kept any more.
    """
    published = read_published(adapters.bucket(), suite, adapters.signer().public_keyring())
    if published.release is None:
        raise SnapshotRefused(
            f"Suite {suite} has no InRelease in place that the key in use has signed.", remedy="Publish it first."
        )
    digest = release_digest(published.text)
    if publication in ("", digest):
        return Source(suite, published.text)
    wanted = shown_as(publication, suite)
    if wanted.digest == digest:
        return Source(suite, published.text)
    kept = in_place(generations(adapters.staging(), suite), published)
    found = next((one for one in kept if one.sha256 == wanted.digest), None)
    if found is None:
        since = f", back to {kept[0].date:%Y-%m-%d %H:%M} UTC" if kept else ""
        raise ContentsGone(
            f"The Release of the publication {wanted} is not kept any more.",
            remedy=f"Take one of the {len(kept)} that are{since}; SWEEP_GENERATIONS and SWEEP_DAYS say how many.",
        )
    return Source(suite, _text_of(found.key))


def _snapshot_part(suite: str, name: str) -> Part:
    bucket = adapters.bucket()
    # A time is a copy of a publication's InRelease, which has no indexes of its own.
    found = described_snapshot(bucket, suite, name) if time_of(name) is None else None
    if found is None:
        known = {one.name for one in adapters.repository().suites} & {suite}
        named = ", ".join(f"{suite}/{one}" for each in known for one in names_of_snapshots(bucket, each)) or "none"
        raise SnapshotRefused(
            f"There is no snapshot {snapshot_folder(suite[:80], name[:80])} that can be read.",
            remedy=f"Of that suite there are: {named}.",
        )
    return Part(suite, name, found.folder, found.text, found.release)


def _publication_part(suite: str, text: bytes) -> Part:
    return Part(suite, "", suite, text, parse_release(text))


def _unproven(suite: str, digest: str) -> bytes:
    """Return the text of a publication's Release; raise `ContentsGone`."""
    try:
        text = unproven_text(adapters.bucket().read(suite_path(suite, "InRelease"))) or b""
    except ObjectNotFound:
        text = b""
    if release_digest(text) == digest:
        return text
    found = next((one for one in generations(adapters.staging(), suite) if one.sha256 == digest), None)
    if found is None:
        raise ContentsGone(
            f"The Release of the publication {digest} of suite {suite} is not kept any more.",
            remedy="Take a later one; SWEEP_GENERATIONS and SWEEP_DAYS say how many are kept.",
        )
    return _text_of(found.key)


def _text_of(key: str) -> bytes:
    text = adapters.staging().read(key)
    if release_digest(text) not in key:
        raise CandidateRefused(f"The kept Release {key} is damaged.", remedy="Take another publication.")
    return text
