"""The run of a soak: a product with all at once, a disk that is full for a while, and the reckoning."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from packages_app.core.layout import suite_path
from packages_app.core.ports import Silent
from packages_app.indexes.release import parse_release, release_date
from packages_app.models import Job, Publication
from packages_app.services import adapters
from packages_app.services.publication.publish import publish
from packages_app.signing.openpgp import verified_text
from repomgr.servers.process import listens, process, wait_until
from tests.debs import build_deb
from tests.disks import SmallDisk
from tests.faults.chaos_run import AptReader, Tally, repeated
from tests.faults.soak_load import DrippingVendor, SlowClients, Uploads, Visitor
from tests.faults.soak_verdict import Verdict, distribution, look_at_memory, look_at_messages
from tests.faults.soak_watch import (
    Health,
    Published,
    Samples,
    done_twice,
    rows,
    taken_in_twice,
    wait_for_jobs,
)
from tests.stack import REPOSITORY, Stack

UPLOADED, LARGE = "tool", "large"
LARGE_BYTES = 16 * 1024**2
UPLOAD_EVERY = 3.0
DRIP_SECONDS = 40.0
SETTLE_SECONDS = 300.0
TICK = timedelta(minutes=1)
RENEWED_WITHIN = 3 * TICK.total_seconds()
"""A tick of the clock, one of waking, and the publications before it."""
HALF_A_LIFE = timedelta(hours=12)
MOST_RENEWALS = 6
PASSWORD = "soak"


@dataclass(frozen=True)
class Plan:
    """What is soaked: how long (seconds), in what place, and how soon an upload must be visible (seconds)."""

    seconds: float
    within: float
    home: Path
    log: Path
    port: int
    public_url: str
    broker: str
    disk: SmallDisk | None

    @property
    def renewals(self) -> list[str]:
        """Return the suites whose signatures are due during the soak, one after the other."""
        return [f"due{number}" for number in range(1, max(1, min(MOST_RENEWALS, int(self.seconds // 60) - 2)) + 1)]


@dataclass
class Seen:
    """What the soak has seen; moments are those of the monotonic clock."""

    tally: Tally = field(default_factory=Tally)
    full: tuple[float, float] | None = None
    rows_before: dict[str, int] = field(default_factory=dict)
    left: int = 0


def prepare(plan: Plan, vendors: list[DrippingVendor]) -> None:
    """Configure and start a home for the first time, and date the signatures of some suites back."""
    stack = Stack(plan.home, plan.home / "config")
    for definition in (stack.config / "packages").glob("*.yaml"):
        definition.unlink()
    stack.configure(suites=[{}, *({"name": each, "codename": each, "valid_days": 1} for each in plan.renewals)])
    for name in (UPLOADED, LARGE):
        stack.define_uploads(name)
    for vendor in vendors:
        stack.define(vendor.name, {"type": "external_download", "endpoint": vendor.endpoint})
    call_command("first_start", verbosity=0)
    get_user_model().objects.create_superuser("soak", password=PASSWORD)
    for suite in adapters.repository().suites:
        publish(suite.name, Silent())
    every_minute, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.MINUTES)
    for row in PeriodicTask.objects.filter(name__in=("Check upstream", "Renew signatures")):
        row.interval, row.expire_seconds = every_minute, 60
        row.save()


def date_back(plan: Plan, now: datetime) -> dict[str, datetime]:
    """Sign what is in place of the suites that are to be renewed as it was half a day ago; return when each is due."""
    due: dict[str, datetime] = {}
    bucket, signer = adapters.bucket(), adapters.signer()
    step = timedelta(seconds=plan.seconds) / (len(plan.renewals) + 2)
    for number, suite in enumerate(plan.renewals, start=1):
        key = suite_path(suite, "InRelease")
        text = verified_text(bucket.read(key), signer.public_keyring())
        assert text is not None
        release = parse_release(text)
        due[suite] = now + number * step
        back = release.date - (due[suite] - HALF_A_LIFE)
        for moment in (release.valid_until, release.date):
            text = text.replace(release_date(moment).encode(), release_date(moment - back).encode())
        bucket.put(key, signer.sign_clear(text))
    return due


def run(plan: Plan) -> Verdict:
    """Soak a product, and return what is to be said of it."""
    seen, debs = Seen(), plan.log.parent / "debs"
    with ExitStack() as ends:
        vendors = [
            DrippingVendor("drops", debs, seconds=DRIP_SECONDS),
            DrippingVendor("endless", debs, seconds=DRIP_SECONDS, endless=True),
        ]
        for vendor in vendors:
            ends.enter_context(vendor)
        prepare(plan, vendors)
        due = date_back(plan, adapters.now())
        address = f"http://127.0.0.1:{plan.port}"
        log = ends.enter_context(plan.log.open("ab"))
        command = (sys.executable, "-m", "repomgr.processes")
        of_product = {**os.environ, "TMPDIR": str(plan.home / "tmp")}  # apt's own are not on its disk
        ends.enter_context(process(*command, env=of_product, cwd=REPOSITORY, stdout=log, stderr=log))
        wait_until(lambda: listens(plan.port), "the web process", 120)
        visitor = Visitor(address, "soak", PASSWORD)
        large = build_deb(debs, LARGE, "1.0", compression="", files={"usr/share/large": os.urandom(LARGE_BYTES)})
        assert visitor.upload(large) == 302
        keyring = adapters.signer().public_keyring()
        published = Published(plan.public_url, "stable", keyring)
        wait_until(lambda: published() or (LARGE, "1.0") in published.seen, "the large package", 300)
        health, samples, uploads = Health(address), Samples(plan.home, plan.broker), Uploads(visitor, debs, UPLOADED)
        seen.rows_before = rows()
        slow = ends.enter_context(SlowClients(plan.port, large_path(large)))
        readers = [(published, 0.25), *((AptReader(plan.log.parent / f"apt-{suite}", suite, seen.tally), 1.0)
                                        for suite in ("stable", *plan.renewals[:1]))]  # fmt: skip
        for look, pause in (*readers, (health, 1.0), (samples, 2.0)):
            ends.enter_context(repeated(look, seen.tally, pause=pause))
        with repeated(uploads, seen.tally, pause=UPLOAD_EVERY):
            _let_time_pass(plan, seen)
        seen.left = wait_for_jobs(SETTLE_SECONDS)
        time.sleep(2)  # so that the watcher looks once more
        return reckon(plan, seen, uploads, published, samples, health, slow, vendors, due)


def large_path(deb: Path) -> str:
    """Return the path of an uploaded package in the repository that the web process serves."""
    return f"/repository/pool/main/{LARGE[0]}/{LARGE}/{deb.name}"


def _let_time_pass(plan: Plan, seen: Seen) -> None:
    """Let the time go by; the disk is full from the middle on for an eighth of it."""
    time.sleep(plan.seconds / 2)
    if plan.disk is not None:
        began = time.monotonic()
        while time.monotonic() < began + plan.seconds / 8:
            plan.disk.fill()
            time.sleep(0.5)
        plan.disk.empty()
        seen.full = (began, time.monotonic())
    time.sleep(plan.seconds * 3 / 8 if plan.disk is not None else plan.seconds / 2)


def reckon(
    plan: Plan,
    seen: Seen,
    uploads: Uploads,
    published: Published,
    samples: Samples,
    health: Health,
    slow: SlowClients,
    vendors: list[DrippingVendor],
    due: dict[str, datetime],
) -> Verdict:
    """Judge what was seen."""
    verdict = Verdict()
    _look_at_uploads(verdict, plan, seen, uploads, published)
    _look_at_jobs(verdict, plan, seen, vendors)
    _look_at_renewals(verdict, due)
    _look_at_rows(verdict, plan, seen, uploads, published)
    look_at_memory(verdict, samples.memory)
    look_at_messages(verdict, samples.messages)
    errors = Counter(seen.tally.errors)
    for error, times in errors.most_common(20):
        sys.stdout.write(f"{times}x {error}\n")
    reads = f"{seen.tally.apt_updates} apt-get update, {len(published.dates)} Releases: {len(seen.tally.errors)} errors"
    verdict.look("readers", reads, "no error", right=not errors and seen.tally.apt_updates > 0)
    verdict.look(
        f"/healthz beside slow connections ({slow.opened} opened)",
        f"slowest of {health.asked}: {health.slowest:.1f} s", f"at most {plan.within:.0f} s",
        right=health.slowest <= plan.within,
    )  # fmt: skip
    return verdict


def _look_at_uploads(verdict: Verdict, plan: Plan, seen: Seen, uploads: Uploads, published: Published) -> None:
    begin, end = seen.full or (0.0, 0.0)
    took = {key: published.seen[key] - taken for key, taken in uploads.taken.items() if key in published.seen}
    near = {key for key in took if begin - plan.within <= uploads.taken[key] <= end}
    usual = [seconds for key, seconds in took.items() if key not in near]
    lost = uploads.taken.keys() - took.keys()
    refused = ", ".join(f"{times} of {name}" for name, times in uploads.refused.items()) or "none"
    verdict.look(f"uploads ({refused} refused), not visible", f"{len(lost)} of {len(uploads.taken)}", "0",
                 right=not lost and bool(took))  # fmt: skip
    verdict.look(
        "upload to InRelease, median / 90 % / 99 % / most", distribution(usual), f"at most {plan.within:.0f} s",
        right=max(usual, default=0.0) <= plan.within,
    )  # fmt: skip
    if seen.full is None:
        verdict.look("full disk", "left out: no disk could be mounted here", "", right=True)
        return
    late = [published.seen[key] - end for key in near]
    verdict.look(f"full disk of {end - begin:.0f} s: its {len(near)} uploads, after its end", distribution(late),
                 "visible in the end", right=True)  # fmt: skip
    verdict.look("uploads refused outside of it", uploads.refused_outside(begin, end), "0",
                 right=not uploads.refused_outside(begin, end))  # fmt: skip


def _look_at_jobs(verdict: Verdict, plan: Plan, seen: Seen, vendors: list[DrippingVendor]) -> None:
    twice = {**done_twice([plan.log]), **taken_in_twice([plan.log])}
    twice |= {name: times for vendor in vendors for name, times in vendor.whole.items() if times > 1}
    fetched = sum(vendor.whole.total() for vendor in vendors)
    states = Counter(f"{job.kind} {job.state}" for job in Job.objects.only("kind", "state"))
    verdict.look(f"jobs, packages or files ({fetched} fetched) done twice", json.dumps(twice) if twice else 0, "0",
                 right=not twice)  # fmt: skip
    verdict.look("jobs at work or waiting at the end, but checks upstream", seen.left, "0", right=not seen.left)
    failed = Job.objects.filter(state=Job.State.FAILED)
    wrong = Counter(f"{job.kind}: {job.error_code}" for job in failed if not _may_fail(job))
    verdict.look("jobs that failed, but checks upstream", json.dumps(wrong) if wrong else 0, "0", right=not wrong)
    sys.stdout.write(", ".join(f"{times} {name}" for name, times in sorted(states.items())) + "\n")


def _may_fail(job: Job) -> bool:
    """Return whether a job's end is what it should be: a vendor's that drips, or one that a full disk ended."""
    return job.kind == Job.Kind.SYNC and job.error_code.startswith("upstream")


def _look_at_renewals(verdict: Verdict, due: dict[str, datetime]) -> None:
    renewals = Counter(Publication.objects.filter(kind=Publication.Kind.REFRESH).values_list("suite", flat=True))
    late = []
    for suite, moment in due.items():
        renewed = Publication.objects.filter(suite=suite, kind=Publication.Kind.REFRESH).first()
        late.append((renewed.date - moment).total_seconds() if renewed is not None else float("inf"))
    once = all(renewals[suite] == 1 for suite in due)
    verdict.look(
        f"signatures of {len(due)} suites, renewed after they were due", distribution(late),
        f"once, at most {RENEWED_WITHIN:.0f} s", right=once and max(late, default=0.0) <= RENEWED_WITHIN,
    )  # fmt: skip


def _look_at_rows(verdict: Verdict, plan: Plan, seen: Seen, uploads: Uploads, published: Published) -> None:
    now = rows()
    ticks = int((plan.seconds + SETTLE_SECONDS) / TICK.total_seconds())
    packages = len(published.seen)
    bounds = {
        "Package": packages + 1,
        "Publication": packages + 2 * len(plan.renewals) + 2,
        "Job": 3 * (len(uploads.taken) + packages) + 2 * ticks + len(plan.renewals) + 5,
        "Notice": packages + 20,
    }
    for name, bound in bounds.items():
        before, after = seen.rows_before[name], now[name]
        verdict.look(f"rows of {name}, before / after", f"{before} / {after}", f"at most {bound}", right=after <= bound)
    others = {name: number for name, number in now.items() if name not in bounds}
    verdict.look("rows of other tables", json.dumps(others), "at most 10 each", right=max(others.values()) <= 10)
