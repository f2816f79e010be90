"""Records of tiny `.deb` files, handed from one process to another as JSON lines, and synthetic ones beyond them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

from packages_app.core.layout import ALL, deb_filename, pool_path, pool_prefix
from packages_app.core.record import PackageRecord
from packages_app.debian.control import parse_control
from packages_app.debian.stanza import record_fields_of
from tests.benchmarks.tiny_debs import TinyDeb

_FOLDERS_OF_A_TURN = 100


def record_of(deb: TinyDeb) -> PackageRecord:
    """Give the record that an upload of this file to suite stable makes."""
    return PackageRecord(
        **record_fields_of(parse_control(f"{deb.control}\n")),
        package_type="build_script",
        suites=("stable",),
        actual_filename=deb.path.name,
        pool_path=pool_path("main", deb.name, deb.path.name),
        file_size=deb.checksums.size,
        md5_hash=deb.checksums.md5,
        sha1_hash=deb.checksums.sha1,
        sha256_hash=deb.checksums.sha256,
        sha512_hash=deb.checksums.sha512,
        processed_timestamp="2026-01-02T03:04:05+00:00",
        control=deb.control,
    )


def write_records(path: Path, debs: Iterable[TinyDeb]) -> None:
    """Write a line for each file: its record and where it is."""
    with path.open("w") as stream:
        for deb in debs:
            json.dump({**record_of(deb).as_dict(), "file": str(deb.path)}, stream)
            stream.write("\n")


def read_records(path: Path) -> Iterator[tuple[PackageRecord, Path]]:
    """Give the records, each with its file."""
    with path.open() as stream:
        for line in stream:
            values = json.loads(line)
            yield PackageRecord.from_dict(values), Path(values["file"])


def with_synthetic(path: Path, wanted: int) -> Iterator[tuple[PackageRecord, Path]]:
    """Give `wanted` records: those of the file, then the same ones again and again under other names."""
    made = 0
    for turn in count():
        for record, file in read_records(path):
            if made == wanted:
                return
            yield (renamed(record, turn) if turn else record), file
            made += 1


def for_each_of(record: PackageRecord, architectures: Sequence[str]) -> Iterator[PackageRecord]:
    """Give a record for each architecture, as if the package were built for all of them; `all` is for all as it is."""
    for architecture in (record.architecture,) if record.architecture == ALL else architectures:
        if architecture == record.architecture:
            yield record
            continue
        filename = deb_filename(record.package_name, record.version, architecture)
        built_for = f"\nArchitecture: {record.architecture}\n", f"\nArchitecture: {architecture}\n"
        yield replace(
            record,
            architecture=architecture,
            control=f"{record.control}\n".replace(*built_for, 1).removesuffix("\n"),
            actual_filename=filename,
            pool_path=f"{record.pool_path.rpartition('/')[0]}/{filename}",
        )


def renamed(record: PackageRecord, turn: int) -> PackageRecord:
    """Give a record as it would be of a package of another name, whose file is the same one."""
    name = f"{record.package_name}-copy{turn}"
    filename = deb_filename(name, record.version, record.architecture)
    # Of Debian's sources one gives many packages; here folders of some hundred spare the disk half a million of them.
    folder = f"synthetic-{turn}-{int(record.sha256_hash[:8], 16) % _FOLDERS_OF_A_TURN}"
    return replace(
        record,
        package_name=name,
        control=record.control.replace(f"Package: {record.package_name}\n", f"Package: {name}\n", 1),
        actual_filename=filename,
        pool_path=f"pool/main/{pool_prefix(folder)}/{folder}/{filename}",
    )
