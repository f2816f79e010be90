"""Ours, in a process of its own as a worker is: `python -m tests.benchmarks.our_process ORDER ARGUMENTS`.

ARGUMENTS is a JSON object; the answer is a JSON object on the last line of standard output.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import botocore
import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "repomgr.settings")
django.setup()

from django.conf import settings  # noqa: E402 - Django must be set up before its models are imported
from django.core.cache import caches  # noqa: E402
from django.core.management import call_command  # noqa: E402

from packages_app.core.locations import DynamoTable, FolderStore, parse_store_url, parse_table_url  # noqa: E402
from packages_app.core.ports import Silent  # noqa: E402
from packages_app.core.record import PackageRecord  # noqa: E402
from packages_app.core.suite_change import What  # noqa: E402
from packages_app.models import Job, Publication  # noqa: E402
from packages_app.package_table.dynamo_item import Item, values_of  # noqa: E402
from packages_app.package_table.dynamo_items import DynamoItems  # noqa: E402
from packages_app.package_table.dynamo_suites import list_records  # noqa: E402
from packages_app.publishing.publication_options import PublicationOptions  # noqa: E402
from packages_app.services import adapters  # noqa: E402
from packages_app.services.intake.uploads import stage_upload  # noqa: E402
from packages_app.services.job_services import do_work  # noqa: E402
from packages_app.services.jobs import queue  # noqa: E402
from packages_app.services.lifecycle.move import keys_selected, request_move  # noqa: E402
from packages_app.services.lifecycle.rollback import request_rollback  # noqa: E402
from packages_app.services.lifecycle.steps import Move  # noqa: E402
from packages_app.services.mirror.packages import reconcile_mirror  # noqa: E402
from packages_app.services.publication.publish import publish  # noqa: E402
from packages_app.services.setup.storage import create_storage  # noqa: E402
from packages_app.services.verification.verify import verify_repository  # noqa: E402
from tests.benchmarks.deb_records import for_each_of, with_synthetic  # noqa: E402
from tests.benchmarks.hand_out import write_items, write_objects  # noqa: E402

Answer = dict[str, Any]
_BATCH = 1000


def main() -> None:
    order, arguments = sys.argv[1], json.loads(sys.argv[2])
    answer = ORDERS[order](**arguments)
    answer["peak_bytes"] = _peak_bytes()
    sys.stdout.write(f"{json.dumps(answer)}\n")


def empty() -> Answer:
    """Make the database, the table and the stores."""
    call_command("migrate", verbosity=0)
    create_storage(Silent())
    return {}


def set_up(records: str, count: int) -> Answer:
    """Make a published repository of `count` packages, those of a file first, synthetic ones where it has fewer.

    They are dealt out to the suites in turn. Where these have more architectures than one, a package has a record for
    each.
    """
    empty()
    suites = cycle(adapters.repository().suites)
    wanted = (
        (each.in_suites([suite.name]), file)
        for (record, file), suite in zip(with_synthetic(Path(records), count), suites, strict=False)
        for each in for_each_of(record, suite.architectures)
    )
    while batch := list(islice(wanted, _BATCH)):
        for record, file in batch:
            _put_into_pool(record, file)
        _put_into_table([record for record, _ in batch])
    reconcile_mirror(Silent())
    _run(queue.enqueue(Job.Kind.FORCE_REBUILD, wake_worker=False))
    _run_waiting()
    return {}


def publish_each(debs: list[str], warm_up: int = 0) -> Answer:
    """Upload and publish one file after the other; gives the runs behind the first `warm_up`.

    A run is its `seconds` from the accepted upload to the switch of InRelease, those to the end of the publication's
    job (`done`), which renews the root after the switch, those that it computed (`cpu`, of the user's share), and how
    long each step took.
    """
    runs = []
    for deb in debs:
        upload = stage_upload(Path(deb), Path(deb).name, wake_worker=False)
        runs.append(_until_switched(partial(_same, upload)))
    return {"runs": runs[warm_up:]}


def move_each(moves: list[dict[str, str]], warm_up: int = 0) -> Answer:
    """Move what a query selects, and publish, one after the other; gives the runs behind the first `warm_up`.

    A move has `what` and `query`, or the publication to `roll_back` to. Its run is as one of `publish_each`, from
    before the request.
    """

    def ask(move: dict[str, str]) -> Job:
        if "roll_back" in move:
            return request_rollback("stable", move["roll_back"], wake_worker=False)
        return request_move(Move(What(move["what"]), tuple(keys_selected(move["query"]))), "bench", wake_worker=False)

    return {"runs": [_until_switched(partial(ask, move)) for move in moves][warm_up:]}


def in_place() -> Answer:
    """Give the number of the publication that is in place."""
    return {"publication": str(Publication.objects.filter(suite="stable").latest("pk").pk)}


def rebuild(times: int = 1, *, cold: bool = False) -> Answer:
    """Rebuild all from the records, `times` times; `cold`: without the kept shards.

    Gives each run's seconds, those that it computed (`cpu`, of the user's share, all threads), and those of each step.
    """
    runs = []
    for _ in range(times):
        if cold:
            caches["shards"].clear()
        job = queue.enqueue(Job.Kind.FORCE_REBUILD, wake_worker=False)
        began, computed = time.perf_counter(), _computed()
        done = [_run(job)]
        seconds = time.perf_counter() - began
        runs.append({"seconds": seconds, "cpu": _computed() - computed, "steps": _steps(done)})
        _run_waiting()
    return {"runs": runs}


def resign() -> Answer:
    """Renew the signatures of all suites; gives the seconds of all, and how many records were read."""
    began = time.perf_counter()
    options, kind = PublicationOptions(resign=True), Publication.Kind.REFRESH
    done = [publish(suite.name, Silent(), options=options, kind=kind) for suite in adapters.repository().suites]
    return {"seconds": time.perf_counter() - began, "read": sum(one.records_read for one in done)}


def verify() -> Answer:
    """Verify everything; gives the seconds, and the codes of what was found."""
    began = time.perf_counter()
    verification = verify_repository([], Silent(), seed="bench")
    found = Counter(finding.code for finding in verification.findings)
    return {"seconds": time.perf_counter() - began, "found": found}


def intake(debs: list[str], warm_up: int = 0) -> Answer:
    """Take files in, each behind one pass of MD5, SHA1 and SHA256 over it; gives the seconds of all three."""
    runs = []
    for deb in debs:
        hashed = _hash_pass(Path(deb))
        began = time.perf_counter()
        upload = stage_upload(Path(deb), Path(deb).name, wake_worker=False)
        staged = time.perf_counter()
        done = [_run(upload)]
        taken = time.perf_counter()
        runs.append({"hashed": hashed, "staged": staged - began, "seconds": taken - staged, "steps": _steps(done)})
    return {"runs": runs[warm_up:]}


def count_requests(debs: list[str], warm_up: int = 0) -> Answer:
    """Upload and publish as `publish_each`; gives each run's HTTP requests to AWS by service and operation."""
    counted: Counter[str] = Counter()

    def count(event_name: str, **_: Any) -> None:
        counted[event_name.removeprefix("before-send.")] += 1

    botocore.register_initializer(lambda session: session.register("before-send", count))
    runs = []
    for deb in debs:
        upload = stage_upload(Path(deb), Path(deb).name, wake_worker=False)
        counted.clear()
        _run(upload)
        _run_waiting()
        runs.append(dict(counted))
    return {"runs": runs[warm_up:]}


def publish_spans(debs: list[str]) -> Answer:
    """Upload and publish as `publish_each`; gives each run's moments (seconds since 1970): taken in, and published."""
    runs = []
    for deb in debs:
        _run(stage_upload(Path(deb), Path(deb).name, wake_worker=False))
        taken_in = time.time()
        _run_waiting()
        runs.append({"taken_in": taken_in, "published": time.time()})
    return {"runs": runs}


def hand_out(file: str, there: dict[str, str]) -> Answer:
    """Write what table and stores hold, for `filled_moto`; `there` are the settings that say what they are called."""
    names = [suite.name for suite in adapters.repository().suites]
    with Path(file).open("w") as stream:
        write_items(stream, parse_table_url("PACKAGE_TABLE_URL", there["PACKAGE_TABLE_URL"]), names)
        for name, store in (("BUCKET_URL", adapters.bucket()), ("STAGING_URL", adapters.staging())):
            write_objects(stream, parse_store_url(name, there[name]), store)
    return {}


ORDERS: Mapping[str, Callable[..., Answer]] = {
    function.__name__: function
    for function in (
        empty,
        set_up,
        hand_out,
        publish_each,
        move_each,
        in_place,
        rebuild,
        resign,
        verify,
        intake,
        count_requests,
        publish_spans,
    )
}


def _put_into_pool(record: PackageRecord, file: Path) -> None:
    if isinstance(settings.BUCKET, FolderStore):
        target = settings.BUCKET.path / record.pool_path
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(file, target)
    else:
        adapters.bucket().put(record.pool_path, file)


def _put_into_table(records: list[PackageRecord]) -> None:
    """Write and list records. The rebuild that follows needs no pending changes, each of which is slow with moto."""
    location = settings.PACKAGE_TABLE
    if isinstance(location, DynamoTable):
        items = DynamoItems(location)
        items.put_all(Item(**values_of(record)) for record in records)
        list_records(items, records)
    else:
        adapters.package_table().put_many_new(records)


def _run(job: Job) -> Job:
    done = queue.run(job.pk, do_work)
    if done.state != Job.State.DONE:
        raise RuntimeError(f"{done}: {done.state} {done.error_code} {done.error} {done.remedy}")
    return done


def _same(job: Job) -> Job:
    return job


def _until_switched(ask: Callable[[], Job]) -> dict[str, Any]:
    """Do a job and what it asks for; give the seconds until the switch of InRelease, and what else a run has."""
    began, computed = time.time_ns(), _computed()
    done = [_run(ask()), *_run_waiting()]
    ended, cpu = time.time_ns(), _computed() - computed
    switched = (settings.BUCKET.path / "dists/stable/InRelease").stat().st_mtime_ns
    return {"seconds": (switched - began) / 1e9, "done": (ended - began) / 1e9, "cpu": cpu, "steps": _steps(done)}


def _run_waiting() -> list[Job]:
    done = []
    while job := Job.objects.filter(state=Job.State.QUEUED).order_by("created").first():
        done.append(_run(job))
    return done


def _steps(done: Iterable[Job]) -> dict[str, float]:
    """Give the seconds of each step of some jobs, as their rows tell them."""
    steps: dict[str, float] = {}
    for job in done:
        for step in job.steps:
            lasted = datetime.fromisoformat(step["ended"]) - datetime.fromisoformat(step["began"])
            steps[step["name"]] = round(steps.get(step["name"], 0.0) + lasted.total_seconds(), 3)
    return steps


def _hash_pass(path: Path) -> float:
    began = time.perf_counter()
    digests = [hashlib.md5(usedforsecurity=False), hashlib.sha1(usedforsecurity=False), hashlib.sha256()]
    with path.open("rb") as stream:
        while chunk := stream.read(1024 * 1024):
            for digest in digests:
                digest.update(chunk)
    for digest in digests:
        digest.hexdigest()
    return time.perf_counter() - began


def _computed() -> float:
    """Give the user CPU seconds of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.children_user


def _peak_bytes() -> int:
    """Give the most memory that this process held. Not `ru_maxrss`: it begins with that of the process that forked."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main()
