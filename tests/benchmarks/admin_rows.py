"""The admin's package list, search and package page among very many mirrored rows, on SQLite and on PostgreSQL.

`python -m tests.benchmarks.admin_rows ROWS` fills a database of its own for each and prints the table.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count, islice, product
from pathlib import Path
from typing import Any

from packages_app.core.home import make_home
from repomgr.servers.process import ServerMissing
from repomgr.servers.start import postgresql_server
from tests.benchmarks.rows import Goal, Row
from tests.benchmarks.table import terminal_table

REPOSITORY = Path(__file__).resolve().parents[2]
MILLISECONDS = Goal(200)
QUERIES = Goal(12)
REQUESTS = 5
VERSIONS = 20  # of each name
_LIST = "/admin/packages_app/package/"
_PREFIXES = ("", "lib", "python3-", "golang-", "node-", "r-cran-", "ruby-", "php-")
_STEMS = (
    "apt", "boost", "cairo", "curl", "dbus", "editor", "fonts", "gtk", "http", "image", "json", "kernel", "ldap",
    "mail", "net", "openssl", "perl", "qt", "sql", "tk", "utf", "video", "web", "xml", "yaml", "zip",
)  # fmt: skip
_SUFFIXES = ("", "-dev", "-doc", "-common", "-data", "-bin", "1", "2")
# What a row says, in SQL: `name` is a row of the names (with an id that counts them), `release` of the versions.
_COLUMNS = {
    "archive": "'default'",
    "package_id": "name.name || '#' || release.version",
    "package_name": "name.name",
    "version": "release.version",
    "version_key": "release.version_key",
    "architecture": "CASE name.id % 5 WHEN 0 THEN 'arm64' WHEN 1 THEN 'all' ELSE 'amd64' END",
    "package_type": "CASE name.id % 50 WHEN 0 THEN 'github_release' ELSE 'adopted' END",
    "component": "'main'",
    "maintainer": "'Maintainer <maintainer@example.org>'",
    "description": "'the package ' || name.name || release.filler",
    "depends": "'libc6 (>= 2.34), ' || name.name || '-common'",
    "actual_filename": "name.name || '_' || release.version || '.deb'",
    "pool_path": "'pool/main/' || name.name || '_' || release.version || '.deb'",
    "file_size": "1000 + name.id * 100 + release.number",
    "sha256_hash": "release.sha256",
    "processed_timestamp": "release.day || 'T12:' || (10 + name.id % 50) || ':00+00:00'",
    "control": "'Package: ' || name.name || release.filler || release.filler || release.filler",
}
# Suites with the condition for what is in them: all, half of the versions, and few packages.
_SUITES = {"testing": "1 = 1", "stable": "version < '1.15'", "nightly": "package_name LIKE '%videozipx%'"}


def measure_admin(rows: int) -> list[dict[str, Any]]:
    """Measure every page among so many rows; gives a row of milliseconds for each, and one of queries, a database."""
    measured: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="repomgr-bench-admin-") as folder:
        measured += _in_process(rows, Path(folder) / "sqlite", f"sqlite:///{folder}/sqlite/django.sqlite3")
        try:
            with postgresql_server() as url:
                measured += _in_process(rows, Path(folder) / "postgresql", url)
        except ServerMissing as missing:
            figure = f"admin among {rows:,} rows, PostgreSQL"
            measured.append(Row(figure, "milliseconds", None, MILLISECONDS, detail={"why": str(missing)}).as_dict())
    return measured


def _in_process(rows: int, home: Path, database: str) -> list[dict[str, Any]]:
    """Measure in a process of its own, since a process has one database."""
    make_home(home)
    environment = {**os.environ, "REPOMGR_HOME": str(home), "DATABASE_URL": database, "LOG_LEVEL": "ERROR"}
    command = [sys.executable, "-m", "tests.benchmarks.admin_rows", "--here", str(rows)]
    done = subprocess.run(command, env=environment, cwd=REPOSITORY, stdout=subprocess.PIPE, check=True)
    answer: list[dict[str, Any]] = json.loads(done.stdout)
    return answer


def measure_here(rows: int) -> list[dict[str, Any]]:
    """Fill the database of DATABASE_URL, which is empty, and measure."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "repomgr.settings")
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    fill(rows)
    among = f"{rows:,} rows, {connection.display_name}"
    measured = [(name, *_measured(address)) for name, address in _pages(rows)]
    lines = [
        Row(f"admin {name}, {among}", "milliseconds", milliseconds, MILLISECONDS, detail={"queries": queries})
        for name, milliseconds, queries in measured
    ]
    most = max(queries for _, _, queries in measured)
    return [line.as_dict() for line in (*lines, Row(f"admin queries of any page, {among}", "queries", most, QUERIES))]


def fill(rows: int) -> None:
    """Write so many rows inside the database: names as Debian's are, `VERSIONS` of each, suites of every size."""
    from django.db import connection, transaction

    from packages_app.models import Package, PackageName, SuiteMembership

    package, name, membership = (m._meta.db_table for m in (Package, PackageName, SuiteMembership))
    columns = [field.column for field in Package._meta.concrete_fields if field.column != "id"]
    values = ", ".join(_COLUMNS.get(column, "''") for column in columns)
    with transaction.atomic(), connection.cursor() as cursor:
        PackageName.objects.bulk_create(PackageName(name=each) for each in islice(_names(), rows // VERSIONS))
        _write_releases(cursor)
        cursor.execute(
            f"INSERT INTO {package} ({', '.join(columns)}) SELECT {values} FROM {name} name CROSS JOIN release"
        )
        for suite, condition in _SUITES.items():
            cursor.execute(
                f"INSERT INTO {membership} (archive, suite, package_id, package_name) "
                f"SELECT 'default', '{suite}', id, package_name FROM {package} WHERE {condition}"
            )
    if connection.vendor == "postgresql":  # as autovacuum does after a minute
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE" if connection.in_atomic_block else "VACUUM ANALYZE")


def _write_releases(cursor: Any) -> None:
    from packages_app.core.version import version_key

    cursor.execute(
        "CREATE TEMPORARY TABLE release "
        "(number integer, version text, version_key text, filler text, sha256 text, day text)"
    )
    filler = "\n " + "some more words of what it is for and whom it serves " * 4
    for number in range(VERSIONS):
        version = f"1.{number}-1"
        row = (number, version, version_key(version), filler, f"{number:064x}", f"2026-01-{number + 1:02}")
        cursor.execute("INSERT INTO release VALUES (%s, %s, %s, %s, %s, %s)", row)


def _names() -> Iterator[str]:
    for more in count():
        for first, second, prefix, suffix in product(_STEMS, _STEMS, _PREFIXES, _SUFFIXES):
            yield f"{prefix}{first}{second}{'x' * more}{suffix}"


def _pages(rows: int) -> Iterator[tuple[str, str]]:
    """Give what is measured: its name, and its address."""
    from packages_app.admin.long_list import COUNTED
    from packages_app.models import Package

    newest = Package.objects.order_by("-pk").values_list("pk", "package_id")[0]
    queries = {
        "list, first page": "",
        "list, last page": f"?p={-(-min(rows, COUNTED) // 50)}",
        "list, newest first": "?o=-7",
        "filter by a suite": "?suite=stable",
        "filter by a small suite": "?suite=nightly",
        "filter by a suite, last page": f"?suite=testing&p={-(-min(rows, COUNTED) // 50)}",
        "filter by type": "?package_type=adopted",
        "filter by a rare type": "?package_type=github_release",
        "filter by architecture": "?architecture=arm64",
        "filter by type and architecture": "?package_type=adopted&architecture=all",
        "filter by suite and architecture": "?suite=stable&architecture=arm64",
        "search, beginning of a name": "?q=python3-zip",
        "search, part of a name": "?q=videozip",
        "search, part of most names": "?q=e",
        "search within a suite": "?suite=stable&q=zip",
        "search, name and version": f"?q={newest[1].replace('#', '%23')}",
        "search that finds nothing": "?q=nosuchname",
        "package page": f"{newest[0]}/change/",
    }
    return ((name, f"{_LIST}{query}") for name, query in queries.items())


def _measured(address: str) -> tuple[float, int]:
    """Request a page; gives the median in milliseconds, and the queries of one request."""
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    users = get_user_model()
    user = users.objects.filter(username="bench").first() or users.objects.create_superuser("bench")
    client = Client(headers={"host": "localhost"}, raise_request_exception=True)
    client.force_login(user, backend="packages_app.services.rights.in_archive.RightsInArchive")
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(address)
        queries = len(captured)
    if answer.status_code != 200:
        raise SystemExit(f"{address} was answered with {answer.status_code}.")
    times = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        client.get(address)
        times.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(times), 1), queries


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, metavar="ROWS", help="how many rows the mirror has")
    parser.add_argument("--here", action="store_true", help="in this process, on the empty database of DATABASE_URL")
    options = parser.parse_args()
    if options.here:
        json.dump(measure_here(options.rows), sys.stdout)
        return 0
    measured = measure_admin(options.rows)
    sys.stdout.write(terminal_table(measured))
    return 0 if all(row["met"] for row in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
