"""A suite's Release: signed by our key in both forms, dated soundly, with the identity of `repository.yaml`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from packages_app.core.errors import CandidateRefused
from packages_app.core.layout import suite_path
from packages_app.core.release_fields import SET_FIELDS
from packages_app.core.repository import Repository, Suite
from packages_app.indexes.release import (
    IDENTITY_FIELDS,
    Release,
    parse_release,
    read_loosely,
    release_date,
    render_release,
)
from packages_app.publishing.dates import CLOCK_SLACK
from packages_app.signing.openpgp import verified_text
from packages_app.signing.signatures import clear_fault, detached_fault
from packages_app.signing.unproven import claims_of, keys_in, unproven_text
from packages_app.verification.finding import Cure, Finding
from packages_app.verification.reader import Reader, Unreadable

NAMES = ("InRelease", "Release", "Release.gpg")
_LIMIT_BYTES = 16 * 1024 * 1024
_OF_BYTES = ("release_missing", "bad_signature", "release_differs")

Near = Callable[[datetime, datetime, datetime], bool]
"""Says of Date, Valid-Until and now whether too little of a Release's life is left."""


@dataclass
class ExaminedRelease:
    """What a suite's signed Release says, None when nothing signed is there, and the findings of its three forms.

    `sound` holds the bytes of each form that has no finding, by its key. `unproven` is what stands there where nothing
    signed does, as far as it can be read: what it names is no stray.
    """

    release: Release | None = None
    unproven: Release | None = None
    findings: list[Finding] = field(default_factory=list)
    sound: dict[str, bytes] = field(default_factory=dict)


def examine_release(
    stored: Reader, repository: Repository, suite: Suite, keyring: bytes, now: datetime, near: Near
) -> ExaminedRelease:
    """Read InRelease, Release and Release.gpg from the bucket and compare them with each other and the settings."""
    examined = ExaminedRelease()
    bodies = _bodies(stored, suite, examined.findings)
    text = _signed_text(suite, bodies, keyring, examined.findings)
    if text is None:
        examined.unproven = _unproven(bodies)
    if text is not None:
        try:
            examined.release = parse_release(text)
        except CandidateRefused as error:
            examined.findings.append(_finding("bad_release", suite, "InRelease", error.message))
    if examined.release is not None:
        examined.findings += _date_findings(suite, examined.release, now, near)
        examined.findings += _field_findings(repository, suite, examined.release)
    at_finding = {finding.where for finding in examined.findings if finding.code in _OF_BYTES}
    examined.sound = {
        key: body for name, body in bodies.items() if (key := suite_path(suite.name, name)) not in at_finding
    }
    return examined


def _unproven(bodies: Mapping[str, bytes]) -> Release | None:
    texts = (unproven_text(bodies.get("InRelease", b"")), bodies.get("Release"))
    return next((release for text in texts if text and (release := read_loosely(text)) is not None), None)


def _finding(code: str, suite: Suite, name: str, text: str, cure: Cure = Cure.PUBLISH) -> Finding:
    return Finding(code, suite_path(suite.name, name), text, cure, suite.name)


def _bodies(stored: Reader, suite: Suite, findings: list[Finding]) -> dict[str, bytes]:
    bodies = {}
    for name in NAMES:
        try:
            bodies[name] = stored.read(suite_path(suite.name, name), _LIMIT_BYTES, keep=True).body
        except Unreadable as error:
            code = "release_missing" if error.missing else "bad_signature"
            findings.append(_finding(code, suite, name, error.message))
    return bodies


def _signed_text(suite: Suite, bodies: Mapping[str, bytes], keyring: bytes, findings: list[Finding]) -> bytes | None:
    """Return the text that our key signed, InRelease's before that of the pair; finds which of the three is wrong."""
    release, signature = bodies.get("Release"), bodies.get("Release.gpg")
    clear, why = _clear_text(bodies["InRelease"], keyring) if "InRelease" in bodies else (None, "")
    pair = (
        _signature_finding(release, signature, keyring) if release is not None and signature is not None else "no pair"
    )
    if clear is None:
        if why:
            findings.append(_bad_signature(suite, bodies["InRelease"], keyring, why))
        if not pair:
            return release
        text = "No good signature says that it is what was published, and no InRelease does."
        names = [name for name in ("Release", "Release.gpg") if name in bodies]
        findings += [_finding("bad_signature", suite, name, text) for name in names]
        return None
    if release is not None and release != clear and not pair and _newer(release, clear):
        text = "It is older than Release: an interrupted publication left it, or somebody put an old one back."
        findings.append(_finding("release_differs", suite, "InRelease", text))
        return clear
    if release is not None and release != clear:
        findings.append(_finding("release_differs", suite, "Release", "It does not say what InRelease says."))
    if signature is not None and (said := _signature_finding(clear, signature, keyring)):
        findings.append(_finding("bad_signature", suite, "Release.gpg", said))
    return clear


def _bad_signature(suite: Suite, signed: bytes, keyring: bytes, why: str) -> Finding:
    """Return the finding of an InRelease; one that another key signed is nothing that a publication simply replaces."""
    keys, claims = keys_in(keyring), claims_of(signed)
    anothers = any(claim.key not in keys for claim in claims)
    return _finding("bad_signature", suite, "InRelease", why, Cure.NONE if anothers else Cure.PUBLISH)


def _clear_text(signed: bytes, keyring: bytes) -> tuple[bytes | None, str]:
    """Return the text of InRelease, or None and why clients refuse it."""
    text = verified_text(signed, keyring)
    if text is None:
        return None, "It has no good signature of our key."
    fault = clear_fault(signed, text, keyring)
    return (None, fault) if fault else (text, "")


def _signature_finding(text: bytes, signature: bytes, keyring: bytes) -> str:
    if verified_text(text, keyring, signature=signature) is None:
        return "It is no good signature of our key for Release."
    return detached_fault(signature, text, keyring)


def _newer(one: bytes, other: bytes) -> bool:
    try:
        return parse_release(one).date > parse_release(other).date
    except CandidateRefused:
        return False


def _date_findings(suite: Suite, release: Release, now: datetime, near: Near) -> list[Finding]:
    until = release_date(release.valid_until)
    if release.date - now > CLOCK_SLACK:
        text = f"Its Date is {release_date(release.date)}, in the future: clients refuse it."
        return [_finding("future_date", suite, "InRelease", text)]
    if release.valid_until <= now:
        return [_finding("expired", suite, "InRelease", f"It was valid until {until}: clients refuse it.")]
    if near(release.date, release.valid_until, now):
        text = f"It is valid until {until} only; it should have been signed again at half of its life."
        return [_finding("expiring", suite, "InRelease", text)]
    return []


def _field_findings(repository: Repository, suite: Suite, release: Release) -> list[Finding]:
    """Compare all fields but the dates with what would be written now."""
    wanted = parse_release(render_release(repository, suite, {}, release.date)).fields
    findings = []
    gone = [name for name in SET_FIELDS if name in release.fields and name not in wanted]
    for name, value in [*wanted.items(), *((name, "") for name in gone)]:
        found = release.fields.get(name, "")
        if name in ("Date", "Valid-Until") or found == value:
            continue
        text = f"{name} is {found!r}, repository.yaml says {value!r}."
        if name in IDENTITY_FIELDS:
            text += " Restore it there, or show clients the change: force_rebuild --new-identity."
            findings.append(_finding("identity_differs", suite, "InRelease", text, Cure.NONE))
        else:
            findings.append(_finding("release_outdated", suite, "InRelease", text))
    return findings
