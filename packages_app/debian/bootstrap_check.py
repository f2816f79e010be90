"""What a bootstrap package would make of a client, compared with what it is for: our repository, checked by our key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from packages_app.core.caution import FLAGS, Caution
from packages_app.debian.bootstrap_source import OurSource, source_faults
from packages_app.debian.client_paths import place_of, resolved
from packages_app.debian.payload import CONTENT_LIMIT, Payload, UnpackedFile
from packages_app.debian.relations import RELATION_FIELDS

SCRIPTS = ("preinst", "postinst", "prerm", "postrm", "config")
"""The files of a control member that are run, as root."""
_LISTS = ("control", "conffiles", "md5sums", "sha256sums")
_SOURCES = "etc/apt/sources.list.d/"
_ONE_FILE = "etc/apt/sources.list"
_RELATIONS = tuple(name.lower() for name in RELATION_FIELDS)
_DESCRIBING = frozenset(
    (
        *("package", "version", "architecture", "maintainer", "original-maintainer", "uploaders", "description"),
        *("homepage", "section", "priority", "installed-size", "source", "origin", "bugs", "vendor", "license"),
        *("multi-arch", *(name.lower() for name in FLAGS)),
    )
)
"""Fields that do nothing to other packages; of flags there are cautions of their own."""


@dataclass(frozen=True)
class Expected:
    """What a bootstrap package is measured by.

    `refused_keyring` says of a keyring's bytes why its clients would not be ours alone, "" when they would. `scripts`
    are the maintainer scripts of our template by their names, `control` is its control paragraph; both are empty where
    the package is made of none. `depends` is what the definition says. `source.keyring` is the keyring's path.
    `apt_conf` is the path and the content of the file of apt.conf.d that it may have, or None.
    """

    name: str
    source: OurSource
    refused_keyring: Callable[[bytes], str]
    scripts: Mapping[str, bytes]
    control: Mapping[str, str]
    depends: str = ""
    apt_conf: tuple[str, bytes] | None = None

    @property
    def shipped_source(self) -> str:
        """The source file that the template's postinst writes to where apt reads it."""
        return f"usr/share/{self.name}/{self.name}.sources"

    @property
    def source_files(self) -> frozenset[str]:
        """The files of `sources.list.d` that are this package's: others are of the client or of other packages."""
        stems = (self.name, self.name.removesuffix("-repo"))
        return frozenset(f"{_SOURCES}{stem}.{ending}" for stem in stems for ending in ("sources", "list"))


@dataclass(frozen=True)
class _Placed:
    """A file, and where it comes to lie."""

    file: UnpackedFile
    place: str

    @property
    def named(self) -> str:
        return f"/{self.file.path}" + ("" if self.file.path == self.place else f", that is /{self.place},")


def bootstrap_cautions(payload: Payload, control: Mapping[str, str], expected: Expected) -> list[Caution]:
    """Return all that is wrong with a bootstrap package; its files have their content, `control` is its paragraph."""
    links = {file.path: file.link for file in payload.files if file.link}
    files = [_Placed(file, place_of(file.path, links)) for file in payload.files]
    return [
        *_key_cautions(files, expected),
        *_source_cautions(payload, files, expected),
        *_field_cautions(control, expected),
        *_script_cautions(payload, expected),
        *_file_cautions(files, links, expected),
        *([] if payload.whole else [Caution("bootstrap_files", "more than is looked at")]),
    ]


def _key_cautions(files: list[_Placed], expected: Expected) -> Iterator[Caution]:
    keyrings = [one.file for one in files if f"/{one.place}" == expected.source.keyring]
    if not keyrings:
        yield Caution("bootstrap_key", f"there is no {expected.source.keyring}")
    # dpkg leaves the last of several files of one path; a name that ends in .gpg is read as binary only. What is no
    # file of its own has no content here.
    for file in keyrings:
        sound = file.size <= CONTENT_LIMIT and file.content[:1] > b"\x7f"
        why = expected.refused_keyring(file.content) if sound else "does not hold the key that signs now"
        if why:
            yield Caution("bootstrap_key", f"{expected.source.keyring} {why}")


def _source_cautions(payload: Payload, files: list[_Placed], expected: Expected) -> Iterator[Caution]:
    ours = payload.control.get("postinst") == expected.scripts.get("postinst", b"")
    read = [one for one in files if one.place == _ONE_FILE or one.place.startswith(_SOURCES)]
    shipped = [one for one in files if one.place == expected.shipped_source]
    if not read and not (ours and shipped):
        yield Caution("bootstrap_source", f"nothing in it becomes a source file in /{_SOURCES}")
    for one in (*read, *shipped):
        if one.file.size > CONTENT_LIMIT:
            yield Caution("bootstrap_source", f"{one.named} has {one.file.size} bytes")
            continue
        for fault in source_faults(one.file.content, expected.source, one_line=one.place.endswith(".list")):
            yield Caution("bootstrap_source", f"{one.named} {fault}")


def _field_cautions(control: Mapping[str, str], expected: Expected) -> Iterator[Caution]:
    said = {name.lower(): _one_line(value) for name, value in control.items()}
    template = {name.lower(): _one_line(value) for name, value in expected.control.items()}
    names = {name for name in (*said, *template) if name not in _DESCRIBING}
    for name in sorted(names):
        value = said.get(name, "")
        meant = {template.get(name, ""), *([_one_line(expected.depends)] if name == "depends" else [])}
        if value not in meant and (value or name in _RELATIONS):
            yield Caution("bootstrap_fields", f"{name.title()}: {value}")


def _one_line(value: str) -> str:
    return " ".join(value.split())


def _script_cautions(payload: Payload, expected: Expected) -> Iterator[Caution]:
    settings = expected.apt_conf[0] if expected.apt_conf else ""
    own = {
        f"/{file.path}".encode() for file in payload.files if file.path.startswith(_SOURCES) or file.path == settings
    }
    for line in payload.control.get("conffiles", b"").splitlines():
        if line not in own:
            yield Caution("bootstrap_scripts", f"its conffiles says {line[:80].decode('utf-8', 'replace')!r}")
    for name, body in sorted(payload.control.items()):
        if name not in _LISTS and body != expected.scripts.get(name):
            digest = hashlib.sha256(body).hexdigest()
            yield Caution("bootstrap_scripts", f"its {name[:80]} (SHA256 {digest}) is not our template's")


def _file_cautions(files: list[_Placed], links: Mapping[str, str], expected: Expected) -> Iterator[Caution]:
    """Yield the files that act on a client beside source and keyring: documentation does not."""
    known = (f"usr/share/doc/{expected.name}/", f"usr/share/{expected.name}/")
    ours = {expected.source.keyring.removeprefix("/"), *expected.source_files}
    for one in files:
        file = one.file
        if expected.apt_conf == (one.place, file.content) and file.size == len(file.content):
            ours.add(one.place)
        if one.place not in ours and not one.place.startswith(known):
            yield Caution("bootstrap_files", one.named.rstrip(","))
        elif file.link:
            leads = resolved(file.path, links)
            if not leads.startswith(known) or one.place in ours:
                yield Caution("bootstrap_files", f"{one.named} leads to /{leads}")
        elif not file.plain:
            yield Caution("bootstrap_files", f"{one.named} is no file of its own")
        elif file.mode & 0o022 or not file.of_root:
            yield Caution("bootstrap_files", f"{one.named} is for others than root to change")
