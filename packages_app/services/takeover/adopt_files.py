"""The files of an existing repository, copied into our pool after a look at each."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from packages_app.adoption.place import Place
from packages_app.core.errors import RepomgrError, RepositoryRefused
from packages_app.core.layout import deb_filename, pool_path
from packages_app.core.record import PackageRecord
from packages_app.debian.deb_file import open_deb
from packages_app.services import adapters
from packages_app.stores.immutable import put_immutable

_COPIERS = 4


def copied(place: Place, records: list[PackageRecord]) -> Iterator[tuple[PackageRecord, PackageRecord | RepomgrError]]:
    """Copy the files of records into our pool, four at once; gives each record with what became of it, in order.

    What became of it is the record with the file's whole control paragraph, all hashes and its place in our pool, or
    the error that says why the file was not taken.
    """
    with ThreadPoolExecutor(_COPIERS, thread_name_prefix="copy") as copiers:
        yield from zip(records, copiers.map(partial(_copy_or_error, place), records), strict=True)


def _copy_or_error(place: Place, record: PackageRecord) -> PackageRecord | RepomgrError:
    try:
        return _copy(place, record)
    except RepomgrError as error:
        return error


def _copy(place: Place, record: PackageRecord) -> PackageRecord:
    filename = record.pool_path
    with tempfile.TemporaryDirectory(prefix="repomgr-adopt-file-") as folder:
        path = Path(folder) / "package.deb"
        checksums = place.fetch(filename, path, limit_bytes=(record.file_size or 0) + 1)
        if checksums is None:
            raise _refused(f"{filename} is not there")
        if checksums.sha256 != record.sha256_hash:
            raise _refused(f"{filename} has SHA256 {checksums.sha256}, its stanza says {record.sha256_hash}")
        contents = open_deb(path)
        control = contents.control
        found = (control["Package"], control["Version"], control["Architecture"])
        if found != (record.package_name, record.version, record.architecture):
            raise _refused(f"{filename} is {' '.join(found)}, its stanza says otherwise")
        name = deb_filename(*found)
        target = pool_path(record.component, record.package_name, name)
        put_immutable(adapters.bucket(), target, path, checksums)
    return replace(
        record,
        control=contents.control_text,
        pool_path=target,
        actual_filename=name,
        deb_url=place.url_of(filename),
        md5_hash=checksums.md5,
        sha1_hash=checksums.sha1,
        sha512_hash=checksums.sha512,
    )


def _refused(what: str) -> RepositoryRefused:
    return RepositoryRefused(
        f"{what[0].upper()}{what[1:]}.",
        remedy="Correct the repository, then run the command again; --skip-broken leaves the package out.",
    )
