"""What is suspicious about a candidate publication, in a form that a person can approve."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class CandidateFault:
    """One suspicion: `code` is vanished, missing or identity; `items` names all that it is about, sorted."""

    code: str
    text: str
    remedy: str
    items: tuple[str, ...]


def faults_digest(faults: Iterable[CandidateFault]) -> str:
    """Return the SHA256 (hex) of what the faults are about: an approval holds for just these, in any order."""
    said = sorted((fault.code, sorted(fault.items)) for fault in faults)
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()
