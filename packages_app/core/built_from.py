"""What a file was built from, as its builder's identity provider vouched for: kept with its record."""

from __future__ import annotations

from collections.abc import Mapping

from packages_app.core.other_fields import Keeps, keeping, kept_in
from packages_app.core.record import PackageRecord

_KEPT_AS = "built_from"
NAMES = ("issuer", "repository", "workflow", "ref", "commit", "run", "environment", "actor", "subject", "publisher")
"""What is kept, each a text; what an issuer does not say is left out."""


def with_built_from(record: PackageRecord, said: Mapping[str, str]) -> PackageRecord:
    """Return the record with what it was built from; as it is where nobody vouched for anything."""
    kept = {name: said[name] for name in NAMES if said.get(name)}
    return keeping(record, _KEPT_AS, kept) if kept else record


def built_from(record: Keeps) -> dict[str, str]:
    """Return what a record's file was built from, by `NAMES`; empty where nobody vouched for anything."""
    kept = kept_in(record).get(_KEPT_AS)
    if not isinstance(kept, dict):
        return {}
    return {name: str(kept[name]) for name in NAMES if kept.get(name)}


def built_from_told(said: Mapping[str, str]) -> str:
    """Return it as a sentence for people, "" for nothing."""
    if not said:
        return ""
    if not said.get("repository"):
        return f"built by {said.get('subject', '?')}, as {said.get('issuer', '?')} says"
    told = f"built by workflow {said.get('workflow', '?')} of repository {said['repository']}"
    told += f" at commit {said['commit']}" if said.get("commit") else ""
    told += f" ({said['ref']})" if said.get("ref") else ""
    return f"{told}, as {said.get('issuer', '?')} says"
