"""A stanza of an existing repository made into a record (docs/REQUIREMENTS.md R1)."""

from __future__ import annotations

import re
from collections.abc import Callable

from packages_app.core.definition import PACKAGE_NAME
from packages_app.core.errors import InvalidVersion, RepositoryRefused
from packages_app.core.record import ADOPTED, PackageRecord
from packages_app.core.version import parse_version
from packages_app.debian.stanza import parsed_stanza, record_fields_of

_SHA256 = re.compile(r"[0-9a-fA-F]{64}\Z")
_ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9-]*\Z")


def record_of_stanza(
    stanza: bytes, component: str, suite: str, processed: str, place_of: Callable[[str, str, str, str], tuple[str, str]]
) -> PackageRecord:
    """Make a record of what a stanza says.

    `place_of` returns the record's `pool_path` and `deb_url`; it is given the stanza's Filename, without `./` in front,
    the name, the version and the architecture. Hashes that the stanza does not list stay "". Raise `RepositoryRefused`
    for one that no index may carry, and what `place_of` raises.
    """
    text = stanza.decode("utf-8", "replace")
    said, control = parsed_stanza(text)
    if not said:
        raise RepositoryRefused(f"{text[:60]!r} is no stanza.", remedy="Have the repository published again.")
    flat = record_fields_of(said)
    name, version, architecture = flat["package_name"], flat["version"], flat["architecture"]
    filename, size, sha256 = said.get("filename", ""), said.get("size", ""), said.get("sha256", "")
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
    path, url = place_of(filename.removeprefix("./"), name, version, architecture)
    return PackageRecord(
        **flat,
        package_type=ADOPTED,
        component=component,
        suites=(suite,),
        actual_filename=filename.rpartition("/")[2],
        pool_path=path,
        deb_url=url,
        file_size=int(size),
        md5_hash=said.get("md5sum", "").lower(),
        sha1_hash=said.get("sha1", "").lower(),
        sha256_hash=sha256.lower(),
        sha512_hash=said.get("sha512", "").lower(),
        processed_timestamp=processed,
        control=control,
    )


def _is_version(text: str) -> bool:
    try:
        parse_version(text)
    except InvalidVersion:
        return False
    return True
