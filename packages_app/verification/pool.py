"""The pool: every record's file is there with its size, a sample or all of them have the record's bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from sys import intern

from packages_app.core.at_once import at_once_ahead
from packages_app.core.errors import InvalidVersion
from packages_app.core.record import PackageRecord, TableKey, named_key
from packages_app.verification.finding import Cure, Finding, PoolScope
from packages_app.verification.reader import CONNECTIONS, Discrepancy, ObjectFinding, Reader, View

_AHEAD = 100
"""Small files are read while a large one is."""
_CODES = {
    Discrepancy.MISSING: "pool_missing", Discrepancy.DIFFERS: "pool_differs", Discrepancy.NOT_SERVED: "not_served",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PoolFile:
    """What a record says of its pool file: all that a verification needs to keep of a record, a tenth of its size.

    `size` is in bytes, None when not known; `version_key` is "" for a version that no index carries.
    """

    path: str
    size: int | None
    sha256: str
    package: tuple[str, str]
    version_key: str
    key: TableKey

    @property
    def comparable(self) -> bool:
        """Say whether there are size and hash to compare the file with."""
        return bool(self.sha256 and self.size)


def pool_file_of(record: PackageRecord) -> PoolFile:
    """Return what a record says of its pool file."""
    try:
        version_key = record.version_key
    except InvalidVersion:  # a foreign record, which no index carries
        version_key = ""
    package = (record.package_name, intern(record.architecture))
    return PoolFile(record.pool_path, record.file_size, record.sha256_hash, package, version_key, record.key)


def listing_findings(files: Iterable[PoolFile], sizes: Mapping[str, int]) -> list[Finding]:
    """Compare records with the pool's listing (size in bytes by key): files that are not there, or of another size."""
    findings = []
    for path, file in sorted(_by_path(files).items()):
        size = sizes.get(path)
        if size is None:
            text = f"{named_key(file.key)} has no file in the bucket."
            findings.append(Finding("pool_missing", path, text, Cure.RESTORE, record=file.key))
        elif file.size is not None and size != file.size:
            text = f"It has {size} bytes in the bucket, the record says {file.size}."
            findings.append(Finding("pool_differs", path, text, Cure.RESTORE, record=file.key))
    return findings


def _by_path(files: Iterable[PoolFile]) -> dict[str, PoolFile]:
    return {file.path: file for file in files if file.path}


def chosen(listed: Iterable[PoolFile], pool: PoolScope, size: int, seed: str) -> list[PoolFile]:
    """Return the files that are to be read: all, none, or a sample that depends on nothing but its arguments.

    A sample has the newest version of each package, and `size` of the other files; of more than `size` newest
    versions, `size` too, so that it costs the same however large the repository is.
    """
    files = {path: file for path, file in _by_path(listed).items() if file.comparable}
    if pool is PoolScope.ALL:
        return [files[path] for path in sorted(files)]
    if pool is PoolScope.NONE:
        return []
    newest = {file.path for file in _newest(files.values())}
    drawn = _drawn(newest, size, seed) + _drawn(files.keys() - newest, size, seed)
    return [files[path] for path in sorted(drawn)]


def _drawn(paths: Iterable[str], size: int, seed: str) -> list[str]:
    # Ranked by a hash, so that a file more or less changes nothing about the others.
    return sorted(paths, key=lambda path: sha256(f"{seed} {path}".encode()).digest())[:size]


def _newest(files: Iterable[PoolFile]) -> Iterable[PoolFile]:
    newest: dict[tuple[str, str], PoolFile] = {}
    for file in files:
        known = newest.get(file.package)
        if file.version_key and (known is None or file.version_key > known.version_key):
            newest[file.package] = file
    return newest.values()


def byte_findings(view: View, files: list[PoolFile], advance: Callable[[int, int], None]) -> list[Finding]:
    """Read files over several connections, each by size and SHA256; `advance` hears (files read, files in all)."""
    findings = []
    reads = (partial(file_problem, view, file.path, file.size or 0, file.sha256) for file in files)
    problems = at_once_ahead(reads, CONNECTIONS, _AHEAD)
    for done, (file, object_finding) in enumerate(zip(files, problems, strict=True)):
        if object_finding is not None:
            cure = Cure.NONE if object_finding.discrepancy is Discrepancy.NOT_SERVED else Cure.RESTORE
            findings.append(
                Finding(_CODES[object_finding.discrepancy], file.path, object_finding.text, cure, record=file.key)
            )
        advance(done + 1, len(files))
    return findings


def file_problem(view: View, path: str, size: int, sha256: str) -> ObjectFinding | None:
    """Read one pool file that a record says to have so many bytes and this SHA256."""

    def check(reader: Reader) -> str:
        found = reader.read(path, size).checksums
        if found.size != size:
            return f"It has {found.size} bytes, the record says {size}."
        return "" if found.sha256 == sha256 else f"It has SHA256 {found.sha256}, not the record's."

    return view.object_finding(path, check)
