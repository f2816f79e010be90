"""What is suspicious about a candidate publication, in a form that a person can approve."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

MISSING = "missing"
"""The code of pool files that are not there."""
UNINSTALLABLE = "uninstallable"
"""The code of packages that could be installed and can't be any more."""


@dataclass(frozen=True)
class CandidateFinding:
    """One suspicion: `items` names all that it is about, sorted.

    `code` is vanished, missing, identity, signed_by, uninstallable, a caution's, or one that tells of the place:
    `publishing/place.py` has those.
    """

    code: str
    text: str
    remedy: str
    items: tuple[str, ...]


def findings_digest(findings: Iterable[CandidateFinding]) -> str:
    """Return the SHA256 (hex) of what the findings are about: an approval holds for just these, in any order."""
    said = sorted((finding.code, sorted(finding.items)) for finding in findings)
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()
