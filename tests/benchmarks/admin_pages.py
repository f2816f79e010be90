"""Every page of the admin in an installation that has run for long: seconds, of the processor too, and memory.

`python -m tests.benchmarks.admin_pages` fills a database of its own on SQLite and PostgreSQL, and prints the slowest.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packages_app.core.home import make_home
from repomgr.servers.process import ServerMissing
from repomgr.servers.start import postgresql_server
from tests.benchmarks.full_installation import SUITE, Fullness, fill_installation
from tests.benchmarks.rows import Goal, Row
from tests.benchmarks.table import terminal_table

REPOSITORY = Path(__file__).resolve().parents[2]
SECONDS, BYTES = Goal(0.5), Goal(150_000_000)
SHOWN = 12
_REQUESTS = 3
_WORDS = "+".join(f"tool{number}" for number in range(900))


def measure_pages(full: Fullness) -> Iterator[dict[str, Any]]:
    """Measure every page on either database; gives the slowest of each, the dearest, and the one of most memory."""
    with tempfile.TemporaryDirectory(prefix="repomgr-bench-pages-") as folder:
        home = Path(folder) / "sqlite"
        yield from _rows("SQLite", _in_process(full, home, f"sqlite:///{home}/django.sqlite3"))
        try:
            with postgresql_server() as url:
                yield from _rows("PostgreSQL", _in_process(full, Path(folder) / "postgresql", url))
        except ServerMissing as missing:
            yield Row(
                "slowest admin page, PostgreSQL", "seconds", None, SECONDS, detail={"why": str(missing)}
            ).as_dict()


def _rows(database: str, pages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    slowest = sorted(pages, key=lambda page: -page["seconds"])
    largest = sorted(pages, key=lambda page: -page["peak"])
    heading = f"of {len(pages)} admin pages, {database}"
    about = f"slowest {heading}: {slowest[0]['address']}"
    yield Row(about, "seconds", slowest[0]["seconds"], SECONDS, detail={"pages": slowest[:SHOWN]}).as_dict()
    dearest = sorted(pages, key=lambda page: -page["processor"])
    about = f"most processor time {heading}: {dearest[0]['address']}"
    yield Row(about, "seconds", dearest[0]["processor"], SECONDS, detail={"pages": dearest[:SHOWN]}).as_dict()
    about = f"most memory {heading}: {largest[0]['address']}"
    yield Row(about, "bytes", largest[0]["peak"], BYTES, detail={"pages": largest[:SHOWN]}).as_dict()


def _in_process(full: Fullness, home: Path, database: str) -> list[dict[str, Any]]:
    """Fill and measure in a process of its own, since a process has one database."""
    make_home(home)
    environment = {**os.environ, "REPOMGR_HOME": str(home), "DATABASE_URL": database, "LOG_LEVEL": "CRITICAL"}
    command = [sys.executable, "-m", "tests.benchmarks.admin_pages", "--here", json.dumps(vars(full))]
    done = subprocess.run(command, env=environment, cwd=REPOSITORY, stdout=subprocess.PIPE, check=True)
    answer: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return answer


def measure_here(full: Fullness) -> list[dict[str, Any]]:
    """Fill the database of DATABASE_URL, which is empty; give each page's address, seconds, peak and bytes.

    It is filled in a child, so that what that takes stays out of the memory that pages are measured in.
    """
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "repomgr.settings")
    django.setup()
    from django.core.management import call_command

    def fill() -> None:
        call_command("migrate", verbosity=0)
        call_command("create_storage", stdout=sys.stderr)
        fill_installation(full)

    _in_child(fill)
    addresses: list[str] = _in_child(lambda: sorted(set(_addresses())))
    _in_child(lambda: None)
    _answered("/admin/")  # a process that serves has loaded what it needs
    return [_in_child(lambda address=address: _measured(address)) for address in addresses]


def _in_child(work: Any) -> Any:
    """Do it in a child of this process, which has no connection to the database; give its answer."""
    from django.db import connections

    connections.close_all()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            with open(writing, "w") as answer:
                json.dump(work(), answer)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    with open(reading) as answer:
        said = answer.read()
    if os.waitpid(child, 0)[1]:
        raise SystemExit("a page could not be measured; above is why")
    return json.loads(said)


def _measured(address: str) -> dict[str, Any]:
    """Ask for a page, some times for one that is slow; give the least of its seconds, the peak, and its bytes.

    `peak` is the most that this process held, in bytes; `processor` are the seconds of the processor that it and the
    database's server took, which others at work on the machine make no longer.
    """
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew; see proc(5)
    times: list[float] = []
    worked: list[float] = []
    size = 0
    while len(times) < _REQUESTS and (not times or min(times) > SECONDS.limit / 2):
        began, began_cpu = time.perf_counter(), _server_seconds() + time.process_time()
        size = len(_answered(address))
        worked.append(time.process_time() + _server_seconds() - began_cpu)
        times.append(time.perf_counter() - began)
    [peak] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return {
        "address": address[:120],
        "seconds": round(min(times), 4),
        "processor": round(min(worked), 4),
        "peak": int(peak) * 1024,
        "bytes": size,
    }


def _server_seconds() -> float:
    """Return the processor seconds of all processes of the database's server, in a hundredth; 0 for SQLite."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return 0.0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        postmaster = _stat(cursor.fetchone()[0])[1]
    there = [_stat(int(folder.name)) for folder in Path("/proc").iterdir() if folder.name.isdecimal()]
    own = [stat for stat in there if postmaster in stat[:2]]
    ticks = sum(sum(stat[11:13]) for stat in own) + sum(_stat(postmaster)[13:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def _stat(process: int) -> list[int]:
    """Return a process's number, its parent's, and what follows in /proc/PID/stat; nothing of one that went."""
    try:
        after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
    return [process, *map(int, after_name[1:20])]


def _answered(address: str) -> bytes:
    from django.contrib.auth import get_user_model
    from django.test import Client

    users = get_user_model()
    user = users.objects.filter(username="bench").first() or users.objects.create_superuser("bench")
    client = Client(headers={"host": "localhost"}, raise_request_exception=True)
    client.force_login(user, backend="packages_app.services.rights.in_archive.RightsInArchive")
    answer = client.get(address)
    if answer.status_code not in (200, 302):
        raise SystemExit(f"{address} was answered with {answer.status_code}.")
    return b"".join(answer) if answer.streaming else answer.content


def _addresses() -> Iterator[str]:
    """Give the overview, the pages of their own, and of each kind of rows: its lists, and the pages of some rows."""
    from django.contrib import admin
    from django.urls import reverse

    from packages_app.models import Job, Publication

    yield reverse("admin:index")
    yield reverse("admin:packages_app_publication_rebuild")
    yield reverse("admin:packages_app_package_upload")
    yield reverse("admin:packages_app_package_build")
    for publication in Publication.objects.order_by("pk")[:1]:
        yield reverse("admin:packages_app_publication_lists", args=[publication.pk])
    for job in Job.objects.filter(subject__startswith="of many"):
        yield reverse("admin:packages_app_job_progress", args=[job.pk])
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        changelist = reverse(f"{name}_changelist")
        yield from _lists(changelist) if model._meta.app_label == "packages_app" else (changelist,)
        for pk in _some_of(model):
            yield reverse(f"{name}_change", args=[pk])
            yield reverse(f"{name}_history", args=[pk])


def _lists(changelist: str) -> Iterator[str]:
    """Give a list as it is, and by whatever its own page links to: filters, sorting, further pages; and searches."""
    yield changelist
    page = html.unescape(_answered(changelist).decode())
    for query in re.findall(r'href="(\?[^"]+)"', page):
        if not re.fullmatch(r"\?(p|o)=[-\d.]+", query) or re.fullmatch(r"\?o=-?\d", query):
            yield f"{changelist}{query}"
    for search in ("e", "tool9", "nosuchname", "tool1 (>= 1.0)", _WORDS):
        yield f"{changelist}?q={search}"
    yield f"{changelist}?p=100"


def _some_of(model: Any) -> list[Any]:
    """Give the keys of the first and the last rows, and of jobs and candidates that are long."""
    from packages_app.models import HeldCandidate, Job, Notice

    rows = model._default_manager.order_by("pk")
    chosen = {*rows.values_list("pk", flat=True)[:1], *rows.reverse().values_list("pk", flat=True)[:1]}
    if model in (Job, Notice):
        chosen |= {
            *rows.filter(subject__in=("of many steps", "of many findings", "tool1")).values_list("pk", flat=True)
        }
    if model is HeldCandidate:
        chosen |= {*rows.filter(suite=SUITE, state="waiting").values_list("pk", flat=True)}
    return sorted(chosen, key=str)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", type=int, default=1, help="measure with a part of the rows alone, a hundredth say")
    parser.add_argument("--here", help="in this process, on the empty database of DATABASE_URL: how much there is")
    options = parser.parse_args()
    if options.here:
        json.dump(measure_here(Fullness(**json.loads(options.here))), sys.stdout)
        return 0
    measured = list(measure_pages(Fullness().part(options.part)))
    for row in measured:
        sys.stdout.write(f"{row['figure']}\n")
        for page in row["detail"].get("pages", ()):
            took = f"{page['seconds']:8.3f} s, processor {page['processor']:.3f} s"
            sys.stdout.write(f"  {took} {page['peak'] / 1e6:8.1f} MB {page['bytes']:10,} B  ")
            sys.stdout.write(f"{page['address']}\n")
    sys.stdout.write(terminal_table(measured))
    return 0 if all(row["met"] for row in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
