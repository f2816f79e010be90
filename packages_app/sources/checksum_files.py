"""Checksum files beside a download: `NAME.sha256`, and lists such as `SHA256SUMS` or `checksums.txt`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from packages_app.core.errors import UpstreamError

_OWN_ENDINGS = (".sha256", ".sha256sum", ".sha256.txt", ".sha256sum.txt")
_LIST_NAME = re.compile(r"(?:.*[._-])?(?:sha256(?:sums?)?|checksums?)(?:[._-][a-z0-9]+)*\Z", re.IGNORECASE)
_NO_LIST = re.compile(
    r"\.(asc|sig|gpg|pem|crt|cert|minisig|sigstore|json|jsonl|bundle|md5|sha1|sha512|deb|zip|gz|xz)\Z", re.IGNORECASE
)
_COREUTILS = re.compile(r"\\?(?:sha256:)?([0-9A-Fa-f]{64})(?:[ \t]+\*?(\S.*))?\Z")
_BSD = re.compile(r"SHA2?-?256 ?\((.+)\) ?= ?([0-9A-Fa-f]{64})\Z")


@dataclass(frozen=True)
class Announced:
    """A SHA-256 (lower-case hex) of a file, and who says so."""

    sha256: str
    by: str


def is_checksum_file_of(name: str, file: str, others: Iterable[str]) -> bool:
    """Return whether the asset `name` may hold a checksum of `file`, of a release with the files `others`."""
    if is_own_checksum_file(name, file):
        return True
    if any(is_own_checksum_file(name, other) for other in others):
        return False
    return _LIST_NAME.match(name) is not None and _NO_LIST.search(name) is None


def is_own_checksum_file(name: str, file: str) -> bool:
    """Return whether the asset `name` is there for `file` alone."""
    return any(_rewritten(name) == _rewritten(file + ending) for ending in _OWN_ENDINGS)


def announced_in(body: bytes, name: str, file: str) -> tuple[Announced, ...]:
    """Return what the checksum file `name` says about `file`; empty when a list says nothing of it.

    Lines of coreutils and of BSD are read, a binary mark and a folder before the name are dropped, and names are
    compared as GitHub rewrites them. Raise `UpstreamError` when the file's own checksum file holds none.
    """
    lines = [entry for line in body.decode("utf-8-sig", "replace").splitlines() if (entry := _entry(line.strip()))]
    own = is_own_checksum_file(name, file)
    named = [(sha256, entry.replace("\\", "/").rpartition("/")[2]) for sha256, entry in lines]
    exact = [sha256 for sha256, entry in named if entry == file]
    found = exact or [sha256 for sha256, entry in named if entry and _rewritten(entry) == _rewritten(file)]
    if own and not found and len(lines) == 1:
        found = [lines[0][0]]  # a bare hash, or the name that the file had where it was built
    if own and not found:
        raise UpstreamError(
            f"{name} holds no SHA256 of {file}.",
            remedy="Ask upstream for a checksum file that names it; nothing was taken in.",
        )
    return tuple(Announced(sha256, name) for sha256 in sorted(set(found)))


def plain_sha256(text: str) -> str:
    """Return a SHA-256 as vendors write it (`sha256:` before it, upper case, blanks around) as lower-case hex."""
    return text.strip().lower().removeprefix("sha256:").strip()


def agreed(file: str, announced: Iterable[Announced]) -> Announced | None:
    """Return the one SHA-256 that all announce, with their names; None where nobody announces any.

    Raise `UpstreamError` that names both where two disagree.
    """
    found = list(announced)
    if not found:
        return None
    first = found[0]
    for each in found:
        if each.sha256 != first.sha256:
            raise UpstreamError(
                f"{file} has SHA256 {first.sha256} by {first.by}, and {each.sha256} by {each.by}.",
                remedy="Ask upstream which one is right; nothing was taken in.",
            )
    return Announced(first.sha256, ", ".join(each.by for each in found))


def _entry(line: str) -> tuple[str, str] | None:
    """Return (SHA-256, name or "") of a line; None for a line that is no checksum."""
    if found := _COREUTILS.match(line):
        return found[1].lower(), (found[2] or "").strip()
    if found := _BSD.match(line):
        return found[2].lower(), found[1].strip()
    return None


def _rewritten(name: str) -> str:
    """Return a name as GitHub makes it when an asset is uploaded.

    GitHub "renames asset filenames that have special characters, non-alphanumeric characters, and leading or trailing
    periods" (REST API, "Upload a release asset"), a run of them to one period. Whether `+` and `@` stay depends on
    the way of the upload, so that both sides drop them here.
    """
    return re.sub(r"[^A-Za-z0-9_-]+", ".", name).strip(".")
