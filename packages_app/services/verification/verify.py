"""Verifying the repository: as clients see it over HTTP, then the table against the mirror and the bucket."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from django.conf import settings

from packages_app.core.layout import suite_path
from packages_app.core.ports import Progress
from packages_app.core.record import PackageRecord
from packages_app.core.repository import Repository, Suite
from packages_app.indexes.release import ReleaseEntry
from packages_app.models import Job
from packages_app.publishing.contents import ListedContents
from packages_app.publishing.whole_draft import Collected, collect, write_indexes
from packages_app.services import adapters
from packages_app.services.mirror.packages import mirror_differences
from packages_app.services.publication.lease_hold import lease_held
from packages_app.services.publication.requests import known_suite
from packages_app.services.publication.watch_expiry import near_expiry
from packages_app.services.verification.notices import tell_of_faults
from packages_app.services.verification.verify_root import root_faults
from packages_app.sweeping.retention import Keeping
from packages_app.sweeping.sweep import Sweep
from packages_app.verification.fault import Cure, Fault, Pool, Verification
from packages_app.verification.indexes import (
    examine_contents,
    examine_indexes,
    examine_waiting_names,
    strays_of,
)
from packages_app.verification.pool import byte_faults, chosen, listing_faults
from packages_app.verification.reader import Reader, ServedObjects, StoredObjects, View
from packages_app.verification.release import examine_release

ORPHAN_AGE = timedelta(days=1)
"""A pool file that no record names is an orphan only when it is older: an intake may be about to write its record."""

_WAITS_AT_MOST = timedelta(hours=1)

log = structlog.get_logger(__name__)


@dataclass
class _Look:
    """One verification under way."""

    repository: Repository
    view: View
    records: tuple[PackageRecord, ...]
    progress: Progress
    pool: dict[str, int] = field(default_factory=dict)
    """Size in bytes by key, as listed."""
    indexes: int = 0
    pool_files: int = 0


def verify_repository(
    suites: Iterable[str],
    progress: Progress,
    *,
    pool: Pool = Pool.SAMPLE,
    sample: int | None = None,
    seed: str = "",
    orphan_age: timedelta = ORPHAN_AGE,
    job: Job | None = None,
) -> Verification:
    """Look for everything that is not as it should be, in all suites when none is named; changes nothing.

    `sample` is how many pool files are read besides the newest (default: VERIFY_SAMPLE), `seed` decides which. Mirror,
    orphans and strays are looked for when all suites are. Raises or settles notices. What is wrong with a suite is
    looked at once more while nobody publishes it. Raises `LeaseBusy` when somebody does, `PackageRefused` for an
    unknown suite, and the errors of table and store.
    """
    repository = adapters.repository()
    wanted = [known_suite(name) for name in suites] or list(repository.suites)
    size = settings.VERIFY_SAMPLE if sample is None else sample
    with ExitStack() as stack:
        served = stack.enter_context(ServedObjects(settings.PUBLIC_URL))
        progress.step("ask the public address", settings.PUBLIC_URL)
        away = served.unreachable(suite_path(wanted[0].name, "InRelease"))
        faults = [_unreachable(away)] if away else []
        progress.step("read the package table")
        records = tuple(adapters.package_table().all_records())
        view = View(StoredObjects(adapters.bucket()), None if away else served, adapters.now())
        look = _Look(repository, view, records, progress)
        for suite in wanted:
            faults += _suite_faults(look, suite)
        whole = {suite.name for suite in wanted} == {suite.name for suite in repository.suites}
        faults += _pool_faults(look, None if whole else [suite.name for suite in wanted], pool, size, seed)
        if whole:
            faults += _whole_faults(look, orphan_age)
    verification = Verification(
        suites=tuple(suite.name for suite in wanted),
        whole=whole,
        pool=pool,
        sample=size,
        seed=seed,
        faults=tuple({(fault.code, fault.where): fault for fault in faults}.values()),
        indexes=look.indexes,
        pool_files=look.pool_files,
    )
    tell_of_faults(verification, job)
    return verification


def _unreachable(why: str) -> Fault:
    text = (
        f"It can't be reached from here: {why}. The bucket was read in its place. Check the web process or the server."
    )
    return Fault("unreachable", settings.PUBLIC_URL, text, Cure.NONE)


def _suite_faults(look: _Look, suite: Suite) -> list[Fault]:
    """Give a suite's faults; those that a publication under way causes are none."""
    look.progress.step("verify suite", suite.name)
    faults = _examine_suite(look, suite, lambda: None)
    if not faults:
        return []
    look.progress.step("verify suite again", f"{suite.name}, while nobody publishes it")
    table = adapters.package_table()
    with lease_held(table, f"publish:{suite.name}") as lease:
        records = tuple(table.all_records())
        lease.hold()
        look.view = View(look.view.stored, look.view.served, adapters.now())
        look.records = records
        return _examine_suite(look, suite, lease.hold)


def _examine_suite(look: _Look, suite: Suite, hold: Callable[[], None]) -> list[Fault]:
    view, collected = look.view, collect(suite, look.records)
    keyring = adapters.signer().public_keyring()
    examined = examine_release(view.stored, look.repository, suite, keyring, view.now, near_expiry)
    faults = [*examined.faults, *_served_faults(view, suite, examined.sound)]
    hold()
    made = None
    if examined.release is None:
        made = _entries_made(suite, collected)
    entries = made if made is not None else examined.release.entries if examined.release else {}
    indexes = examine_indexes(view, suite, entries, hold)
    look.indexes += indexes.read
    faults += indexes.faults
    if not _publication_waits(suite.name):
        faults += examine_contents(suite, indexes.texts, collected.placed)
        if suite == look.repository.default_suite:
            contents = ListedContents([placed.entry for placed in collected.placed])
            faults += root_faults(view, suite, contents, {record.key: record for record in look.records})
    keys = [key for key, _ in adapters.bucket().keys(suite_path(suite.name))]
    faults += strays_of(suite, keys, entries)
    if any(fault.repair in (Cure.PUBLISH, Cure.DROP) for fault in faults):
        hold()
        made = made or _entries_made(suite, collected)
        faults += examine_waiting_names(view, suite, made, {fault.where for fault in faults})
    return faults


def _entries_made(suite: Suite, collected: Collected) -> dict[str, ReleaseEntry]:
    """Give what the Release of a publication made now would list."""
    with tempfile.TemporaryDirectory(prefix="repomgr-verify-") as folder:
        written = write_indexes(Path(folder), suite, collected, adapters.shard_cache())
    return {file.name: file.entry for index in written.values() for file in index.files}


def _served_faults(view: View, suite: Suite, sound: dict[str, bytes]) -> list[Fault]:
    """Compare Release's three forms as clients get them with those in the bucket."""
    faults = []
    for key, body in sound.items():

        def check(reader: Reader, key: str = key, body: bytes = body) -> str:
            return "" if reader.read(key, len(body), keep=True).body == body else "It is another one."

        problem = view.problem(key, check)
        if problem is not None:
            faults.append(Fault("not_served", key, problem.text, Cure.NONE, suite.name))
    return faults


def _publication_waits(suite: str) -> bool:
    """Say whether a suite is to be published anyway: what the table has more than the indexes is no fault then."""
    waiting = Job.objects.filter(kind=Job.Kind.PUBLISH, subject=suite).exclude(state__in=Job.ENDED)
    return waiting.filter(created__gt=adapters.now() - _WAITS_AT_MOST).exists()


def _pool_faults(look: _Look, suites: Sequence[str] | None, pool: Pool, sample: int, seed: str) -> list[Fault]:
    """Look at the files of records, of those in some suites when they are given."""
    look.progress.step("list the pool")
    records = [r for r in look.records if suites is None or set(suites) & set(r.suites)]
    # After the records: a file is in the pool before its record is in the table.
    look.pool = dict(adapters.bucket().keys("pool/"))
    faults = listing_faults(records, look.pool)
    known = {fault.where for fault in faults}
    files = [record for record in chosen(records, pool, sample, seed) if record.pool_path not in known]
    look.progress.step("read pool files", f"{len(files)} of {len(records)}")
    look.pool_files = len(files)
    return faults + byte_faults(look.view, files, look.progress.advance)


def _whole_faults(look: _Look, orphan_age: timedelta) -> list[Fault]:
    look.progress.step("compare the mirror")
    faults = [
        Fault("mirror_differs", f"mirror: {package_id} {architecture}", "Its row is not as its record.", Cure.RECONCILE)
        for package_id, architecture in mirror_differences(look.records)
    ]
    look.progress.step("look for orphans and strays")
    return [*faults, *_orphans(look, orphan_age), *_foreign_strays(look.repository)]


def _orphans(look: _Look, age: timedelta) -> list[Fault]:
    named = {record.pool_path for record in look.records}
    unnamed = [key for key in look.pool if key not in named]
    if not unnamed:
        return []
    plan = sweep_of(age, lambda: None, look.view.now).plan_pool()
    if plan.kept_back:
        old = [key for key in unnamed if _is_old(look.view, key, look.view.now - age)]
        text = f"No record names it; whether a Release does is not known: {plan.kept_back}"
        return [Fault("orphan", key, text, Cure.SET_ASIDE) for key in old]
    return [Fault("orphan", found.key, "No record names it.", Cure.SET_ASIDE) for found in plan.orphans]


def _is_old(view: View, key: str, before: datetime) -> bool:
    modified = view.stored.modified(key)
    return modified is not None and modified < before


def sweep_of(age: timedelta, hold: Callable[[], None], now: datetime) -> Sweep:
    """Give the sweep that decides about pool files older than `age`: those that a kept Release names stay."""
    keyring = adapters.signer().public_keyring()
    keeping = Keeping(settings.SWEEP_GENERATIONS, age)
    return Sweep(adapters.package_table(), adapters.bucket(), adapters.staging(), keyring, keeping, now, hold)


def _foreign_strays(repository: Repository) -> list[Fault]:
    """Find objects below dists/ that belong to no configured suite."""
    folders = tuple(suite_path(suite.name) for suite in repository.suites)
    return [
        Fault("stray", key, "It belongs to no suite of repository.yaml.", Cure.SET_ASIDE)
        for key, _ in adapters.bucket().keys("dists/")
        if not key.startswith(folders)
    ]
