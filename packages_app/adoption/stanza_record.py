"""A stanza of an existing repository made into a record (docs/REQUIREMENTS.md R1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from packages_app.adoption.existing_repository import checked_path
from packages_app.core.builds import is_build
from packages_app.core.caution import flag_cautions, kept_with_record
from packages_app.core.errors import RepositoryRefused
from packages_app.core.record import ADOPTED, PackageRecord
from packages_app.debian.control import stanza_faults
from packages_app.debian.stanza import BUILD_FIELD, parsed_stanza, record_fields_of

_LONGEST_PATH = 800
"""In characters: an object's key has at most 1,024 bytes (S3 user guide), and ours may have a prefix."""
_OF_A_FILE = (
    ("Size", re.compile(r"[0-9]{1,15}\Z"), True),
    ("SHA256", re.compile(r"[0-9a-fA-F]{64}\Z"), True),
    ("SHA1", re.compile(r"[0-9a-fA-F]{40}\Z"), False),
    ("SHA512", re.compile(r"[0-9a-fA-F]{128}\Z"), False),
    ("MD5sum", re.compile(r"[0-9a-fA-F]{32}\Z"), False),
)
"""What an index says of a file: the field, its values, and whether it must be there."""
_REMEDY = "Have the repository's tool write it anew, or leave the package out."


def record_of_stanza(
    stanza: bytes,
    component: str,
    suite: str,
    processed: str,
    place_of: Callable[[str, str, str, str, str], tuple[str, str]],
    builds: Mapping[str, str] | None = None,
) -> PackageRecord:
    """Make a record of what a stanza says.

    `place_of` returns the record's `pool_path` and `deb_url`; it is given the stanza's Filename, without `./` in front,
    the name, the version, the architecture and the build, "" for none: that which the stanza says, or `builds` by the
    name of the package. Hashes that the stanza does not list stay "". The record keeps the
    cautions that the stanza gives rise to. Raise `RepositoryRefused` for one that no index may carry, and what
    `place_of` raises.
    """
    text = stanza.decode("utf-8", "replace")
    said, control = parsed_stanza(text)
    if not said:
        raise RepositoryRefused(f"{text[:60]!r} is no stanza.", remedy="Have the repository published again.")
    flat = record_fields_of(said)
    name, version, architecture = flat["package_name"], flat["version"], flat["architecture"]
    named = f"The stanza of {name[:80] or 'no package'} {version[:80]}"
    lacking = [field for field, values, must in _OF_A_FILE if not _is_sound(said.get(field.lower(), ""), values, must)]
    if lacking:
        raise RepositoryRefused(f"{named} lacks a sound {', '.join(lacking)}.", remedy=_REMEDY)
    for fault in stanza_faults(text, said):
        raise RepositoryRefused(f"{named} is none that clients read. {fault}", remedy=_REMEDY)
    filename = _file_of(said, named)
    build = said.get(BUILD_FIELD.lower(), "")
    build = build if is_build(build) else (builds or {}).get(name, "")
    path, url = place_of(filename, name, version, architecture, build)
    return PackageRecord(
        **flat,
        package_type=ADOPTED,
        component=component,
        suites=(suite,),
        actual_filename=filename.rpartition("/")[2],
        pool_path=path,
        deb_url=url,
        file_size=int(said["size"]),
        md5_hash=said.get("md5sum", "").lower(),
        sha1_hash=said.get("sha1", "").lower(),
        sha256_hash=said["sha256"].lower(),
        sha512_hash=said.get("sha512", "").lower(),
        processed_timestamp=processed,
        control=control,
        other_fields=kept_with_record(flag_cautions(said)),
        build=build,
    )


def _is_sound(value: str, values: re.Pattern[str], must: bool) -> bool:
    return bool(values.match(value)) if value else not must


def _file_of(said: dict[str, str], named: str) -> str:
    """Return a stanza's Filename without `./` in front; raise `RepositoryRefused` for what is no path below a root."""
    filename = said.get("filename", "")
    # dpkg and apt would take the second word for something else.
    if not filename or " " in filename or len(filename) > _LONGEST_PATH:
        raise RepositoryRefused(f"{named} lacks a sound Filename: {filename[:80]!r}.", remedy=_REMEDY)
    return checked_path(filename)
