"""An installation that has run for long: rows of every kind, as many and as long as ours has met, kept by services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from packages_app.core.batches import batches_of

SUITE = "stable"


@dataclass(frozen=True)
class Fullness:
    """How much of everything there is. `named` are the packages that one held candidate, and one rebuild, tells of."""

    packages: int = 50_000
    jobs: int = 100_000
    notices: int = 20_000
    conflicts: int = 20_000
    left_out: int = 20_000
    named: int = 50_000
    publications: int = 120
    candidates: int = 20

    def part(self, of: int) -> Fullness:
        """Return one that has an `of`-th of each, at least one."""
        return Fullness(**{name: max(1, number // of) for name, number in vars(self).items()})


def fill_installation(full: Fullness) -> None:
    """Fill the installation of the settings, whose database and table are there and empty."""
    from tests.benchmarks.admin_rows import fill

    fill(full.packages)
    _fill_jobs(full.jobs)
    _fill_notices(full.notices)
    _fill_conflicts(full.conflicts)
    _fill_publications(full)
    _fill_candidates(full)
    _fill_table(full.left_out)
    _fill_definitions(full.left_out)


def _fill_jobs(count: int) -> None:
    from django.utils import timezone

    from packages_app.core.ports import Silent
    from packages_app.models import Job
    from packages_app.services.jobs.progress import JobProgress

    now = timezone.now()
    kinds = [kind for kind, _ in Job.Kind.choices]
    for numbers in batches_of(range(count), 5_000):
        Job.objects.bulk_create(
            Job(
                kind=kinds[number % len(kinds)],
                subject=f"tool{number % 997} {number}",
                state=("done", "failed", "done", "running", "queued")[number % 5],
                steps=[{"name": "read", "detail": "", "state": "done", "done": 1, "total": 1, "notes": []}],
                result={"added": list(range(20))},
                error="It could not be read. " * 40 if number % 5 == 1 else "",
                error_code="invalid_deb" if number % 5 == 1 else "",
                started=now - timedelta(seconds=number),
                ended=now,
            )
            for number in numbers
        )
    of_many_steps = Job.objects.create(kind="force_rebuild", state="running", started=now, subject="of many steps")
    progress = JobProgress(of_many_steps, Silent())
    for step in range(250):
        progress.step(f"package {step}", "of a batch")
        for note in range(10):
            progress.note(
                f"tool{note} {'was left out since its file is not as it was announced ' * 3}", level="warning"
            )
    finding = {"code": "pool_file_missing", "where": "pool/main/t/tool", "text": "is not there " * 8, "repair": "fetch"}
    Job.objects.create(
        kind="verify_repository", state="done", started=now, ended=now, subject="of many findings",
        result={"found": count, "faults": [finding] * 500, "plan": ["fetch it"] * 500, "consent": ["f" * 64] * 20_000,
                "digest": "f" * 64},
    )  # fmt: skip


def _fill_notices(count: int) -> None:
    from django.utils import timezone

    from packages_app.models import Job, Notice

    now, job = timezone.now(), Job.objects.filter(subject="of many steps").first()
    for numbers in batches_of(range(count), 5_000):
        Notice.objects.bulk_create(
            Notice(
                kind=("job_failed", "version_conflict", "new_version")[number % 3],
                level=("error", "warning", "info")[number % 3],
                subject=f"tool{number}",
                text=f"Something is the matter with tool{number}. " * (2_000 if number < 100 else 3),
                seen=now - timedelta(seconds=number),
                settled=now if number % 2 else None,
                job=job,
            )
            for number in numbers
        )


def _fill_conflicts(count: int) -> None:
    from packages_app.models import Conflict

    for numbers in batches_of(range(count), 5_000):
        Conflict.objects.bulk_create(
            Conflict(
                package_name=f"tool{number}", version="1.0", architecture="amd64", known_sha256="0" * 64,
                offered_sha256=f"{number:064x}", origin="https://example.org/" + "long/" * 200, settled=number % 2 == 0,
            )
            for number in numbers
        )  # fmt: skip


def _fill_publications(full: Fullness) -> None:
    from django.utils import timezone

    from packages_app.models import Job, Publication
    from packages_app.services.publication.publication_lists import keep_lists

    now, job = timezone.now(), Job.objects.filter(subject="of many steps").first()
    left_out = [
        {"package_id": f"tool{number}#1.0", "architecture": "amd64", "reasons": ["it has no SHA1", "dpkg refuses it"]}
        for number in range(full.left_out)
    ]
    names = [f"tool{number} 1.0 amd64" for number in range(full.named)]
    lists: dict[str, list[Any]] = {"added": names, "removed": names, "left_out": left_out, "missing_files": names}
    for number in range(full.publications):
        publication = Publication(
            suite=SUITE, kind="publish", date=now, valid_until=now + timedelta(days=9), fingerprint="F" * 40,
            release_sha256=f"{number:064x}", packages=9, records_read=9, uploaded_bytes=9, job=job,
        )  # fmt: skip
        keep_lists(publication, lists if number < 2 else {name: each[:100] for name, each in lists.items()})
        publication.save()


def _fill_candidates(full: Fullness) -> None:
    from packages_app.core.candidate_finding import MISSING, CandidateFinding
    from packages_app.core.errors import CandidateHeld
    from packages_app.services.publication.held_candidates import hold_back

    names = tuple(f"tool{number} 1.0 amd64" for number in range(full.named))
    for number in range(full.candidates):
        cautions = tuple(f"{name} setuid: usr/bin/tool{number}" for name in names)
        findings = (
            CandidateFinding("setuid", "New packages bring programs.", "Look at them.", cautions),
            CandidateFinding(MISSING, "Pool files are missing.", "Fetch them.", names),
        )
        hold_back(SUITE, CandidateHeld(SUITE, findings, added=names, removed=names, packages=9), None)


def _fill_table(count: int) -> None:
    """Leave so many records pending in the package table."""
    from packages_app.services import adapters
    from tests.records import make_record

    table = adapters.package_table()
    table.create()
    for numbers in batches_of(range(count), 1_000):
        table.put_many_new([make_record(f"tool{number}", suites=(SUITE,)) for number in numbers])


def _fill_definitions(count: int) -> None:
    from packages_app.models import DefinitionStatus
    from packages_app.services.mirror.definitions import mirror_definitions

    mirror_definitions()
    refused = {
        f"{number:032x}": {"until": "", "offer": f"tool {number}", "from": "https://example.org/", "why": "no. " * 20}
        for number in range(count)
    }
    DefinitionStatus.objects.filter(name="kiro").update(refused=refused, outcome="1 failed: " + "no. " * 5_000)
