"""Checksum files beside a download: `NAME.sha256`, and lists such as `SHA256SUMS` or `checksums.txt`."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass

from packages_app.core.errors import UpstreamError

_OWN_ENDINGS = (".sha256", ".sha256sum", ".sha256.txt", ".sha256sum.txt")
_LIST_NAME = re.compile(
    r"(?:.*[._-])?(?:sha256(?:sums?)?|shasums?256|shasums?|checksums?|hash(?:es)?)(?:[._-][a-z0-9]+)*\Z", re.IGNORECASE
)
_NO_LIST = re.compile(
    r"\.(asc|sig|gpg|pem|crt|cert|minisig|sigstore|json|jsonl|bundle|md5|sha1|sha512|deb|zip|gz|xz)\Z", re.IGNORECASE
)
_HEX = r"[0-9A-Fa-f]"
_DIGEST = re.compile(
    rf"(?<!{_HEX})({_HEX}{{32}}|{_HEX}{{40}}|{_HEX}{{56}}|{_HEX}{{64}}|{_HEX}{{96}}|{_HEX}{{128}})(?!{_HEX})"
)
"""Of MD5, SHA1, SHA224, SHA256, SHA384 or SHA512."""
_OF_SHA256 = 64
_LABEL = re.compile(r"(?:sha2?-?256|sha256sum)[ \t]*[:=(]", re.IGNORECASE)
_AROUND_A_NAME = " \t*\\:=()|`\"',;"


@dataclass(frozen=True)
class Announced:
    """A SHA-256 (lower-case hex) of a file, and who says so."""

    sha256: str
    by: str


class ChecksumFiles:
    """The files of a release that may hold checksums of others: each file's own, and lists."""

    def __init__(self, names: Iterable[str]) -> None:
        every = list(names)
        owners = {_rewritten(name + ending): name for name in every for ending in _OWN_ENDINGS}
        self._own: dict[str, list[str]] = {}
        self._lists: list[str] = []
        for name in every:
            if (owner := owners.get(_rewritten(name))) is not None and owner != name:
                self._own.setdefault(_rewritten(owner), []).append(name)
            elif _LIST_NAME.match(name) is not None and _NO_LIST.search(name) is None:
                self._lists.append(name)

    def of(self, file: str) -> frozenset[str]:
        """Return the names of those that may hold a checksum of a file."""
        return frozenset(self._own.get(_rewritten(file), ())).union(self._lists) - {file}


def is_own_checksum_file(name: str, file: str) -> bool:
    """Return whether the asset `name` is there for `file` alone."""
    return any(_rewritten(name) == _rewritten(file + ending) for ending in _OWN_ENDINGS)


def announced_in(body: bytes, name: str, file: str) -> tuple[Announced, ...]:
    """Return what the checksum file `name` says about `file`; empty when a list says nothing of it.

    A line holds a checksum and a name, in either order: as coreutils and BSD write them, `NAME: HASH`,
    `sha256:HASH  NAME`. A binary mark and a folder before the name are dropped, and names are compared as GitHub
    rewrites them. Raise `UpstreamError` when the file's own checksum file holds no SHA256 of it, and for a list in
    which no line holds a checksum of any kind: nobody can tell what it says.
    """
    read = [entry for line in _text_of(body).splitlines() if (entry := _entry(line))]
    own = is_own_checksum_file(name, file)
    if not read and not own:
        raise UpstreamError(
            f"{name} is no list of checksums that is understood: it begins with {body[:40]!r}.",
            remedy="Ask upstream for lines as sha256sum writes them; nothing was taken in.",
        )
    lines = [entry for entry in read if len(entry[0]) == _OF_SHA256]
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
    """Return (checksum, name or "") of a line; None for a line that holds none."""
    found = list(_DIGEST.finditer(line))
    # The name may hold one, too, such as a commit's: SHA256 before others, then what stands first or last.
    likely = [digest for digest in found if len(digest[0]) == _OF_SHA256] or found
    if not likely:
        return None
    digest = likely[-1] if line.rstrip().endswith(likely[-1][0]) else likely[0]
    before = _LABEL.sub("", line[: digest.start()]).strip(_AROUND_A_NAME)
    return digest[0].lower(), f"{before} {line[digest.end() :].strip(_AROUND_A_NAME)}".strip()


def _text_of(body: bytes) -> str:
    """Return the text of a file, in UTF-8 or, where a byte order mark says so, UTF-16."""
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body.decode("utf-16", "replace")
    return body.decode("utf-8-sig", "replace")


def _rewritten(name: str) -> str:
    """Return a name as GitHub makes it when an asset is uploaded.

    GitHub "renames asset filenames that have special characters, non-alphanumeric characters, and leading or trailing
    periods" (REST API, "Upload a release asset"), a run of them to one period. Whether `+` and `@` stay depends on
    the way of the upload, so that both sides drop them here.
    """
    return re.sub(r"[^A-Za-z0-9_-]+", ".", name).strip(".")
