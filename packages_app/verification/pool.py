"""The pool: every record's file is there with its size, a sample or all of them have the record's bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

from packages_app.core.errors import InvalidVersion
from packages_app.core.record import PackageRecord
from packages_app.verification.fault import Cure, Fault, Pool
from packages_app.verification.reader import CONNECTIONS, Problem, Reader, Trouble, View

_CODES = {
    Trouble.MISSING: "pool_missing", Trouble.DIFFERS: "pool_differs", Trouble.NOT_SERVED: "not_served",
}  # fmt: skip


def listing_faults(records: Iterable[PackageRecord], sizes: Mapping[str, int]) -> list[Fault]:
    """Compare records with the pool's listing (size in bytes by key): files that are not there, or of another size."""
    faults = []
    for path, record in sorted(files_of(records).items()):
        size = sizes.get(path)
        if size is None:
            text = f"{record.named} has no file in the bucket."
            faults.append(Fault("pool_missing", path, text, Cure.RESTORE))
        elif record.file_size is not None and size != record.file_size:
            text = f"It has {size} bytes in the bucket, the record says {record.file_size}."
            faults.append(Fault("pool_differs", path, text, Cure.RESTORE))
    return faults


def files_of(records: Iterable[PackageRecord]) -> dict[str, PackageRecord]:
    """Give a record of each pool file."""
    return {record.pool_path: record for record in records if record.pool_path}


def chosen(records: Iterable[PackageRecord], pool: Pool, size: int, seed: str) -> list[PackageRecord]:
    """Give the records whose files are to be read: all, none, or a sample that depends on nothing but its arguments.

    A sample has the newest version of each package, and `size` of the other files; of more than `size` newest
    versions, `size` too, so that it costs the same however large the repository is.
    """
    files = {path: record for path, record in files_of(records).items() if record.sha256_hash and record.file_size}
    if pool is Pool.ALL:
        return [files[path] for path in sorted(files)]
    if pool is Pool.NONE:
        return []
    newest = {record.pool_path for record in _newest(files.values())}
    drawn = _drawn(newest, size, seed) + _drawn(files.keys() - newest, size, seed)
    return [files[path] for path in sorted(drawn)]


def _drawn(paths: Iterable[str], size: int, seed: str) -> list[str]:
    # Ranked by a hash, so that a file more or less changes nothing about the others.
    return sorted(paths, key=lambda path: sha256(f"{seed} {path}".encode()).digest())[:size]


def _newest(records: Iterable[PackageRecord]) -> Iterable[PackageRecord]:
    newest: dict[tuple[str, str], tuple[str, PackageRecord]] = {}
    for record in records:
        try:
            version = record.version_key
        except InvalidVersion:  # a foreign record, which no index carries
            continue
        name = (record.package_name, record.architecture)
        if name not in newest or version > newest[name][0]:
            newest[name] = (version, record)
    return [record for _, record in newest.values()]


def byte_faults(view: View, records: list[PackageRecord], advance: Callable[[int, int], None]) -> list[Fault]:
    """Read files over several connections, each by size and SHA256; `advance` hears (files read, files in all)."""
    faults = []
    with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="verify") as readers:
        problems = readers.map(lambda record: file_problem(view, record), records)
        for done, (record, problem) in enumerate(zip(records, problems, strict=True)):
            if problem is not None:
                cure = Cure.NONE if problem.trouble is Trouble.NOT_SERVED else Cure.RESTORE
                faults.append(Fault(_CODES[problem.trouble], record.pool_path, problem.text, cure))
            advance(done + 1, len(records))
    return faults


def file_problem(view: View, record: PackageRecord) -> Problem | None:
    """Read one record's pool file."""

    def check(reader: Reader) -> str:
        found = reader.read(record.pool_path, record.file_size or 0).checksums
        if found.size != record.file_size:
            return f"It has {found.size} bytes, the record says {record.file_size}."
        return "" if found.sha256 == record.sha256_hash else f"It has SHA256 {found.sha256}, not the record's."

    return view.problem(record.pool_path, check)
