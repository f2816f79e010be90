"""Who a Release says may sign the next one (`Signed-By`): a wrong value locks clients out.

apt holds the next Release against what the last one said, where its source says nothing of keys itself
(sources.list(5), debmetaindex.cc of apt 2.6).
"""

from __future__ import annotations

from collections.abc import Collection

from packages_app.core.candidate_finding import CandidateFinding
from packages_app.core.last_given import LastGiven
from packages_app.core.release_fields import admits
from packages_app.indexes.release import Release
from packages_app.publishing.candidate import Candidate
from packages_app.signing.unproven import claims_of

_FIELD = "Signed-By"
_CODE = "signed_by"


def own_findings(candidate: Candidate, fingerprints: Collection[str]) -> list[CandidateFinding]:
    """Find that a candidate names none of the keys that sign it, so that clients would refuse the one that follows.

    `fingerprints` are the primary keys of those that sign.
    """
    said = _named(candidate.listing)
    if admits(said, fingerprints, _signing(candidate)):
        return []
    return [
        CandidateFinding(
            _CODE,
            f"Signed-By of suite {candidate.suite.name} would name {', '.join(said)}, and none of the keys that sign,"
            f" {', '.join(fingerprints)}: clients would take this Release and refuse the next one, until their lists"
            " are deleted.",
            "Add the key that signs to signed_by in repository.yaml.",
            said,
        )
    ]


def followed_findings(
    candidate: Candidate, seen: Release | None, given: LastGiven | None, fingerprints: Collection[str]
) -> list[CandidateFinding]:
    """Find that what clients have names none of the keys that sign a candidate, so that they would refuse it.

    `seen` is the Release in place; where the same keys as before sign nothing changes for clients.
    """
    said = _named(seen) if seen is not None else ()
    same = given is None or set(given.fingerprints) == set(fingerprints)
    if same or admits(said, fingerprints, _signing(candidate)):
        return []
    return [
        CandidateFinding(
            _CODE,
            f"Signed-By of suite {candidate.suite.name} that clients have names {', '.join(said)}, and none of the keys"
            f" that sign now, {', '.join(fingerprints)}: clients that heed it would refuse this.",
            "Let the earlier key sign too, add this one to signed_by in repository.yaml, and publish; change the key"
            " when clients have that.",
            said,
        )
    ]


def _named(release: Release) -> tuple[str, ...]:
    return tuple(release.fields.get(_FIELD, "").replace(",", " ").upper().split())


def _signing(candidate: Candidate) -> tuple[str, ...]:
    return tuple(claim.key for claim in claims_of(candidate.in_release))
