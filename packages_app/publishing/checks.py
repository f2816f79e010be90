"""Step 4 of a publication: the candidate is read back as a client would, before any client can."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from packages_app.core.candidate_fault import CandidateFault
from packages_app.core.checksums import checksums_of_bytes
from packages_app.core.errors import CandidateRefused
from packages_app.core.layout import ALL, binary_folder
from packages_app.indexes.compression import READERS
from packages_app.indexes.packages import IndexFile
from packages_app.indexes.release import IDENTITY_FIELDS, Release, parse_release
from packages_app.publishing.candidate import Candidate
from packages_app.publishing.published import PackageKey, packages_in
from packages_app.signing.openpgp import verified_text

_NAMED = 5


def check_candidate(candidate: Candidate, keyring: bytes) -> None:
    """Check signatures, every hash that Release lists, and that each index gives back exactly its records.

    Raises `CandidateRefused`.
    """
    _check_signatures(candidate, keyring)
    release = parse_release(candidate.release)
    if set(release.entries) != {index.name for index in candidate.indexes}:
        raise _refused("Release does not list exactly the indexes made")
    texts = {index.name: index.body for index in candidate.indexes}
    for index in candidate.indexes:
        _check_index(index, release, texts)
    for component in candidate.suite.components:
        for architecture in candidate.suite.architectures:
            _check_stanzas(candidate, component, architecture, texts)


def _check_signatures(candidate: Candidate, keyring: bytes) -> None:
    clear = verified_text(candidate.in_release, keyring)
    detached = verified_text(candidate.release, keyring, signature=candidate.release_gpg)
    if clear != candidate.release or detached != candidate.release:
        raise _refused("InRelease or Release.gpg is no good signature of Release")


def _check_index(index: IndexFile, release: Release, texts: Mapping[str, bytes]) -> None:
    entry = release.entries[index.name]
    found = checksums_of_bytes(index.body)
    if (found.size, found.md5, found.sha1, found.sha256) != (entry.size, entry.md5, entry.sha1, entry.sha256):
        raise _refused(f"{index.name} is not what Release lists")
    plain, dot, ending = index.name.rpartition("Packages")
    if READERS[ending](index.body) != texts[plain + dot]:
        raise _refused(f"{index.name} does not unpack to {plain}{dot}")


def _check_stanzas(candidate: Candidate, component: str, architecture: str, texts: Mapping[str, bytes]) -> None:
    name = f"{binary_folder(component, architecture)}/Packages"
    wanted = [
        (record.key, (record.pool_path, record.sha256_hash))
        for record in candidate.collected.records
        if record.component == component and record.architecture in (ALL, architecture)
    ]
    if list(packages_in(texts[name])) != wanted:
        raise _refused(f"{name} does not parse back to the records it was made of")


def identity_faults(candidate: Candidate, published: Release) -> list[CandidateFault]:
    """Find changes of Origin, Label, Suite and Codename: unattended upgrades match on them, and apt asks first."""
    release = parse_release(candidate.release)
    changed = [
        (name, published.fields.get(name, ""), release.fields[name])
        for name in IDENTITY_FIELDS
        if published.fields.get(name, "") != release.fields[name]
    ]
    said = [
        f"{name} of suite {candidate.suite.name} would change from {old!r} to {new!r}" for name, old, new in changed
    ]
    if not said:
        return []
    return [
        CandidateFault(
            "identity",
            f"{', '.join(said)}.",
            "Restore it in repository.yaml, or show clients the change: force_rebuild --new-identity.",
            tuple(f"{name}: {old!r} to {new!r}" for name, old, new in changed),
        )
    ]


def vanished_faults(candidate: Candidate, published: Collection[PackageKey]) -> list[CandidateFault]:
    """Find what clients have now, the candidate lacks, and nobody withdrew: its record is gone from the table."""
    explained = {record.key for record in candidate.collected.records} | candidate.collected.withdrawn
    explained |= {(item.package_id, item.architecture) for item in candidate.collected.left_out}
    vanished = [" ".join(key) for key in sorted(set(published) - explained)]
    if not vanished:
        return []
    return [
        CandidateFault(
            "vanished",
            f"{len(vanished)} packages of suite {candidate.suite.name} have no record any more: {_named(vanished)}.",
            "Restore the records, or run force_rebuild to publish what the table holds now.",
            tuple(vanished),
        )
    ]


def missing_faults(suite: str, missing: Collection[str]) -> list[CandidateFault]:
    """Say of pool files that they are not in the bucket."""
    if not missing:
        return []
    return [
        CandidateFault(
            "missing",
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
