"""The place that a candidate is to take: what stands there, what clients were given, and why it is not simply replaced.

An InRelease that is there and that our key did not sign, a key that is not the one that clients know, and a date that
they would ignore are each a finding, which holds the candidate until a person has seen it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from packages_app.core.candidate_finding import CandidateFinding
from packages_app.core.errors import CandidateRefused, ClockWrong, ObjectNotFound
from packages_app.core.last_given import LastGiven
from packages_app.core.ports import ObjectStore, Signer, Signers
from packages_app.core.repository import Repository
from packages_app.indexes.release import parse_release
from packages_app.publishing.dates import CLOCK_SLACK, date_after
from packages_app.publishing.generations import generations, release_digest
from packages_app.publishing.published import Published, Unrecognised, read_published
from packages_app.publishing.root import read_keyring
from packages_app.signing.openpgp import certificate_in, proves
from packages_app.signing.signing_keys import known_anew
from packages_app.signing.unproven import keys_in

CLOCK, KEY, UNREADABLE = "clock_wrong", "signing_key_changed", "published_unreadable"
"""The codes of the findings."""


@dataclass(frozen=True)
class Place:
    """What is in place and what the table says was given, the date of what comes, and what is found about it."""

    published: Published
    given: LastGiven | None
    date: datetime
    findings: tuple[CandidateFinding, ...]

    @property
    def clock_is_wrong(self) -> bool:
        """Say whether the date is one that clients would ignore."""
        return any(finding.code == CLOCK for finding in self.findings)

    @property
    def was_put_back(self) -> bool:
        """Say whether what is in place is older than what clients were given: the table no more tells what it lacks.

        A publication that was cut off before its switch looks alike.
        """
        release = self.published.release
        return release is not None and self.given is not None and release.date < self.given.date


def read_place(bucket: ObjectStore, repository: Repository, suite: str, signer: Signer) -> Published:
    """Read what is in place, by the key in use and, where it lacks a subkey, by the keyring that clients were given.

    What a subkey has signed that the key has no more is ours, and to be signed again, where the root's keyring has the
    same primary key, which proves the subkey its own, and proves what is signed now too: its clients mind no change.
    """
    published = read_published(bucket, suite, signer.public_keyring())
    odd = published.unrecognised
    if odd is None or not odd.is_anothers:
        return published
    in_root, ours = read_keyring(bucket, repository), dict.fromkeys(keys_in(signer.public_keyring()).values())
    offered = b"".join(certificate_in(in_root, fingerprint) for fingerprint in ours)
    if not offered or not proves(offered, signer):
        return published
    as_given = read_published(bucket, suite, offered)
    if as_given.release is None or as_given.unrecognised is not None:
        return published
    odd = replace(odd, ours=True, proven=True, text=as_given.text, release=as_given.release)
    return replace(as_given, unrecognised=odd)


def is_another_key(given: LastGiven, signer: Signers) -> bool:
    """Return whether clients that took what they were given last may refuse what is signed now."""
    return known_anew(given.fingerprints, signer.fingerprints, keys_in(signer.public_keyring()).values())


def named_keys(fingerprints: Iterable[str]) -> str:
    """Return fingerprints as a sentence has them."""
    return " and ".join(fingerprints)


def with_what_staging_knows(
    published: Published, staging: ObjectStore, suite: str, given: LastGiven | None
) -> Published:
    """Add what the kept generations tell of a place that can't be read, or that is empty though clients have a Release.

    A text that names our key, and that staging kept, is ours: a key whose owner has renewed it since does not verify
    what it signed before. A Release of ours without any signature, and without InRelease, was left by a first
    publication that was cut off: nobody could take it.
    """
    odd = published.unrecognised
    if published.release is not None or (odd is None and given is None):
        return published
    kept = generations(staging, suite)
    if odd is not None and release_digest(odd.text) in {one.sha256 for one in kept}:
        if odd.ours and not odd.of_pair:
            return replace(
                published, release=parse_release(odd.text), text=odd.text, unrecognised=replace(odd, proven=True)
            )
        if published.etag is None and not odd.claims:
            published, odd = Published(None, None), None
    if given is None or (odd is not None and (odd.is_anothers or odd.of_pair)):
        return published
    try:
        text = next(staging.read(one.key) for one in reversed(kept) if one.date == given.date)
        release = parse_release(text)
    except (StopIteration, CandidateRefused, ObjectNotFound):
        return published
    if odd is None:
        return replace(published, kept=release)
    return replace(published, unrecognised=replace(odd, text=text, release=release))


def look_at_place(
    suite: str,
    published: Published,
    given: LastGiven | None,
    signer: Signers,
    now: datetime,
    *,
    rebuild: bool,
    new_key: bool,
    known_keys: Callable[[], Mapping[str, str]],
) -> Place:
    """Find what forbids that a candidate, signed by `signer` at `now`, simply takes the place.

    `rebuild` lets what can't be read be replaced, `new_key` another key's. `known_keys` gives primary keys by the
    fingerprints of their subkeys; it is asked only where another key has signed.
    """
    findings: list[CandidateFinding] = []
    signing_key = named_keys(signer.fingerprints)
    try:
        date = date_after(published, now, rebuild=rebuild, given=given)
    except ClockWrong as error:
        date = now.replace(microsecond=0)
        findings.append(_clock_finding(error, published, given, signing_key))
    if not new_key:
        findings += _key_findings(suite, published, given, signer, date, known_keys)
    odd = published.unrecognised
    if odd is not None and not rebuild and _is_unreadable(odd, date):
        findings.append(_unreadable_finding(suite, odd, given, signing_key, date))
    return Place(published, given, date, tuple(findings))


def _is_unreadable(odd: Unrecognised, now: datetime) -> bool:
    """Return whether nobody can say whose it is, or it names our key and is damaged."""
    if odd.is_anothers:
        return any(not claim.key for claim in odd.claims)
    ahead = odd.date is not None and odd.date - now > CLOCK_SLACK
    return not odd.proven and not (odd.ours and ahead)


def _key_findings(
    suite: str,
    published: Published,
    given: LastGiven | None,
    signer: Signers,
    date: datetime,
    known_keys: Callable[[], Mapping[str, str]],
) -> list[CandidateFinding]:
    """Return a finding when what is in place names another key, or clients were given what another key signed."""
    odd = published.unrecognised
    said, items = [], []
    if odd is not None and odd.is_anothers:
        known = known_keys()
        keys = ", ".join(known.get(claim.key, claim.key) or "a key that is not named" for claim in odd.claims)
        said.append(f"what is in place was signed with {keys} and is dated {_said(odd.date)}")
        items += [f"in place: key {keys}", f"in place: SHA256 {odd.sha256}"]
    if given is not None and is_another_key(given, signer):
        keys = named_keys(given.fingerprints)
        said.append(f"what clients were given last was signed with {keys} and is dated {_said(given.date)}")
        items.append(f"given: key {keys}")
    if not said:
        return []
    signing_key = named_keys(signer.fingerprints)
    text = (
        f"The signing key of suite {suite} is another one: {'; '.join(said)}. This publication is signed with"
        f" {signing_key} and is dated {_said(date)}: clients that do not know this key refuse it."
    )
    remedy = (
        "Give SIGNING_KEY the key that clients know, or show them the change: force_rebuild --new-key, once the"
        " bootstrap package has brought them the new one."
    )
    return [CandidateFinding(KEY, text, remedy, (*items, f"new: key {signing_key}"))]


def _clock_finding(
    error: ClockWrong, published: Published, given: LastGiven | None, signing_key: str
) -> CandidateFinding:
    by = named_keys(given.fingerprints) if given is not None else signing_key
    in_place = published.release.date if published.release is not None else None
    if published.unrecognised is not None:
        in_place = published.unrecognised.date
    text = f"{error.message} It was signed with {by}, this publication with {signing_key}."
    items = [f"in place: dated {_said(in_place)}"]
    if given is not None:
        items.append(f"given: dated {_said(given.date)}")
    return CandidateFinding(CLOCK, text, error.remedy, tuple(items))


def _unreadable_finding(
    suite: str, odd: Unrecognised, given: LastGiven | None, signing_key: str, date: datetime
) -> CandidateFinding:
    keys = ", ".join(claim.key for claim in odd.claims) or "no key that can be read"
    last = (
        f" Clients were given one of {named_keys(given.fingerprints)}, dated {_said(given.date)}."
        if given is not None
        else ""
    )
    text = (
        f"What is in place of suite {suite} can't be taken for ours: {odd.why} It names {keys} and is dated"
        f" {_said(odd.date)}.{last} This publication is signed with {signing_key} and is dated {_said(date)}."
    )
    remedy = "Find out who wrote it (verify_repository tells more), or put the table's state there: force_rebuild."
    return CandidateFinding(UNREADABLE, text, remedy, (f"in place: SHA256 {odd.sha256}",))


def _said(date: datetime | None) -> str:
    return f"{date:%Y-%m-%d %H:%M:%S} UTC" if date is not None else "at no time that can be read"
