"""The pool verified: the files of all records, and with it the mirror, orphans, and strays of no suite."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache

from django.conf import settings

from packages_app.core.layout import suite_path
from packages_app.core.ports import Progress
from packages_app.core.record import PackageRecord
from packages_app.core.snapshot import time_of
from packages_app.publishing.snapshots import is_there, objects_of_snapshots
from packages_app.services import adapters
from packages_app.services.mirror.packages import mirror_differences
from packages_app.stores.promises import is_leftover
from packages_app.sweeping.let_go import keeps_file
from packages_app.sweeping.retention import Keeping
from packages_app.sweeping.retired import is_of_publications, look_at_retired
from packages_app.sweeping.sweep import Sweep
from packages_app.verification.builds import build_findings
from packages_app.verification.finding import Cure, Finding, PoolScope
from packages_app.verification.pool import PoolFile, byte_findings, chosen, listing_findings, pool_file_of
from packages_app.verification.reader import View

ORPHAN_AGE = timedelta(days=1)
"""A pool file that no record names is an orphan only when it is older: an intake may be about to write its record."""


_PROBE_AGE = timedelta(hours=1)
"""A probe's object is of one that was killed only when it is older."""
_OF_ROOT = (".deb", ".gpg", ".asc", ".pgp", ".key")
"""How the names of packages and keyrings end."""


def verify_pool(
    view: View,
    progress: Progress,
    *,
    suites: Collection[str] | None,
    pool: PoolScope,
    sample: int,
    seed: str,
    orphan_age: timedelta,
) -> tuple[list[Finding], int]:
    """Look at the files of records, of those in some suites when they are named; else at mirror, orphans, strays too.

    Records are read once, one by one; kept is what they say of their files. Returns what was found, and how many pool
    files were read. Raise the errors of table and store.
    """
    progress.step("read the package table")
    files: list[PoolFile] = []
    findings = _table_findings(files) if suites is None else []
    if suites is not None:
        files = list({file.key: file for suite in suites for file in _files_of(suite)}.values())
    progress.step("list the pool")
    # After the records: a file is in the pool before its record is in the table.
    listed = dict(adapters.bucket().keys("pool/"))
    missing = _but_for_let_go(listing_findings(files, listed), view.now)
    known = {finding.where for finding in missing}
    to_read = [file for file in chosen(files, pool, sample, seed) if file.path not in known]
    progress.step("read pool files", f"{len(to_read)} of {len(files)}")
    findings += [*missing, *byte_findings(view, to_read, progress.advance)]
    if suites is None:
        progress.step("look for orphans and strays")
        findings += [*_orphans(view, files, listed, orphan_age), *_foreign_strays(view)]
    return findings, len(to_read)


def _files_of(suite: str) -> Iterator[PoolFile]:
    return (pool_file_of(record) for record in adapters.package_table().records_of(suite))


def _table_findings(files: list[PoolFile]) -> list[Finding]:
    """Compare the mirror with all records, look at their builds, and add to `files` what each says of its file."""
    builds: list[PackageRecord] = []

    def passing() -> Iterator[PackageRecord]:
        for record in adapters.package_table().all_records():
            files.append(pool_file_of(record))
            if record.build:
                builds.append(record)
            yield record

    differing = [
        Finding(
            "mirror_differs", f"mirror: {package_id} {architecture}", "Its row is not as its record.", Cure.RECONCILE
        )
        for package_id, architecture in mirror_differences(passing())
    ]
    plain = adapters.package_table().get_many({(record.package_id, record.architecture) for record in builds})
    return [*differing, *build_findings([*builds, *plain.values()], _is_declared)]


def _is_declared(record: PackageRecord, suite: str) -> bool:
    """Return whether a definition with builds gives a record's to a suite."""
    definition = adapters.definitions().by_package.get(record.package_name)
    if definition is None or not definition.builds:
        return False
    named = not record.build or record.build in {build.label for build in definition.builds}
    return named and suite in definition.suites_for(record.build)


def _orphans(view: View, files: list[PoolFile], listed: Mapping[str, int], age: timedelta) -> list[Finding]:
    named = {file.path for file in files}
    unnamed = [key for key in listed if key not in named]
    if not unnamed:
        return []
    plan = sweep_of(age, lambda: None, view.now).plan_pool()
    if plan.kept_back:
        old = [key for key in unnamed if _is_old(view, key, view.now - age)]
        text = f"No record names it; whether a Release does is not known: {plan.kept_back}"
        return [Finding("orphan", key, text, Cure.SET_ASIDE) for key in old]
    orphans = (found.key for found in plan.orphans if found.key not in named)
    return [Finding("orphan", key, "No record names it.", Cure.SET_ASIDE) for key in orphans]


def _but_for_let_go(findings: list[Finding], now: datetime) -> list[Finding]:
    """Leave out the missing files of records that retention took out, and whose days are over."""
    table, before = adapters.package_table(), now - timedelta(days=settings.SWEEP_DAYS)
    records = table.get_many([finding.record for finding in findings if finding.record is not None])
    gone = {key for key, record in records.items() if not keeps_file(table, record, before)}
    return [finding for finding in findings if finding.code != "pool_missing" or finding.record not in gone]


def _is_old(view: View, key: str, before: datetime) -> bool:
    modified = view.stored.modified(key)
    return modified is not None and modified < before


def sweep_of(age: timedelta, keep_lease: Callable[[], None], now: datetime) -> Sweep:
    """Return the sweep that decides about pool files older than `age`: those that a kept Release names stay."""
    keyring = adapters.signer().public_keyring()
    keeping = Keeping(settings.SWEEP_GENERATIONS, age)
    return Sweep(adapters.package_table(), adapters.bucket(), adapters.staging(), keyring, keeping, now, keep_lease)


def _foreign_strays(view: View) -> list[Finding]:
    """Find objects below dists/ of no suite, and packages and keyrings in the root that are of no use now.

    So what a probe left that was killed. What a retired suite has left is the sweep's, its snapshots stay.
    What else an operator puts into the root is his own.
    """
    repository = adapters.repository()
    configured = {suite.name for suite in repository.suites}
    folders = tuple(suite_path(name) for name in configured)
    copies = {d.bootstrap.copy for d in adapters.definitions().bootstrap_packages() if d.bootstrap}
    in_root = {repository.keyring_key, *copies}
    findings = []
    keys = [key for key, _ in adapters.bucket().keys("")]
    of_retired = _of_retired_suites(view, {key.split("/")[1] for key in keys if key.count("/") > 1} - configured)
    for key in keys:
        if key.startswith("dists/") and not key.startswith(folders) and key not in of_retired:
            findings.append(Finding("stray", key, "It belongs to no suite of repository.yaml.", Cure.SET_ASIDE))
        elif "/" not in key and key not in in_root and key.endswith(_OF_ROOT):
            text = "No bootstrap package is copied there, and it is not the repository's keyring: an old one?"
            findings.append(Finding("stray", key, text, Cure.SET_ASIDE, repository.default_suite.name))
        elif is_leftover(key) and _is_old(view, key, view.now - _PROBE_AGE):
            text = "A probe of the bucket that was killed left it; the next one (doctor, create_storage) removes it."
            findings.append(Finding("stray", key, text, Cure.SET_ASIDE, repository.default_suite.name))
    return findings


def _of_retired_suites(view: View, names: Collection[str]) -> set[str]:
    """Return the objects in these folders of dists/ that are the sweep's to take, or snapshots that are there."""
    sweep = sweep_of(ORPHAN_AGE, lambda: None, view.now)
    given = cache(lambda: frozenset(sweep.table.suites_given()))
    found: set[str] = set()
    for name in names:
        retired = look_at_retired(sweep, name, given)
        found |= {key for key in retired.objects if retired.ours and is_of_publications(name, key)}
        for snapshot, objects in objects_of_snapshots(sweep.bucket, name).items():
            of_publication = retired.ours and time_of(snapshot) is not None
            found |= objects.keys() if of_publication or is_there(objects, name, snapshot) else set()
    return found
