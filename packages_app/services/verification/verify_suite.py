"""One suite verified: what clients are served of it is held against its records."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from django.conf import settings

from packages_app.core.layout import suite_path
from packages_app.core.ports import Progress
from packages_app.core.record import named_key
from packages_app.core.repository import Suite
from packages_app.indexes.entry import IndexEntry
from packages_app.indexes.packages import LeftOut
from packages_app.indexes.release import Release, ReleaseEntry
from packages_app.models import Job
from packages_app.publishing.contents import ListedContents
from packages_app.publishing.generations import generations, release_digest
from packages_app.publishing.place import with_what_staging_knows
from packages_app.publishing.published import read_published
from packages_app.publishing.unreadable import collect_readable
from packages_app.publishing.whole_draft import Collected, collect, write_indexes
from packages_app.services import adapters
from packages_app.services.publication.lease_hold import lease_held
from packages_app.services.publication.watch_expiry import near_expiry
from packages_app.services.verification.keys import bootstrap_key_findings, suite_key_findings
from packages_app.services.verification.verify_root import root_findings
from packages_app.verification.finding import Cure, Finding
from packages_app.verification.indexes import (
    examine_contents,
    examine_indexes,
    examine_waiting_names,
    strays_of,
)
from packages_app.verification.reader import Reader, View
from packages_app.verification.release import examine_release
from packages_app.verification.snapshots import examine_snapshots

_WAITS_AT_MOST = timedelta(hours=1)

Looked = tuple[list[Finding], int]
"""What was found, and how many indexes were read."""


def verify_suite(suite: Suite, view: View, progress: Progress) -> Looked:
    """Look at one suite as its clients see it; findings that a publication under way causes are none.

    What is wrong is looked at once more while nobody publishes the suite. Returns what was found, and how many indexes
    were read. Raise `LeaseBusy` when somebody publishes it for long, and the errors of table and store.
    """
    progress.step("verify suite", suite.name)
    findings, read = _look(suite, view, lambda: None)
    if not findings:
        return [], read
    progress.step("verify suite again", f"{suite.name}, while nobody publishes it")
    with lease_held(adapters.package_table(), f"publish:{suite.name}") as lease:
        findings, again = _look(suite, replace(view, now=adapters.now()), lease.keep_lease)
    return findings, read + again


def _look(suite: Suite, view: View, keep_lease: Callable[[], None]) -> Looked:
    repository, keyring = adapters.repository(), adapters.signer().public_keyring()
    every = collect(suite, adapters.package_table().records_of(suite.name))
    keep_lease()
    collected = every if settings.APT_CHECK == "off" else collect_readable(suite, every)
    keep_lease()
    examined = examine_release(view.stored, repository, suite, keyring, view.now, near_expiry)
    findings = [*examined.findings, *_served_findings(view, suite, examined.sound)]
    findings += _unreadable_findings(suite, set(collected.left_out) - set(every.left_out))
    keep_lease()
    made = None
    seen = examined.release or _seen_by_clients(suite, keyring)
    if seen is None:
        made = _entries_made(suite, collected)
    entries = seen.entries if seen is not None else made or {}
    indexes = examine_indexes(view, suite, entries, keep_lease, by_hash=seen is None or seen.names_by_hash)
    findings += indexes.findings
    contents = ListedContents([placed.entry for placed in collected.placed])
    findings += suite_key_findings(suite)
    findings += bootstrap_key_findings(suite, {one.package_name: one.pool_path for one in _newest(contents)})
    if not _publication_waits(suite.name):
        findings += examine_contents(suite, indexes.texts, collected.placed)
        if suite == repository.default_suite:
            findings += root_findings(view, suite, contents)
    keys = [key for key, _ in adapters.bucket().keys(suite_path(suite.name))]
    unproven = examined.unproven.entries if examined.unproven is not None else {}
    findings += strays_of(suite, keys, {*entries, *unproven})
    of_snapshots, snapshots_read = examine_snapshots(view, adapters.bucket(), suite, keyring, keep_lease)
    findings += of_snapshots
    if any(finding.repair in (Cure.PUBLISH, Cure.DROP) for finding in findings):
        keep_lease()
        made = made or _entries_made(suite, collected)
        findings += examine_waiting_names(view, suite, made, {finding.where for finding in findings})
    return findings, indexes.read + snapshots_read


def _seen_by_clients(suite: Suite, keyring: bytes) -> Release | None:
    """Return what clients read where our key has signed nothing that stands there: another key's, or what was given.

    A candidate that waits is not what they see, and its indexes are in nobody's place. None where what stands there is
    damaged, and staging has not kept what was given either.
    """
    staging, name = adapters.staging(), suite.name
    given = adapters.package_table().last_given(name)
    published = with_what_staging_knows(read_published(adapters.bucket(), name, keyring), staging, name, given)
    odd = published.unrecognised
    if published.release is not None or odd is None or odd.is_anothers or odd.of_pair:
        return published.seen
    return odd.release if release_digest(odd.text) in {one.sha256 for one in generations(staging, name)} else None


def _unreadable_findings(suite: Suite, left_out: Collection[LeftOut]) -> list[Finding]:
    """Return a finding for each record that no index carries since apt or dpkg can't read it."""
    return [
        Finding(
            "record_unreadable",
            f"{suite.name}: {named_key((item.package_id, item.architecture))}",
            f"No index carries it: {', '.join(item.reasons)}.",
            Cure.NONE,
            suite.name,
        )
        for item in sorted(left_out)
    ]


def _newest(contents: ListedContents) -> list[IndexEntry]:
    names = [definition.name for definition in adapters.definitions().bootstrap_packages()]
    return [entry for name in names if (entry := contents.newest_of(name)) is not None]


def _entries_made(suite: Suite, collected: Collected) -> dict[str, ReleaseEntry]:
    """Return what the Release of a publication made now would list."""
    with tempfile.TemporaryDirectory(prefix="repomgr-verify-") as folder:
        written = write_indexes(Path(folder), suite, collected, adapters.shard_cache())
    return {file.name: file.entry for index in written.values() for file in index.files}


def _served_findings(view: View, suite: Suite, sound: dict[str, bytes]) -> list[Finding]:
    """Compare Release's three forms as clients get them with those in the bucket."""
    findings = []
    for key, body in sound.items():

        def check(reader: Reader, key: str = key, body: bytes = body) -> str:
            return "" if reader.read(key, len(body), keep=True).body == body else "It is another one."

        object_finding = view.object_finding(key, check)
        if object_finding is not None:
            findings.append(Finding("not_served", key, object_finding.text, Cure.NONE, suite.name))
    return findings


def _publication_waits(suite: str) -> bool:
    """Return whether a suite is to be published anyway: what the table has more than the indexes is no finding then."""
    waiting = Job.objects.filter(kind=Job.Kind.PUBLISH, subject=suite).exclude(state__in=Job.ENDED)
    return waiting.filter(created__gt=adapters.now() - _WAITS_AT_MOST).exists()
