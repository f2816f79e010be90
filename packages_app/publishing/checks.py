"""Step 4 of a publication: the candidate is read back as a client would, before any client can.

Each shard was unpacked and compared when it was made, and each record's stanza read back; here it is seen that the
files are these shards and nothing else. Of a draft that changes a published index in places, the rest was checked
against that index's own hashes on the way, so only what is new is looked at; a whole one is unpacked to its end.
"""

from __future__ import annotations

import gzip
import lzma
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from packages_app.core.candidate_finding import MISSING, CandidateFinding
from packages_app.core.checksums import chunks_of, sha256_of
from packages_app.core.errors import CandidateRefused
from packages_app.core.record import TableKey, named_key
from packages_app.core.threads import Threads
from packages_app.indexes.compression import UNCOMPRESSED, UNREADABLE, XZ
from packages_app.indexes.packages import plan_of
from packages_app.indexes.release import IDENTITY_FIELDS, Release
from packages_app.indexes.shards import Shard, head_of, tail_of
from packages_app.publishing.candidate import Candidate
from packages_app.publishing.index_file import IndexFile
from packages_app.publishing.shard_cache import ShardCache
from packages_app.signing.openpgp import verified_text
from packages_app.signing.signatures import clear_fault, detached_fault

_NAMED = 5


@contextmanager
def candidate_checked(candidate: Candidate, keyring: bytes, cache: ShardCache) -> Iterator[None]:
    """Check signatures, that Release lists just the indexes, and that these are their shards.

    What takes long, unpacking them, goes on beside the block, in threads; what is known by `cache` is not unpacked
    again. Raise `CandidateRefused`, at the block's end too.
    """
    _check_signatures(candidate, keyring)
    release = candidate.listing
    wanted = set(plan_of(candidate.suite).names)
    if not wanted <= set(release.entries) or release.entries != candidate.draft.entries:
        raise _refused("Release does not list exactly the indexes made")
    for file in candidate.draft.files:
        folder, _, name = file.name.rpartition("/")
        if file.name not in wanted:
            continue
        _check_shards(file, name.removeprefix("Packages"), candidate.draft.shards.indexes[folder])
    packages = [file for file in candidate.draft.files if file.name in wanted] if candidate.draft.whole else []
    with Threads(os.cpu_count() or 1, thread_name_prefix="check") as threads:
        checks = threads.map(partial(_check_text, release, cache), packages)
        yield
        list(checks)


def _check_signatures(candidate: Candidate, keyring: bytes) -> None:
    clear = verified_text(candidate.in_release, keyring)
    detached = verified_text(candidate.release, keyring, signature=candidate.release_gpg)
    if clear != candidate.release or detached != candidate.release:
        raise _refused("InRelease or Release.gpg is no good signature of Release")
    fault = clear_fault(candidate.in_release, candidate.release, keyring)
    if fault := fault or detached_fault(candidate.release_gpg, candidate.release, keyring):
        raise _refused(f"InRelease or Release.gpg is not as clients take it. {fault.rstrip('.')}")


def _check_shards(file: IndexFile, ending: str, shards: Sequence[Shard]) -> None:
    """See that a form is as large as its shards, and that they stand between what makes one form of them."""
    head, tail = head_of(ending), tail_of(ending, shards)
    if file.entry.size != len(head) + sum(shard.length_in(ending) for shard in shards) + len(tail):
        raise _refused(f"{file.name} is not as large as its shards")
    if file.path is None:
        return
    with file.path.open("rb") as stream:
        begins = stream.read(len(head))
        stream.seek(-len(tail), os.SEEK_END)
        if begins != head or stream.read() != tail:
            raise _refused(f"{file.name} does not begin and end as this form does")


def _check_text(release: Release, cache: ShardCache, file: IndexFile) -> None:
    """See that a form, read back from the disk, unpacks to the text that Release lists.

    Bytes that were seen to do so once always do: of those the hash is enough.
    """
    folder, _, name = file.name.rpartition("/")
    if file.path is None:
        return
    text, ending = release.entries[f"{folder}/Packages"].sha256, name.removeprefix("Packages")
    with file.path.open("rb") as stream:
        sha256 = sha256_of(chunks_of(stream))
    unpacked = sha256 if ending == UNCOMPRESSED else cache.unpacked_of(sha256)
    if unpacked is None:
        try:
            with closing(_opened(file.path, ending)) as stream:
                unpacked = sha256_of(chunks_of(stream))
        except UNREADABLE as error:
            raise _refused(f"{file.name} can't be unpacked: {error}") from error
        cache.keep_unpacked(sha256, unpacked)
    if unpacked != text:
        raise _refused(f"{file.name} does not unpack to Packages")


def _opened(path: Path, ending: str) -> BinaryIO:
    return cast("BinaryIO", lzma.open(path) if ending == XZ else gzip.open(path))


def identity_findings(suite: str, published: Release, release: Release) -> list[CandidateFinding]:
    """Find changes of Origin, Label, Suite and Codename: unattended upgrades match on them, and apt asks first."""
    changed = [
        (name, published.fields.get(name, ""), release.fields[name])
        for name in IDENTITY_FIELDS
        if published.fields.get(name, "") != release.fields[name]
    ]
    said = [f"{name} of suite {suite} would change from {old!r} to {new!r}" for name, old, new in changed]
    if not said:
        return []
    return [
        CandidateFinding(
            "identity",
            f"{', '.join(said)}.",
            "Restore it in repository.yaml, or show clients the change: force_rebuild --new-identity.",
            tuple(f"{name}: {old!r} to {new!r}" for name, old, new in changed),
        )
    ]


def vanished_findings(suite: str, keys: Collection[TableKey]) -> list[CandidateFinding]:
    """Return a finding for each package that clients have and nobody withdrew, and that the table lacks."""
    if not keys:
        return []
    named = _named([named_key(key) for key in keys])
    vanished = [" ".join(key) for key in keys]  # an approval is kept by its hash: not to be changed
    return [
        CandidateFinding(
            "vanished",
            f"{len(vanished)} packages of suite {suite} have no record any more: {named}.",
            "Restore the records.",
            tuple(vanished),
        )
    ]


def missing_findings(suite: str, missing: Collection[str]) -> list[CandidateFinding]:
    """Return a finding for each of these pool files, which the bucket lacks."""
    if not missing:
        return []
    return [
        CandidateFinding(
            MISSING,
            f"{len(missing)} files of suite {suite} are not in the pool: {_named(missing)}.",
            "Upload the packages again, or run force_rebuild --repair to fetch them from where they came.",
            tuple(sorted(missing)),
        )
    ]


def _named(things: Collection[str]) -> str:
    return ", ".join(list(things)[:_NAMED]) + (", …" if len(things) > _NAMED else "")


def _refused(what: str) -> CandidateRefused:
    return CandidateRefused(
        f"The candidate was not published: {what}.", remedy="Report this: it is a fault of repomgr."
    )
