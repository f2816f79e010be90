"""Verifying the repository: each suite as clients see it over HTTP, then the pool, the mirror and the bucket."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from datetime import timedelta

from django.conf import settings

from packages_app.core.layout import suite_path
from packages_app.core.ports import Progress
from packages_app.core.repository import Suite
from packages_app.models import Job
from packages_app.services import adapters
from packages_app.services.archives import present_archive
from packages_app.services.publication.requests import known_suite
from packages_app.services.verification.notices import tell_of_findings
from packages_app.services.verification.verify_pool import ORPHAN_AGE, verify_pool
from packages_app.services.verification.verify_suite import verify_suite
from packages_app.verification.finding import Cure, Finding, Part, PoolScope, Verification
from packages_app.verification.reader import ServedObjects, StoredObjects, View


def verify_repository(
    suites: Iterable[str],
    progress: Progress,
    *,
    part: Part = Part.ALL,
    pool: PoolScope = PoolScope.SAMPLE,
    sample: int | None = None,
    seed: str = "",
    orphan_age: timedelta = ORPHAN_AGE,
    job: Job | None = None,
) -> Verification:
    """Look for everything that is not as it should be, in all suites when none is named; changes nothing.

    `part` says whether suites, the pool, or both are looked at. `sample` is how many pool files are read besides the
    newest (default: VERIFY_SAMPLE), `seed` decides which. Mirror, orphans and strays are looked for with the pool, when
    all suites are. Notices are raised or settled. What is wrong with a suite is looked at again while nobody publishes
    it. Raise `LeaseBusy` when somebody does, `PackageRefused` for an unknown suite, and the errors of table and store.
    """
    wanted, whole = _wanted(suites)
    size = settings.VERIFY_SAMPLE if sample is None else sample
    findings: list[Finding] = []
    indexes = pool_files = 0
    with ExitStack() as stack:
        served = stack.enter_context(ServedObjects(present_archive().public_url))
        progress.step("ask the public address", present_archive().public_url)
        away = served.unreachable(suite_path(wanted[0].name, "InRelease"))
        findings += _unreachable(away)
        view = View(StoredObjects(adapters.bucket()), None if away else served, adapters.now())
        for suite in wanted if part is not Part.POOL else ():
            found, read = verify_suite(suite, view, progress)
            findings, indexes = findings + found, indexes + read
        if part is not Part.SUITES:
            names = None if whole else frozenset(suite.name for suite in wanted)
            found, pool_files = verify_pool(
                view, progress, suites=names, pool=pool, sample=size, seed=seed, orphan_age=orphan_age
            )
            findings += found
    verification = Verification(
        suites=tuple(suite.name for suite in wanted),
        whole=whole,
        pool=pool,
        sample=size,
        seed=seed,
        findings=tuple({(finding.code, finding.where): finding for finding in findings}.values()),
        indexes=indexes,
        pool_files=pool_files,
        part=part,
    )
    tell_of_findings(verification, job)
    return verification


def _wanted(names: Iterable[str]) -> tuple[list[Suite], bool]:
    """Return the suites of these names, all when there is none, and whether these are all that are configured."""
    configured = adapters.repository().suites
    wanted = [known_suite(name) for name in names] or list(configured)
    return wanted, {suite.name for suite in wanted} == {suite.name for suite in configured}


def _unreachable(why: str) -> list[Finding]:
    if not why:
        return []
    text = (
        f"It can't be reached from here: {why}. The bucket was read in its place. Check the web process or the server."
    )
    return [Finding("unreachable", present_archive().public_url, text, Cure.NONE)]
