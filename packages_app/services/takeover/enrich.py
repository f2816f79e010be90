"""Filling in what an older record lacks, from its package in the pool: the whole control paragraph, and hashes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from packages_app.core.caution import with_cautions
from packages_app.core.checksums import checksums_of_file
from packages_app.core.conflict import conflict_between
from packages_app.core.errors import InvalidDeb, ObjectNotFound
from packages_app.core.ports import ObjectStore
from packages_app.core.record import PackageRecord
from packages_app.debian.deb_file import open_deb
from packages_app.debian.stanza import record_fields_of
from packages_app.services import adapters
from packages_app.services.intake.cautions import content_cautions


def enriched(record: PackageRecord, bucket: ObjectStore) -> tuple[PackageRecord, str]:
    """Return the record with what its `.deb` in the pool says, and ""; or the record as it is, and why.

    The file is opened once, and the record keeps the cautions of its content. What the record says of it (SHA256, size,
    name, version, architecture) must fit.
    """
    definition = adapters.definitions().by_package.get(record.package_name)
    try:
        with bucket.as_local_file(record.pool_path) as path:
            checksums = checksums_of_file(path)
            contents = open_deb(path)
            cautions = content_cautions(path, contents, definition)
    except ObjectNotFound:
        return record, f"{record.pool_path} is not in the pool"
    except InvalidDeb as error:
        return record, f"{record.pool_path} is no sound package: {error.message}"
    if conflict_between(record.file_identity, checksums.file_identity):
        return record, f"{record.pool_path} has {checksums.file_identity}, the record says {record.file_identity}"
    said: dict[str, Any] = record_fields_of(contents.control)
    for name in ("package_name", "version", "architecture"):
        if said[name] != getattr(record, name):
            return record, f"{record.pool_path} has the {name} {said[name]}, the record {getattr(record, name)}"
    complete = replace(
        record,
        **{name: value for name, value in said.items() if value},
        control=contents.control_text,
        file_size=checksums.size,
        md5_hash=checksums.md5,
        sha1_hash=checksums.sha1,
        sha256_hash=checksums.sha256,
        sha512_hash=checksums.sha512,
    )
    return with_cautions(complete, cautions), ""
