"""What about a package needs a person's word before clients get it: looked at where its file is open."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from packages_app.core.caution import Caution
from packages_app.core.definition import Definition
from packages_app.core.errors import RepomgrError
from packages_app.core.version import DebianVersion, parse_version
from packages_app.debian.bootstrap import bootstrap_scripts
from packages_app.debian.bootstrap_check import SCRIPTS, Expected, bootstrap_cautions
from packages_app.debian.deb_file import DebContents
from packages_app.debian.payload import Payload, UnpackedFile, read_payload
from packages_app.services import adapters
from packages_app.services.intake.bootstrap_values import bootstrap_values, templates_of
from packages_app.signing.openpgp import verified_text

_FLAGS = ("Essential", "Important", "Protected")
_SETUID = 0o6000
_SAMPLE = b"Origin: sample\n"
_DIVERTS = re.compile(rb"\bdpkg-divert\b")
# A mode of four digits that begins with the setuid bit, or s given to the user; setgid alone is mostly a folder's.
_SETCAP = re.compile(rb"\bsetcap\b")
_CHMOD = re.compile(rb"\bchmod\b")
_COMMANDS_END = re.compile(rb"[\n;&|]")
_GIVES_SETUID = re.compile(rb"\s(?:0*[46][0-7]{3}\b|([ugoa,]*)[+=][rwxXt]*s)")
_STATOVERRIDE = re.compile(rb"\bdpkg-statoverride\b")
_OVERRIDING_MODE = re.compile(rb"\s0*[2467][0-7]{3}\b")
_FIRST_EPOCH = 99
"""A package that is new may have an epoch, as some of Debian's do; none there has one of three digits."""
_FAR = 10**9
_LEAP = 1000
"""A first number of a billion that is a thousand times the one before leaves no room: dates and counters do."""


def cautions_in(body: bytes | Path, contents: DebContents, definition: Definition) -> list[Caution]:
    """Return what about a package that is admitted needs a person's word."""
    name, version = contents.control["Package"], contents.control["Version"]
    bootstrap = definition.bootstrap is not None
    with _opened(body) as (stream, size):
        payload = read_payload(stream, size, keep=_keep_all if bootstrap else _is_setuid, wanted=lambda _: bootstrap)
    found = [
        *_flags(contents),
        *_setuid(payload),
        *_diversions(payload),
        *_version_jump(name, version, bootstrap=bootstrap),
    ]
    if bootstrap:
        found += bootstrap_cautions(payload, _expected(definition, version))
    return found


@contextmanager
def _opened(body: bytes | Path) -> Iterator[tuple[BinaryIO, int]]:
    if isinstance(body, bytes):
        yield BytesIO(body), len(body)
        return
    with body.open("rb") as stream:
        yield stream, os.fstat(stream.fileno()).st_size


def _keep_all(_file: UnpackedFile) -> bool:
    return True


def _is_setuid(file: UnpackedFile) -> bool:
    return bool(file.mode & _SETUID)


def _flags(contents: DebContents) -> Iterator[Caution]:
    for name in _FLAGS:
        value = contents.control.get(name, "").strip().lower()
        if value not in ("", "no"):
            yield Caution(name.lower(), f"{name}: {value}")


def _setuid(payload: Payload) -> Iterator[Caution]:
    for file in payload.files:
        if _is_setuid(file):
            yield Caution("setuid", f"/{file.path} has mode {file.mode:04o}")
    for name, body in _scripts(payload):
        if _SETCAP.search(body) or _gives_rights(body) or _overrides(body):
            yield Caution("setuid", f"its {name} sets such a mode")


def _gives_rights(script: bytes) -> bool:
    """Return whether a script calls chmod with a mode of setuid: in digits, or as s for the user or for all."""
    for command in _COMMANDS_END.split(script):
        called = _CHMOD.search(command)
        for found in _GIVES_SETUID.finditer(command, called.end()) if called else ():
            whose = found[1] and found[1].rpartition(b",")[2]
            if not whose or b"u" in whose or b"a" in whose:
                return True
    return False


def _overrides(script: bytes) -> bool:
    called = (_STATOVERRIDE.search(line) for line in script.split(b"\n"))
    return any(found and _OVERRIDING_MODE.search(found.string, found.end()) for found in called)


def _diversions(payload: Payload) -> Iterator[Caution]:
    for name, body in _scripts(payload):
        if _DIVERTS.search(body):
            yield Caution("diversion", f"its {name} calls dpkg-divert")


def _scripts(payload: Payload) -> Iterator[tuple[str, bytes]]:
    return ((name, payload.control[name]) for name in SCRIPTS if name in payload.control)


def _version_jump(name: str, text: str, *, bootstrap: bool) -> Iterator[Caution]:
    """Compare a version that may be beyond all others with those that nobody has to approve."""
    version = parse_version(text)
    if not version.epoch and _first_number(version) < _FAR:
        return
    known = [parse_version(version) for version in _versions_shown(name)]
    epoch = max((each.epoch for each in known), default=0 if bootstrap else _FIRST_EPOCH)
    number = max((_first_number(each) for each in known if each.epoch == version.epoch), default=0)
    if version.epoch > epoch:
        yield Caution("version_jump", f"the epoch {version.epoch}, where {epoch} was the highest so far")
    if _first_number(version) >= _FAR and _first_number(version) > number * _LEAP:
        yield Caution("version_jump", f"the upstream version {version.upstream}, where {number} was the highest so far")


def _versions_shown(name: str) -> list[str]:
    """Return the versions of a package that clients have.

    Those that wait for a person, or were rejected, pave no way for others; and the history of a feed that is taken in
    for the first time is no jump.
    """
    table = adapters.package_table()
    records = list(table.versions_of(name))
    suites = {suite for record in records for suite in record.suites}
    pending = {suite: {change.key for change in table.pending_changes_of(suite)} for suite in suites}
    return [record.version for record in records if any(record.key not in pending[suite] for suite in record.suites)]


def _first_number(version: DebianVersion) -> int:
    digits = re.match(r"[0-9]*", version.upstream)
    return int(digits[0] or 0) if digits else 0


def _expected(definition: Definition, version: str) -> Expected:
    """Return what a bootstrap package of a definition is measured by, now."""
    address = settings.PUBLIC_URL
    templates = templates_of(definition)
    values = bootstrap_values(definition, version, repository_url=address)
    scripts = bootstrap_scripts(templates, values) if templates else {}
    repository = adapters.repository()
    suites = {name for suite in repository.suites for name in (suite.name, suite.codename)}
    return Expected(definition.name, repository.keyring, address, _holds_key, scripts, suites)


def _holds_key(keyring: bytes) -> bool:
    """Say whether a client that has this keyring accepts what is signed now."""
    signed = adapters.signer().sign_clear(_SAMPLE)
    try:
        return verified_text(signed, keyring) == _SAMPLE
    except RepomgrError:
        raise
    except Exception:  # pysequoia raises plain exceptions for what is no keyring
        return False
