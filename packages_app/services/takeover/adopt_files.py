"""The files of an existing repository, fetched and compared with their stanzas."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from packages_app.core.at_once import at_once
from packages_app.core.caution import with_cautions
from packages_app.core.conflict import conflict_between
from packages_app.core.errors import RepomgrError, RepositoryRefused
from packages_app.core.layout import deb_filename, pool_path
from packages_app.core.record import PackageRecord, package_named
from packages_app.debian.deb_file import open_deb
from packages_app.services import adapters
from packages_app.services.intake.cautions import content_cautions
from packages_app.services.intake.store_and_record import CheckedFile
from packages_app.services.takeover.adoption_request import WAY, WHO, AdoptionRequest

_FETCHERS = 4


@contextmanager
def fetched(request: AdoptionRequest, records: Sequence[PackageRecord]) -> Iterator[list[CheckedFile | RepomgrError]]:
    """Fetch the files of records, four at once, for the block; return what became of each, in order.

    That is the file with its record, which has its whole control paragraph, all hashes, its place in our pool and the
    cautions of its content then, or the error that says why it is not taken.
    """
    with tempfile.TemporaryDirectory(prefix="repomgr-adopt-files-") as folder:
        paths = [Path(folder) / f"{number}.deb" for number in range(len(records))]
        each = zip(records, paths, strict=True)
        yield at_once([partial(_fetched_or_error, request, record, path) for record, path in each], _FETCHERS)


def _fetched_or_error(request: AdoptionRequest, record: PackageRecord, path: Path) -> CheckedFile | RepomgrError:
    try:
        return _fetched(request, record, path)
    except RepomgrError as error:
        return error


def _fetched(request: AdoptionRequest, record: PackageRecord, path: Path) -> CheckedFile:
    filename = record.pool_path
    checksums = request.repository.fetch(filename, path, limit_bytes=(record.file_size or 0) + 1)
    if checksums is None:
        raise _refused(f"{filename} is not there")
    if conflict_between(record.file_identity, checksums.file_identity):
        raise _refused(f"{filename} has {checksums.file_identity}, its stanza says {record.file_identity}")
    contents = open_deb(path)
    control = contents.control
    found = (control["Package"], control["Version"], control["Architecture"])
    if found != (record.package_name, record.version, record.architecture):
        raise _refused(f"{filename} is {package_named(*found)}, its stanza says otherwise")
    name = deb_filename(*found)
    # No jump of versions among them: that they come all at once is no history of ours.
    cautions = content_cautions(path, contents, adapters.definitions().by_package.get(record.package_name))
    complete = replace(
        record,
        control=contents.control_text,
        pool_path=pool_path(record.component, record.package_name, name, record.build),
        actual_filename=name,
        deb_url=request.repository.url_of(filename),
        md5_hash=checksums.md5,
        sha1_hash=checksums.sha1,
        sha512_hash=checksums.sha512,
    )
    return CheckedFile(record.named, with_cautions(complete, cautions, request.allow), path, WHO, WAY)


def _refused(what: str) -> RepositoryRefused:
    return RepositoryRefused(
        f"{what[0].upper()}{what[1:]}.",
        remedy="Correct the repository, then run the command again; --skip-broken leaves the package out.",
    )
