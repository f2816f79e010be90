"""What a bootstrap package would make of a client, compared with what it is for: our repository, checked by our key."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from packages_app.core.caution import Caution
from packages_app.debian.payload import Payload, UnpackedFile

SCRIPTS = ("preinst", "postinst", "prerm", "postrm", "config", "triggers")
_SOURCES = "etc/apt/sources.list.d/"
_LAX = ("trusted", "allow-insecure", "allow-weak", "allow-downgrade-to-insecure")
_YES = ("yes", "true", "with", "on", "enable", "1")
_NO = ("no", "false", "without", "off", "disable", "0")
_ONE_LINE = re.compile(r"deb(?:-src)?\s+\[([^\]]*)\]\s+(\S+)\s+(\S+)", re.ASCII)


@dataclass(frozen=True)
class Expected:
    """What a bootstrap package is measured by.

    `holds_key` says of a keyring's bytes whether a client that has it accepts what is signed now; `scripts` are the
    maintainer scripts of our template by their names, none where the package is not made of one. `suites` are ours, by
    names and codenames.
    """

    name: str
    keyring: str
    address: str
    holds_key: Callable[[bytes], bool]
    scripts: Mapping[str, bytes]
    suites: Collection[str]

    @property
    def keyring_path(self) -> str:
        """Where the keyring lies on clients, without the leading slash."""
        return f"usr/share/keyrings/{self.keyring}.gpg"

    @property
    def shipped_source(self) -> str:
        """The source file that the template's postinst writes to where apt reads it."""
        return f"usr/share/{self.name}/{self.name}.sources"


def bootstrap_cautions(payload: Payload, expected: Expected) -> list[Caution]:
    """Return all that is wrong with a bootstrap package; its files have their content."""
    return [
        *_key_cautions(payload.files, expected),
        *_source_cautions(payload, expected),
        *_script_cautions(payload.control, expected.scripts),
        *_file_cautions(payload.files, expected),
    ]


def _key_cautions(files: Iterable[UnpackedFile], expected: Expected) -> Iterator[Caution]:
    keyrings = [file.content for file in files if file.path == expected.keyring_path]
    if not keyrings:
        yield Caution("bootstrap_key", f"there is no /{expected.keyring_path}")
    # dpkg leaves the last of several files of one path; a name that ends in .gpg is read as binary only.
    elif not all(keyring[:1] > b"\x7f" and expected.holds_key(keyring) for keyring in keyrings):
        yield Caution("bootstrap_key", f"/{expected.keyring_path} does not hold the key that signs now")


def _source_cautions(payload: Payload, expected: Expected) -> Iterator[Caution]:
    ours = payload.control.get("postinst") == expected.scripts.get("postinst", b"")
    sources = [file for file in payload.files if file.path.startswith(_SOURCES) or file.path == expected.shipped_source]
    if not any(file.path.startswith(_SOURCES) or ours for file in sources):
        yield Caution("bootstrap_source", f"nothing in it becomes a source file in /{_SOURCES}")
    for file in sources:
        text = file.content.decode("utf-8", "replace")
        faults = _list_faults(text, expected) if file.path.endswith(".list") else _deb822_faults(text, expected)
        for fault in faults:
            yield Caution("bootstrap_source", f"/{file.path} {fault}")


def _deb822_faults(text: str, expected: Expected) -> Iterator[str]:
    """Yield what is wrong with a file of `sources.list(5)`'s form deb822."""
    paragraphs = [fields for part in re.split(r"\n[ \t]*\n", text) if (fields := _fields(part))]
    if not paragraphs:
        yield "names no repository"
    for fields in paragraphs:
        yield from _faults(fields.get("uris", "").split(), fields.get("signed-by", "").split(), expected, fields)
        yield from _nothing_faults(fields.get("types", "").split(), fields.get("suites", "").split(), expected, fields)


def _fields(paragraph: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in paragraph.splitlines():
        if line.startswith("#"):
            continue
        if line[:1] in (" ", "\t"):
            fields[name] = f"{fields.get(name, '')}\n{line.strip()}"
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


def _list_faults(text: str, expected: Expected) -> Iterator[str]:
    """Yield what is wrong with a file of lines (`sources.list(5)`)."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    if not lines:
        yield "names no repository"
    for line in lines:
        found = _ONE_LINE.match(line)
        options = dict(one.partition("=")[::2] for one in found[1].split()) if found else {}
        address = found[2] if found else ""
        yield from _faults([address], [options.get("signed-by", "")], expected, options)
        suites, kinds = ([found[3]], line.split(maxsplit=1)[:1]) if found else ([], [])
        yield from _nothing_faults(kinds, suites, expected, options)


def _faults(addresses: list[str], keyrings: list[str], expected: Expected, options: Mapping[str, str]) -> Iterator[str]:
    if [address.rstrip("/") for address in addresses] != [expected.address.rstrip("/")]:
        yield f"names {' '.join(addresses) or 'no address'}, not {expected.address}"
    if keyrings != [f"/{expected.keyring_path}"]:
        yield f"is signed by {' '.join(keyrings) or 'no keyring of its own'}, not /{expected.keyring_path}"
    for name in _LAX:
        if options.get(name, "").strip().lower() in _YES:
            yield f"says {name}: yes"


def _nothing_faults(
    kinds: list[str], suites: list[str], expected: Expected, options: Mapping[str, str]
) -> Iterator[str]:
    """Yield what would leave a client without this repository's packages, so that no later version reaches it."""
    if options.get("enabled", "").strip().lower() in _NO:
        yield "is switched off"
    if "deb" not in kinds:
        yield f"is for {' '.join(kinds) or 'nothing'}, not for packages"
    if others := [suite for suite in suites if suite not in expected.suites]:
        yield f"names the suites {' '.join(others)}, which are not ours"
    if not suites:
        yield "names no suite"


def _script_cautions(control: Mapping[str, bytes], scripts: Mapping[str, bytes]) -> Iterator[Caution]:
    for line in control.get("conffiles", b"").splitlines():
        if not line.startswith(f"/{_SOURCES}".encode()):
            yield Caution("bootstrap_scripts", f"its conffiles says {line[:80].decode('utf-8', 'replace')!r}")
    for name in SCRIPTS:
        body = control.get(name)
        if body is not None and body != scripts.get(name):
            digest = hashlib.sha256(body).hexdigest()
            yield Caution("bootstrap_scripts", f"its {name} (SHA256 {digest}) is not our template's")


def _file_cautions(files: Iterable[UnpackedFile], expected: Expected) -> Iterator[Caution]:
    """Yield the files that act on a client beside source and keyring: documentation does not."""
    known = (f"usr/share/doc/{expected.name}/", f"usr/share/{expected.name}/", _SOURCES)
    for file in files:
        if file.path != expected.keyring_path and not file.path.startswith(known):
            yield Caution("bootstrap_files", f"/{file.path}")
