"""A stanza of an existing repository made into a record (docs/REQUIREMENTS.md R1)."""

from __future__ import annotations

import re

from packages_app.core.definition import PACKAGE_NAME
from packages_app.core.errors import InvalidVersion, RepositoryRefused
from packages_app.core.record import ADOPTED, PackageRecord
from packages_app.core.version import parse_version
from packages_app.debian.stanza import parsed_stanza, record_fields_of

_SHA256 = re.compile(r"[0-9a-fA-F]{64}\Z")
_ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9-]*\Z")


def record_of_stanza(stanza: bytes, component: str, suite: str, processed: str) -> PackageRecord:
    """Make a record of what a stanza says; `pool_path` is its Filename, as it stands there.

    Hashes that it does not list stay "". Raise `RepositoryRefused` for a stanza that no index may carry.
    """
    text = stanza.decode("utf-8", "replace")
    fields, control = parsed_stanza(text)
    if not fields:
        raise RepositoryRefused(f"{text[:60]!r} is no stanza.", remedy="Have the repository published again.")
    flat = record_fields_of(fields)
    name, version, architecture = flat["package_name"], flat["version"], flat["architecture"]
    filename, size, sha256 = (fields.get(field, "") for field in ("Filename", "Size", "SHA256"))
    faults = [
        field
        for field, sound in (
            ("Package", PACKAGE_NAME.match(name)),
            ("Version", _is_version(version)),
            ("Architecture", _ARCHITECTURE.match(architecture)),
            ("Filename", filename),
            ("Size", size.isascii() and size.isdigit()),
            ("SHA256", _SHA256.match(sha256)),
        )
        if not sound
    ]
    if faults:
        raise RepositoryRefused(
            f"The stanza of {name or 'no package'} {version} lacks a sound {', '.join(faults)}.",
            remedy="Have the repository's tool write it anew, or leave the package out.",
        )
    return PackageRecord(
        **flat,
        package_type=ADOPTED,
        component=component,
        suites=(suite,),
        actual_filename=filename.rpartition("/")[2],
        pool_path=filename.removeprefix("./"),
        file_size=int(size),
        md5_hash=fields.get("MD5sum", "").lower(),
        sha1_hash=fields.get("SHA1", "").lower(),
        sha256_hash=sha256.lower(),
        sha512_hash=fields.get("SHA512", "").lower(),
        processed_timestamp=processed,
        control=control,
    )


def _is_version(text: str) -> bool:
    try:
        parse_version(text)
    except InvalidVersion:
        return False
    return True
