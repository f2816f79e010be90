"""Debian versions: syntax, order, and a string key that sorts as `dpkg --compare-versions` does (deb-version(7))."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from packages_app.core.errors import InvalidVersion

_EPOCH = re.compile(r"[0-9]+\Z")  # dpkg and apt pass over zeros, however many
_UPSTREAM = re.compile(r"[0-9A-Za-z][A-Za-z0-9.+~:-]*\Z")
_REVISION = re.compile(r"[A-Za-z0-9.+~]+\Z")
_NUMBER = re.compile(r"([0-9]+)")
# dpkg keeps the epoch in an int and refuses a larger one.
_EPOCH_MAX = 2**31 - 1
LONGEST_VERSION = 256

# In a run of non-digits dpkg sorts `~` before the run's end, the end before letters, letters before all else, each
# by its ASCII code. These characters stand in that order and sort so as plain bytes.
_TILDE, _END = "#", "$"
_ORDER = str.maketrans({"~": _TILDE, "+": "{", "-": "|", ".": "}", ":": "~"})
# One digit that counts the digits of a number, so that longer numbers sort after shorter ones.
_LENGTHS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxy"
_LONGER = "z"


@dataclass(frozen=True)
class DebianVersion:
    """A version taken apart: `epoch` (0 when not written), `upstream`, `revision` ("" when not written)."""

    epoch: int
    upstream: str
    revision: str


def parse_version(text: str) -> DebianVersion:
    """Take a version apart as deb-version(7) says.

    Raise `InvalidVersion` for what dpkg refuses, and for a version of over 256 characters. An upstream part that
    begins with a letter is taken, as dpkg takes it with a warning only.
    """
    epoch_text, colon, rest = text.partition(":")
    if not colon:
        epoch_text, rest = "0", text
    upstream, hyphen, revision = rest.rpartition("-")
    if not hyphen:
        upstream, revision = rest, ""
    sound = (
        len(text) <= LONGEST_VERSION
        and _EPOCH.match(epoch_text)
        and int(epoch_text) <= _EPOCH_MAX
        and _UPSTREAM.match(upstream)
        and (not hyphen or _REVISION.match(revision))
    )
    if not sound:
        raise InvalidVersion(
            f"{text[:80]!r} is not a Debian version.",
            remedy="Use [epoch:]upstream[-revision] of letters, digits and . + ~ -, as deb-version(7) says.",
        )
    return DebianVersion(int(epoch_text), upstream, revision)


def is_version(text: str) -> bool:
    """Return whether a text is a Debian version."""
    try:
        version_key(text)  # which is asked for next, and known then
    except InvalidVersion:
        return False
    return True


def is_strict_version(text: str) -> bool:
    """Return whether dpkg unpacks a package of this version, and reads a relation to it.

    That is what `parse_version` takes, less those that begin with a letter: dpkg forgives them in its own records only.
    """
    try:
        return "0" <= parse_version(text).upstream[0] <= "9"
    except InvalidVersion:
        return False


def _number_key(digits: str) -> str:
    digits = digits.lstrip("0")
    longer, rest = divmod(len(digits), len(_LENGTHS))
    return _LONGER * longer + _LENGTHS[rest] + digits


def _run_key(run: str) -> str:
    return run.translate(_ORDER) + _END


@lru_cache(maxsize=4096)  # revisions and short versions are the same few again and again
def _part_key(part: str) -> str:
    # dpkg holds an empty part and one of zeros equal.
    *pieces, last = _NUMBER.split(part or "0")  # a run of non-digits and a number in turn, the last a run
    pieces[0::2] = map(_run_key, pieces[0::2])
    pieces[1::2] = map(_number_key, pieces[1::2])
    if last:
        pieces += (_run_key(last), _number_key(""))
    return "".join(pieces) + _END


@lru_cache(maxsize=4096)  # of one version the table asks, then the mirror, then its index
def version_key(text: str) -> str:
    """Return a printable ASCII string whose byte order is dpkg's version order.

    Two versions that dpkg holds equal (`1.0` and `1.0-0`) have equal keys. Compare bytewise: a database column that
    holds it needs the "C" collation. Raise `InvalidVersion`.
    """
    version = parse_version(text)
    return _number_key(str(version.epoch)) + _part_key(version.upstream) + _part_key(version.revision)


def without_epoch(text: str) -> str:
    """Return the version as file names carry it: `1:2.0-1` becomes `2.0-1` (Debian Policy 5.6.12)."""
    return text.partition(":")[2] if ":" in text else text
