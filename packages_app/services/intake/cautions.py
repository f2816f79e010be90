"""What about a package needs a person's word before clients get it: looked at where its file is open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from packages_app.core.caution import Caution, flag_cautions
from packages_app.core.definition import Definition
from packages_app.core.errors import RepomgrError
from packages_app.core.layout import ALL
from packages_app.core.version import DebianVersion, parse_version
from packages_app.debian.bootstrap import bootstrap_control, bootstrap_scripts
from packages_app.debian.bootstrap_check import SCRIPTS, Expected, bootstrap_cautions
from packages_app.debian.bootstrap_source import OurSource
from packages_app.debian.client_paths import place_of, resolved
from packages_app.debian.deb_file import OpenedDeb
from packages_app.debian.payload import UNPACKED_LIMIT, Payload, UnpackedFile, read_payload
from packages_app.debian.script_deeds import deeds_of, tmpfiles_rights, users_of_root
from packages_app.services import adapters
from packages_app.services.archives import present_archive
from packages_app.services.intake.bootstrap_values import bootstrap_values, templates_of
from packages_app.signing.openpgp import verified_text
from packages_app.signing.unproven import keys_in

_SETUID = 0o6000
_SAMPLE = b"Origin: sample\n"
_READ_BY_SYSTEMD = ("usr/lib", "usr/local/lib", "etc", "run")
_TMPFILES, _SYSUSERS = (tuple(f"{root}/{name}/" for root in _READ_BY_SYSTEMD) for name in ("tmpfiles.d", "sysusers.d"))
_CONFIGURED = ("tmpfiles.d/", "sysusers.d/")
_OF_DPKG = "var/lib/dpkg/"
_FIRST_EPOCH = 99
"""A package that is new may have an epoch, as some of Debian's do; none there has one of three digits."""
_FAR = 10**9
_LEAP = 1000
"""A first number of a billion that is a thousand times the one before leaves no room: dates and counters do."""


def cautions_in(body: bytes | Path, contents: OpenedDeb, definition: Definition) -> list[Caution]:
    """Return what about a package that is admitted needs a person's word."""
    control = contents.control
    bootstrap = definition.bootstrap is not None
    return [
        *content_cautions(body, contents, definition),
        *_version_jump(control["Package"], control["Version"], bootstrap=bootstrap),
    ]


def content_cautions(body: bytes | Path, contents: OpenedDeb, definition: Definition | None) -> list[Caution]:
    """Return what is to be said of a package's content, whichever its version is; `contents` is what was read of it.

    `definition` is None for a package that has none. Raise `InvalidDeb` for what dpkg does not unpack.
    """
    control = contents.control
    bootstrap = definition is not None and definition.bootstrap is not None
    with BytesIO(body) if isinstance(body, bytes) else body.open("rb") as stream:
        keep, wanted = (_keep_all, _keep_all) if bootstrap else (_matters, _is_configuration)
        payload = read_payload(stream, contents, keep=keep, wanted=wanted)
    found = [*flag_cautions(control), *_file_cautions(payload), *_deeds(payload)]
    if definition is not None and definition.bootstrap is not None:
        found += bootstrap_cautions(payload, control, _expected(definition, control["Version"]))
    return found


def _keep_all(_file: object) -> bool:
    return True


def _matters(file: UnpackedFile) -> bool:
    return bool(file.mode & _SETUID or file.link or file.content) or "dpkg/" in file.path


def _is_configuration(path: str) -> bool:
    return any(folder in path for folder in _CONFIGURED)


def _file_cautions(payload: Payload) -> Iterator[Caution]:
    links = {file.path: file.link for file in payload.files if file.link}
    for file in payload.files:
        place = place_of(file.path, links)
        if file.mode & _SETUID:
            yield Caution("setuid", f"/{file.path} has mode {file.mode:04o}")
        if place.startswith(_OF_DPKG):
            yield Caution("diversion", f"/{file.path} is one of dpkg's own records")
        if file.link:  # what is unpacked through one of these is not looked at
            leads = f"{resolved(file.path, links)}/"
            if leads.startswith(_OF_DPKG):
                yield Caution("diversion", f"/{file.path} leads to dpkg's own records")
            if leads.endswith(_CONFIGURED):
                yield Caution("setuid", f"/{file.path} leads to /{leads}")
        yield from _configuration_cautions(file, place)
    if not payload.whole:
        yield Caution("setuid", f"the files behind the first {UNPACKED_LIMIT} bytes are not looked at")


def _configuration_cautions(file: UnpackedFile, place: str) -> Iterator[Caution]:
    text = file.content.decode("utf-8", "replace")
    read = place.endswith(".conf")
    of_files, of_users = read and place.startswith(_TMPFILES), read and place.startswith(_SYSUSERS)
    if file.size > len(file.content) and (of_files or of_users):
        yield Caution("setuid", f"/{file.path} has {file.size} bytes, more than are read")
    if of_files:
        yield from (Caution("setuid", f"/{file.path} says {line}") for line in tmpfiles_rights(text))
    if of_users:
        yield from (Caution("setuid", f"/{file.path} gives {name} root's number") for name in users_of_root(text))


def _deeds(payload: Payload) -> Iterator[Caution]:
    for name in SCRIPTS:
        if script := payload.control.get(name):
            yield from (Caution(code, f"its {name} {what}") for code, what in deeds_of(script))


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
    address = present_archive().public_url
    templates = templates_of(definition)
    values = bootstrap_values(definition, version, repository_url=address)
    repository = adapters.repository()
    source = OurSource(
        address,
        f"/usr/share/keyrings/{repository.keyring}.gpg",
        suites={name for suite in repository.suites for name in (suite.name, suite.codename)},
        components={component for suite in repository.suites for component in suite.components},
        architectures={name for name in repository.architectures if name != ALL},
    )
    return Expected(
        definition.name,
        source,
        _refused_keyring,
        scripts=bootstrap_scripts(templates, values) if templates else {},
        control=bootstrap_control(templates, values) if templates else {},
        depends=definition.depends,
        apt_conf=values.apt_conf_file if values.apt_conf else None,
    )


def _refused_keyring(keyring: bytes) -> str:
    """Return why clients that have a keyring would not accept just what is signed now, "" when they do."""
    signer = adapters.signer()
    try:
        if verified_text(signer.sign_clear(_SAMPLE), keyring) != _SAMPLE:
            return "does not hold the key that signs now"
        others = sorted({*keys_in(keyring).values()} - {*keys_in(signer.public_keyring()).values()})
    except RepomgrError:
        raise
    except Exception:  # pysequoia raises plain exceptions for what is no keyring
        return "does not hold the key that signs now"
    return f"holds keys besides that sign nothing here: {', '.join(others)}" if others else ""
