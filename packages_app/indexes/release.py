"""The Release file: rendered from plain values, and read back (DebianRepository/Format, "Release" files)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from packages_app.core.errors import CandidateRefused
from packages_app.core.repository import Repository, Suite

IDENTITY_FIELDS = ("Origin", "Label", "Suite", "Codename")
"""What clients pin and confirm; apt asks before it accepts a change of one (apt-secure(8))."""

_HASH_FIELDS = ("MD5Sum", "SHA1", "SHA256")
_BLANKS = re.compile("[ \t]+")
_DATE = "%a, %d %b %Y %H:%M:%S UTC"
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class ReleaseEntry:
    """One index as Release names it: size in bytes and lower-case hex hashes."""

    size: int
    md5: str
    sha1: str
    sha256: str


@dataclass(frozen=True)
class Release:
    """A Release file taken apart: its plain fields, and its indexes by name."""

    fields: Mapping[str, str]
    entries: Mapping[str, ReleaseEntry]

    @property
    def date(self) -> datetime:
        """When it was made (UTC)."""
        return parse_date(self.fields["Date"])

    @property
    def valid_until(self) -> datetime:
        """When clients stop trusting it (UTC)."""
        return parse_date(self.fields["Valid-Until"])

    @property
    def names_by_hash(self) -> bool:
        """Say whether clients may ask for its indexes by hash."""
        return self.fields.get("Acquire-By-Hash", "").lower() == "yes"


def release_date(moment: datetime) -> str:
    """Return a date as Release writes it, in UTC, in English whatever the locale."""
    utc = moment.astimezone(UTC)
    return f"{_DAYS[utc.weekday()]}, {utc.day:02d} {_MONTHS[utc.month - 1]} {utc:%Y %H:%M:%S} UTC"


def parse_date(text: str) -> datetime:
    """Read a date of Release; raise ValueError."""
    return datetime.strptime(text, _DATE).replace(tzinfo=UTC)


def render_release(repository: Repository, suite: Suite, entries: Mapping[str, ReleaseEntry], date: datetime) -> bytes:
    """Return the Release file's bytes, with its indexes by their names. SHA256 is the strongest hash listed.

    apt asks by-hash for the strongest.
    """
    fields = {
        "Origin": repository.origin,
        "Label": repository.label,
        "Suite": suite.name,
        "Codename": suite.codename,
        "Version": suite.version,
        "Date": release_date(date),
        "Valid-Until": release_date(date + suite.valid_for),
        "Acquire-By-Hash": "yes",
        "Architectures": " ".join(sorted(suite.architectures)),
        "Components": " ".join(suite.components),
        "Description": suite.description,
        **suite.fields.named(),
    }
    if repository.snapshots_address:
        fields["Snapshots"] = repository.snapshots_address
    lines = [f"{name}: {value}" for name, value in fields.items()]
    for field_name in _HASH_FIELDS:
        lines.append(f"{field_name}:")
        lines += [f" {_digest(entries[name], field_name)} {entries[name].size} {name}" for name in sorted(entries)]
    return ("\n".join(lines) + "\n").encode()


def redated(text: bytes, date: datetime, valid_for: timedelta) -> bytes:
    """Return a Release of ours with other dates and all else as it is."""
    dates = {b"Date": release_date(date).encode(), b"Valid-Until": release_date(date + valid_for).encode()}
    lines = []
    for line in text.split(b"\n"):
        name, colon, _ = line.partition(b":")
        lines.append(name + b": " + dates[name] if colon and name in dates else line)
    return b"\n".join(lines)


def _digest(entry: ReleaseEntry, field_name: str) -> str:
    return {"MD5Sum": entry.md5, "SHA1": entry.sha1, "SHA256": entry.sha256}[field_name]


def _size(text: str) -> int:
    if not text.isascii() or not text.isdigit():  # int() takes -1, 1_000 and digits of other scripts
        raise ValueError(f"{text[:20]!r} is no size")
    return int(text)


def read_loosely(text: bytes) -> Release | None:
    """Return what a Release says that may be another tool's, or damaged; None for a text that is none.

    It may lack any field; its Date is written as ours is, and left out where it makes no sense. Of an entry, SHA256 and
    size are there.
    """
    try:
        return parse_release(text)
    except CandidateRefused:
        pass
    fields: dict[str, str] = {}
    entries: dict[str, ReleaseEntry] = {}
    name = ""
    for line in text.decode("utf-8", "replace").split("\n"):
        if line.startswith((" ", "\t")):
            digest, size, index = (*line.split(), "", "", "")[:3]
            if name == "SHA256" and index and size.isascii() and size.isdigit():
                entries[index.removeprefix("./")] = ReleaseEntry(int(size[:18]), "", "", digest.lower())
            continue
        name, _, value = line.partition(":")
        fields[name] = value.strip()
    try:
        fields["Date"] = release_date(parsedate_to_datetime(fields["Date"].replace("UTC", "+0000")))
    except (KeyError, ValueError, OverflowError):
        fields.pop("Date", None)
    return Release(fields, entries) if entries or "Date" in fields else None


def parse_release(text: bytes, *, expires: bool = True) -> Release:
    """Take a Release file apart; raise `CandidateRefused` for one that lacks a field that we always write.

    That of a snapshot never `expires`.
    """
    fields: dict[str, str] = {}
    hashes: dict[str, dict[str, tuple[str, int]]] = {name: {} for name in _HASH_FIELDS}
    try:
        name = ""
        for line in text.decode().removesuffix("\n").split("\n"):
            if line.startswith(" "):
                digest, size, index_name = _BLANKS.split(line.strip(" \t"))
                hashes[name][index_name] = (digest, _size(size))
                continue
            name, _, value = line.partition(":")
            fields[name] = value.strip(" \t")
        entries = {
            index_name: ReleaseEntry(size, hashes["MD5Sum"][index_name][0], hashes["SHA1"][index_name][0], sha256)
            for index_name, (sha256, size) in hashes["SHA256"].items()
        }
        parse_date(fields["Date"])
        if expires:
            parse_date(fields["Valid-Until"])
    except (ValueError, KeyError, UnicodeDecodeError) as error:
        raise CandidateRefused(
            f"A Release file can't be read back: {error!r}.", remedy="Run force_rebuild to make it anew."
        ) from error
    return Release(fields, entries)
