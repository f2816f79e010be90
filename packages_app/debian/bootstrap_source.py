"""The source file of a bootstrap package (`sources.list(5)`): it names our repository, checked by our key, and no more.

Only what is read alike by every reader is taken: plain ASCII, each field once, and none that changes what apt checks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from packages_app.debian.stanza import split_fields

_LAX = ("trusted", "allow-insecure", "allow-weak", "allow-downgrade-to-insecure")
_KNOWN = frozenset(("types", "uris", "suites", "components", "signed-by", "enabled", "architectures", "description"))
_YES = ("yes", "true", "with", "on", "enable", "1")
_NO = ("no", "false", "without", "off", "disable", "0")
_PLAIN_TEXT = re.compile(r"[\t\n -~]*\Z")
_ONE_LINE = re.compile(r"(deb(?:-src)?)[ \t]+\[([^\]]*)\][ \t]+(\S+)[ \t]+(\S+)((?:[ \t]+[a-z0-9-]+)*)[ \t]*(?:#.*)?\Z")
_SOURCE_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]*):(.*)\Z", re.DOTALL)


@dataclass(frozen=True)
class OurSource:
    """What a source file is to say: our address, the keyring's path on clients, and what of ours it may name.

    `suites` are by names and codenames.
    """

    address: str
    keyring: str
    suites: Collection[str]
    components: Collection[str]
    architectures: Collection[str]


def source_faults(body: bytes, ours: OurSource, *, one_line: bool) -> Iterator[str]:
    """Yield what is wrong with a file of the form deb822, or of lines with `one_line`; each is a sentence's end."""
    text = body.decode("latin-1")
    if not _PLAIN_TEXT.match(text):
        yield "has characters that are no plain text"
        return
    paragraphs = list(_lines(text) if one_line else _paragraphs(text))
    if not paragraphs:
        yield "names no repository"
    for fields in paragraphs:
        if fields is None:
            yield "has a line that is no source, or a field that stands there twice"
        else:
            yield from _faults(fields, ours)


def _paragraphs(text: str) -> Iterator[dict[str, str] | None]:
    """Yield the fields of each paragraph by their names in lower case, None where they can't be told apart."""
    lines = "\n".join(line for line in text.split("\n") if not line.startswith("#"))
    for part in re.split(r"\n(?:[ \t]*\n)+", lines.strip("\n")):
        if not part.strip(" \t\n"):
            continue
        fields: dict[str, str] = {}
        for field in split_fields(part):
            found = _SOURCE_FIELD.match(field)
            if not found or found[1].lower() in fields:
                fields = {}
                break
            fields[found[1].lower()] = found[2].strip(" \t\n")
        yield fields or None


def _lines(text: str) -> Iterator[dict[str, str] | None]:
    for line in (line.strip(" \t") for line in text.split("\n")):
        if not line or line.startswith("#"):
            continue
        found = _ONE_LINE.match(line)
        options = [option.partition("=") for option in found[2].split()] if found else []
        fields = {"architectures" if name == "arch" else name: value.replace(",", " ") for name, _, value in options}
        if found is None or len(fields) != len(options):
            yield None
            continue
        kind, _, address, suite, components = found.groups()
        yield {**fields, "types": kind, "uris": address, "suites": suite, "components": components}


def _faults(fields: Mapping[str, str], ours: OurSource) -> Iterator[str]:
    addresses, keyrings = fields.get("uris", "").split(), fields.get("signed-by", "").split()
    if [address.rstrip("/") for address in addresses] != [ours.address.rstrip("/")]:
        yield f"names {' '.join(addresses) or 'no address'}, not {ours.address}"
    if keyrings != [ours.keyring]:
        yield f"is signed by {' '.join(keyrings) or 'no keyring of its own'}, not {ours.keyring}"
    for name, value in fields.items():
        harmless = name in _KNOWN or name.startswith("x-") or (name in _LAX and value.lower() in _NO)
        if not harmless:
            yield f"says {name}: {value}"
    yield from _nothing_faults(fields, ours)


def _nothing_faults(fields: Mapping[str, str], ours: OurSource) -> Iterator[str]:
    """Yield what would leave a client without this repository's packages, so that no later version reaches it."""
    if fields.get("enabled", "yes").lower() not in _YES:
        yield "is switched off"
    kinds = fields.get("types", "").split()
    if "deb" not in kinds:
        yield f"is for {' '.join(kinds) or 'nothing'}, not for packages"
    for name, known in (("suites", ours.suites), ("components", ours.components)):
        said = fields.get(name, "").split()
        if others := [one for one in said if one not in known]:
            yield f"names the {name} {' '.join(others)}, which are not ours"
        if not said:
            yield f"names no {name}"
    if "architectures" in fields and not set(ours.architectures) <= set(fields["architectures"].split()):
        yield f"is for {fields['architectures']} alone"
