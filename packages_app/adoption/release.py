"""The Release of an existing repository, verified, whichever tool has written it (DebianRepository/Format)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from packages_app.adoption.existing_repository import ExistingRepository
from packages_app.core.errors import RepositoryRefused
from packages_app.signing.openpgp import verified_text
from packages_app.signing.unproven import unproven_text

_RELEASE_LIMIT = 32 * 1024 * 1024
_ENTRY = re.compile(r" ([0-9a-fA-F]{64})[ \t]+([0-9]{1,15})[ \t]+([^ \t]+)\Z")
_MESSAGE, _SIGNATURE = b"-----BEGIN PGP SIGNED MESSAGE-----", b"-----BEGIN PGP SIGNATURE-----"
_END = b"-----END PGP SIGNATURE-----"
_BLANKS = " \t\r"
_DATES = ("date", "valid-until")


@dataclass(frozen=True)
class Entry:
    """One index as Release lists it: size in bytes, lower-case hex SHA256."""

    size: int
    sha256: str


@dataclass(frozen=True)
class ExistingRelease:
    """What a suite's Release says: `folder` is where it lies (`dists/stable`, or "" of a flat repository)."""

    folder: str
    fields: Mapping[str, str]
    entries: Mapping[str, Entry] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Return what is another once anything but its dates is: hex SHA256 of fields and entries."""
        said = sorted(f"{name}: {value}" for name, value in self.fields.items() if name not in _DATES)
        listed = sorted(f"{name} {entry.size} {entry.sha256}" for name, entry in self.entries.items())
        return hashlib.sha256("\n".join([*said, *listed]).encode()).hexdigest()

    def path_of(self, name: str) -> str:
        """Return the path of an index below the repository's root."""
        return f"{self.folder}/{name}" if self.folder else name


def read_release(repository: ExistingRepository, folder: str, keyring: bytes | None) -> ExistingRelease:
    """Read InRelease, or Release with Release.gpg, and verify it; without a keyring signatures are not looked at.

    Raise `RepositoryRefused`: not there, a signature that is not good, no SHA256 of the indexes.
    """
    where = folder or "the root"
    prefix = f"{folder}/" if folder else ""
    signed = repository.read(f"{prefix}InRelease", limit_bytes=_RELEASE_LIMIT)
    if signed is not None:
        _check_framing(signed, where, must_be_signed=keyring is not None)
        text = (unproven_text(signed) or signed) if keyring is None else verified_text(signed, keyring)
    else:
        text = repository.read(f"{prefix}Release", limit_bytes=_RELEASE_LIMIT)
        if text is None:
            raise RepositoryRefused(
                f"There is neither InRelease nor Release in {where}.", remedy="Check the address and the suite's name."
            )
        if keyring is not None:
            signature = repository.read(f"{prefix}Release.gpg", limit_bytes=_RELEASE_LIMIT)
            text = verified_text(text, keyring, signature=signature) if signature else None
    if text is None:
        raise RepositoryRefused(
            f"The Release in {where} has no good signature of a key in the keyring.",
            remedy="Give the repository's own keyring: --keyring FILE. Nothing was read of it.",
        )
    return parse_existing_release(folder, text)


def parse_existing_release(folder: str, text: bytes) -> ExistingRelease:
    """Take a Release apart; raise `RepositoryRefused` for one without SHA256 sums."""
    fields: dict[str, str] = {}
    entries: dict[str, Entry] = {}
    name = ""
    for line in text.decode("utf-8", "replace").split("\n"):
        if line[:1] in (" ", "\t"):
            found = _ENTRY.match(" " + line.strip(_BLANKS)) if name == "sha256" else None
            if found:
                entries[found[3].removeprefix("./")] = Entry(int(found[2]), found[1].lower())
            continue
        name, _, value = line.partition(":")
        name = name.lower()
        fields[name] = value.strip(_BLANKS)
    if not entries:
        raise RepositoryRefused(
            f"The Release in {folder or 'the root'} lists no index with a SHA256.",
            remedy="Have its tool write SHA256 sums: MD5 and SHA1 prove nothing.",
        )
    return ExistingRelease(folder, fields, entries)


def _check_framing(signed: bytes, where: str, *, must_be_signed: bool) -> None:
    """Refuse an InRelease with anything before, between or behind the message and its signatures, as apt does.

    A reader that takes such text for part of the message, or passes it over, sees another Release than apt.
    """
    lines = [line.rstrip(b" \t\r") for line in signed.removesuffix(b"\n").split(b"\n")]
    if not _is_one_message(lines) and (must_be_signed or _MESSAGE in lines):
        raise RepositoryRefused(
            f"The InRelease in {where} holds more or less than one signed message, and apt reads none of it.",
            remedy="Have its tool write it anew; text before or behind the signed part is nobody's.",
        )


def _is_one_message(lines: Sequence[bytes]) -> bool:
    """Return whether lines are a signed message from the first to the last (apt's `SplitClearSignedFile`)."""
    if lines[0] != _MESSAGE or _SIGNATURE not in lines:
        return False
    signature = lines.index(_SIGNATURE)
    if any(line.startswith(b"-") and not line.startswith(b"- ") for line in lines[1:signature]):
        return False
    within = False
    for line in lines[signature:]:
        if not within and line != _SIGNATURE:
            return False
        if within and line.startswith(b"-") and line != _END:
            return False
        within = line != _END
    return not within
