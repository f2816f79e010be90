"""A history of publications of a stored table, at fixed dates: what it puts into the bucket may never change."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from packages_app.core.ports import Silent
from packages_app.core.record import PackageRecord
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.publishing.publisher import Publisher
from packages_app.services import adapters
from packages_app.signing.openpgp import verified_text
from tests.stack import Stack

STORED = Path(__file__).with_name("stored_table")
_FIRST_DAY = datetime(2026, 1, 5, 6, 7, 8, tzinfo=UTC)
_SIGNED = ("InRelease", "Release.gpg")
_TWO = ["amd64", "arm64"]
SUITES: tuple[dict[str, Any], ...] = (
    {"name": "stable", "codename": "steady", "architectures": _TWO, "components": ["main", "contrib"],
     "index_forms": ["plain", "gz", "xz"], "pdiff_above": 0, "pdiff_history": 3},
    {"name": "testing", "codename": "trying", "architectures": _TWO, "components": ["main"], "index_forms": ["gz"],
     "pdiff_above": 40, "pdiff_history": 20},
    {"name": "edge", "codename": "edge", "architectures": ["amd64"], "components": ["main"],
     "index_forms": ["gz", "xz"]},
)  # fmt: skip

Objects = dict[str, str]
"""The SHA256 of objects by their keys."""


def stored_records() -> list[PackageRecord]:
    """Return the records of the stored table, in the order in which they were written."""
    with gzip.open(STORED / "records.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [PackageRecord.from_dict(json.loads(line)) for line in lines]


def stored_history() -> list[dict[str, Any]]:
    """Return what each publication of the history put into the bucket, as it was stored."""
    history: list[dict[str, Any]] = json.loads((STORED / "publications.json").read_text())
    return history


def publish_history(stack: Stack) -> Iterator[dict[str, Any]]:
    """Publish the stored table and what comes to it, day by day; yield of each publication what it changed.

    `objects` are the new or changed ones below `dists/`, without signatures, and `signed` says that both carry a good
    signature of Release, so that nothing but them depends on the key.
    """
    stack.configure(suites=list(SUITES))
    records = stored_records()
    for record in records:
        stack.bucket.put(record.pool_path, b"package")
    *others, last = records
    added, moved = others[-30:], others[3]
    stack.table.put_many_new(others[:-30])
    known: Objects = {}
    for day, (what, options) in enumerate(
        [
            ("first", PublicationOptions()),
            ("one added", PublicationOptions()),
            ("one removed, one moved", PublicationOptions()),
            ("many added", PublicationOptions()),
            ("dates renewed", PublicationOptions(resign=True)),
            ("rebuilt", PublicationOptions(rebuild=True)),
            ("one added after a rebuild", PublicationOptions()),
            ("nothing new", PublicationOptions()),
        ]
    ):
        if what == "one added":
            stack.table.put_new(added.pop())
        if what == "one removed, one moved":
            stack.table.set_suites(moved, [])
            stack.table.set_suites(others[8], ["edge", "testing"])
        if what == "many added":
            stack.table.put_many_new(added)
        if what == "one added after a rebuild":
            stack.table.put_new(last)
        for suite in SUITES:
            outcome = _publisher(_FIRST_DAY + timedelta(days=day)).publish(_suite(suite["name"]), options)
            changed = _changed(stack, suite["name"], known)
            known |= changed
            yield {
                "what": f"{suite['name']}: {what}",
                "packages": outcome.packages,
                "left_out": [str(item) for item in outcome.left_out] if what in ("first", "rebuilt") else [],
                "signed": _signed(stack, suite["name"]),
                "objects": changed,
            }


def _publisher(now: datetime) -> Publisher:
    return Publisher(
        adapters.repository(),
        adapters.package_table(),
        adapters.bucket(),
        adapters.staging(),
        adapters.signer(),
        lambda: now,
        lambda: None,
        Silent(),
        adapters.shard_cache(),
    )


def _suite(name: str) -> Any:
    return adapters.repository().suite(name)


def _changed(stack: Stack, suite: str, known: Objects) -> Objects:
    found = {key: hashlib.sha256(stack.bucket.read(key)).hexdigest() for key in _keys(stack, suite)}
    return {key: sha256 for key, sha256 in found.items() if known.get(key) != sha256}


def _keys(stack: Stack, suite: str) -> Iterable[str]:
    for key, _ in stack.bucket.keys(f"dists/{suite}/"):
        if key.rpartition("/")[2] not in _SIGNED:
            yield key


def _signed(stack: Stack, suite: str) -> bool:
    in_release, release, detached = (
        stack.bucket.read(f"dists/{suite}/{name}") for name in ("InRelease", "Release", "Release.gpg")
    )
    keyring = adapters.signer().public_keyring()
    clear, apart = verified_text(in_release, keyring), verified_text(release, keyring, signature=detached)
    return clear == release == apart
