"""Cautions: what about a sound package needs a person's word before clients get it, kept with its record.

They are found at intake, where the file is open. A publication that would show such a package is held, unless the
definition allows what it is about or a person has approved it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Mapping
from dataclasses import asdict, dataclass

import msgspec

from packages_app.core.candidate_finding import CandidateFinding
from packages_app.core.other_fields import keeping, kept_in
from packages_app.core.record import PackageRecord, TableKey, key_named, package_named

MEANINGS = {
    "essential": "say Essential: yes, so that apt installs them on every client, unasked",
    "important": "say Important: yes, so that apt keeps clients from removing them",
    "protected": "say Protected: yes, so that apt installs them on every client, and keeps them there",
    "setuid": "bring programs that run with rights of others than who starts them",
    "diversion": "divert files of other packages",
    "version_jump": "have a version beyond which hardly any is newer: clients would never leave it",
    "bootstrap_key": "set clients up with a keyring that does not hold the key that signs",
    "bootstrap_source": "set clients up for another repository, or without its key",
    "bootstrap_fields": "have other relations to packages than our template, or fields that it does not have",
    "bootstrap_scripts": "run other scripts as root than our template's",
    "bootstrap_files": "bring other files than our template's",
}
"""What each code says of packages."""

FLAGS = ("Essential", "Important", "Protected")
"""Fields of a control paragraph; each has a caution named like it."""
ALLOWABLE = (
    *(name.lower() for name in FLAGS), "setuid", "diversion",
    "bootstrap_fields", "bootstrap_scripts", "bootstrap_files",
)  # fmt: skip
"""What a definition may allow; the others are a person's to approve."""
HTTP = "http"
"""What a definition may allow besides: to fetch over http from the internet."""

_OF_ONE_VERSION = ("bootstrap_key", "bootstrap_source", "bootstrap_files")
"""What is approved of one version says nothing of the next; of the others it does."""
_KEPT_AS = "cautions"
_CERTIFICATE = "certificate_sha256"
_MARK = b"cautions"


@dataclass(frozen=True, order=True)
class Caution:
    """One thing about a package: `code` is one of `MEANINGS`, `text` says what it is in this one."""

    code: str
    text: str


Cleared = Container[tuple[str, str]]
"""What a person has approved: the package's name (or name, version and architecture), and `code: text` of a caution."""
Allowed = Callable[[str], Collection[str]]
"""Gives the codes that the definition of a package allows, by its name."""


def kept_with_record(cautions: Iterable[Caution], certificate: str = "") -> str:
    """Return what a record keeps in `other_fields` of cautions and of the certificate that signed it, "" for nothing.

    `certificate` is the SHA-256 fingerprint of a vendor's certificate, "" where none was looked at.
    """
    kept: dict[str, object] = {}
    if listed := [asdict(caution) for caution in sorted(set(cautions))]:
        kept[_KEPT_AS] = listed
    if certificate:
        kept[_CERTIFICATE] = certificate
    return msgspec.json.encode(kept).decode() if kept else ""


def with_cautions(record: PackageRecord, cautions: Iterable[Caution], allow: Collection[str] = ()) -> PackageRecord:
    """Return a record that keeps just these cautions, less those that are allowed, and the rest of `other_fields`.

    `allow` has codes, for every package, and `code:name` for the package of that name.
    """
    left = {one for one in cautions if not {one.code, f"{one.code}:{record.package_name}"} & {*allow}}
    return keeping(record, _KEPT_AS, [asdict(caution) for caution in sorted(left)])


def flag_cautions(control: Mapping[str, str]) -> list[Caution]:
    """Return the cautions about the flags of a control paragraph, which finds its fields by names in lower case."""
    said = [(name, control.get(name.lower(), "").strip(" \t\n").lower()) for name in FLAGS]
    return [Caution(name.lower(), f"{name}: {value}") for name, value in said if value not in ("", "no")]


def certificate_of(record: PackageRecord) -> str:
    """Return the fingerprint of the certificate that signed a record's file, "" where none is known."""
    return str(kept_in(record).get(_CERTIFICATE, ""))


def cautions_of(record: PackageRecord) -> tuple[Caution, ...]:
    """Return the cautions that a record keeps, sorted."""
    if not record.other_fields:
        return ()
    try:
        return tuple(sorted(Caution(str(one["code"]), str(one["text"])) for one in kept_in(record).get(_KEPT_AS, ())))
    except (KeyError, TypeError):  # what an older table said besides
        return ()


def may_have_cautions(document: bytes) -> bool:
    """Say whether a record's document may tell of cautions: nearly none does, and looking costs next to nothing."""
    return _MARK in document


def caution_findings(
    suite: str, records: Iterable[PackageRecord], allowed: Allowed, cleared: Cleared
) -> list[CandidateFinding]:
    """Return a finding for each kind of caution that clients would meet in a suite with these records.

    An item is `name version architecture code: text`. What the definition allows, and what a person has cleared
    before of any version of the package, is left out.
    """
    items: dict[str, list[str]] = {}
    for record in records:
        permitted = set(allowed(record.package_name)) & set(ALLOWABLE)
        for caution in cautions_of(record):
            said = f"{caution.code}: {caution.text}"
            item = f"{record.named} {said}"
            if caution.code not in permitted and cleared_by(item) not in cleared:
                items.setdefault(caution.code, []).append(item)
    return [
        CandidateFinding(
            code,
            f"{len(named)} new packages of suite {suite} {MEANINGS.get(code, code)}: {'; '.join(sorted(named)[:3])}.",
            _remedy(code),
            tuple(sorted(named)),
        )
        for code, named in sorted(items.items())
    ]


def _remedy(code: str) -> str:
    away = "Reject it in the admin, under Held back: that takes the packages out of the suite"
    return f"{away}; or allow {code} in the definition, if it is meant." if code in ALLOWABLE else f"{away}."


def cleared_by(item: str) -> tuple[str, str]:
    """Return what the approval of a finding's item clears."""
    name, version, architecture, said = item.split(" ", 3)
    whole = said.partition(":")[0] in _OF_ONE_VERSION
    return package_named(name, version, architecture) if whole else name, said


def key_in(item: str) -> TableKey:
    """Return the key of the record that a finding's item is about."""
    return key_named(" ".join(item.split(" ", 3)[:3]))
