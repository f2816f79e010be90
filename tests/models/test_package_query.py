"""What queries select: by SQLite, by PostgreSQL, and, where aptly has the same query, by aptly."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from packages_app.core.query import parse_query
from packages_app.core.record import PackageRecord
from packages_app.debian.control import parse_control
from packages_app.debian.stanza import record_fields_of
from packages_app.models import Package, selected_by
from packages_app.services.mirror.packages import mirror_records
from tests.debs import build_deb

pytestmark = [pytest.mark.outside, pytest.mark.django_db]
_MANAGE = Path(__file__).resolve().parents[2] / "manage.py"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEBS = (
    ("nginx", "1.24.0-1", "amd64", {"Section": "net", "Depends": "libc6 (>= 2.34), nginx-common"}),
    ("nginx", "1:1.2~rc1", "amd64", {"Section": "net"}),
    ("nginx", "1:1.2", "arm64", {"Section": "net", "Source": "nginx-src (1.1)"}),
    ("nginx-common", "1.24.0-1", "all", {"Section": "net", "Source": "nginx"}),
    ("nginx-doc", "1.24.0-1", "all", {"Section": "doc", "Priority": "extra", "Homepage": "https://example.org/a_b"}),
    ("libc6", "2.36-9+deb12u4", "amd64", {"Section": "libs", "Multi-Arch": "same", "Maintainer": "A <c@example.net>"}),
    ("kiro", "1.0", "amd64", {"Section": "editors", "Description": "an editor\n of code\n .\n Section: lies"}),
    ("kiro", "1.0.0", "arm64", {"Section": "editors", "Tag": "role::program,\n works-with::text"}),
    ("kiro-cli", "0.9", "amd64", {"Section": "editors", "X-Odd": "50% of_it*"}),
)  # fmt: skip
OF_APTLY = (
    "nginx", "nginx-doc", "none-such", "nginx | kiro", "nginx, kiro", "!nginx", "!(nginx | kiro)",
    "nginx, !kiro | libc6", "nginx (>= 1.24.0-1)", "nginx (<< 1:1.2)",
    "nginx (>> 1:1.2~rc1)", "nginx (= 1.24.0-1)", "nginx (<= 1:1.2~rc1)",
    "Name (% nginx*)", "Name (% *-*)", "Name (% ?iro)", "Name (= kiro)", "Name (kiro)", "$Version (>= 1.0)",
    "$Version (<< 1.0)", "$Version (= 1.0)", "$Architecture (amd64)", "$Architecture (arm64)", "$Source (nginx)",
    "$Source (nginx-src)", "$Source (kiro)", "Section (net)", "Section (% *o*)", "Priority (extra)", "Multi-Arch",
    "Multi-Arch (same)", "Homepage", "!Homepage", "Maintainer (% '*example.net>')", "Depends (% '*nginx-common')",
    "nginx_1.24.0-1_amd64", "nginx_1.24.0-1_i386", "X-Odd", "X-Odd (= '50% of_it*')", "nginx-common, Section (net)",
    "(nginx | kiro), $Architecture (arm64)", "Source", "Name (% nginx)", "nginx {amd64}",
    "nginx-doc {amd64}", "nginx-doc (>= 1) {arm64}",
)  # fmt: skip
OURS = {
    "nginx*": [0, 1, 2, 3, 4],
    "*-c*": [3, 8],
    "nginx* (% 1.2*)": [0, 3, 4],
    "nginx {arm64}": [2],
    "nginx {a*64}": [0, 1, 2],
    "nginx-doc_1.24.0-1_amd64": [],
    "nginx-doc_1.24.0-1_all": [4],
    "nginx and not $Version (>= 1:1)": [0],
    "Homepage (% *a_b)": [4],  # aptly's star stops at a slash
    "Suite (testing)": [6, 7, 8],
    "Suite (% t*)": [6, 7, 8],
    "!Suite (stable)": [6, 7, 8],
    "Suite": [0, 1, 2, 3, 4, 5, 6, 7, 8],
    "Size (>> 105)": [6, 7, 8],
    "Size (= 100)": [0],
    "Size (<< 102B)": [0, 1],
    "Age (>= 6d)": [6, 7, 8],
    "Age (<< 2d)": [0, 1],
    "Age (<= 2d)": [0, 1, 2],
    "Tag (% '*works-with*')": [7],
    "tag": [],
    "Tag": [7],
    "X-odd (% '50%*_it?')": [8],
    "Type (adopted)": [5],
    "Component (main)": [0, 1, 2, 3, 4, 5, 6, 7, 8],
    "Definition (kiro)": [6, 7],
    "Description (% *code*)": [6],
    "Section (lies)": [],
    "$Source (% nginx*)": [0, 1, 2, 3, 4],
    "(((kiro)))": [6, 7],
}


@pytest.fixture(scope="module")
def debs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("debs")
    paths = []
    for number, (name, version, architecture, fields) in enumerate(DEBS):
        more = {field.replace("-", "_"): value for field, value in fields.items()}
        paths.append(build_deb(folder / str(number), name, version, architecture, **more))
    return paths


def records_of(paths):
    """Give a record for each package: the size, the age in days and the suite follow from its number."""
    records = []
    for number, path in enumerate(paths):
        control = subprocess.run(["dpkg-deb", "--field", path], capture_output=True, text=True, check=True).stdout
        fields = record_fields_of(parse_control(control))
        records.append(PackageRecord(
            **fields,
            package_type="adopted" if number == 5 else "build_script",
            suites=("stable",) if number < 6 else ("testing",),
            file_size=100 + number,
            processed_timestamp=(NOW - timedelta(days=number)).isoformat(timespec="seconds"),
            control=control.rstrip("\n"),
        ))  # fmt: skip
    return records


def selected(queries):
    """Give, for each query, the numbers of the packages that it selects."""
    found = {}
    for query in queries:
        rows = Package.objects.filter(selected_by(parse_query(query), NOW)).values_list("file_size", flat=True)
        found[query] = sorted(size - 100 for size in rows)
    assert Package.objects.count() == len(DEBS)
    return found


def asked_of_aptly(folder, debs):
    """Give what aptly selects by each query that both have; names, versions and architectures in place of numbers."""
    (folder / "aptly.conf").write_text(json.dumps({"rootDir": str(folder / "root"), "architectures": []}))

    def aptly(*arguments):
        command = ["aptly", f"-config={folder / 'aptly.conf'}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    aptly("repo", "create", "all")
    assert aptly("repo", "add", "all", *map(str, debs)).returncode == 0
    named = {f"{name}_{version}_{architecture}": number for number, (name, version, architecture, _) in enumerate(DEBS)}
    found = {}
    for query in OF_APTLY:
        done = aptly("repo", "search", "all", query)
        assert "parsing failed" not in done.stderr + done.stdout, query
        found[query] = sorted(named[line] for line in done.stdout.split("\n") if line in named)
    return found


def test_queries_of_aptly_select_what_aptly_selects(debs, tmp_path):
    mirror_records(records_of(debs))

    assert selected(OF_APTLY) == asked_of_aptly(tmp_path, debs)


def test_queries_of_our_own_select_what_they_say(debs):
    mirror_records(records_of(debs))

    assert selected(OURS) == OURS


@settings(max_examples=1000)
@given(st.text("ab*?", max_size=6), st.text("ab\n", max_size=5))
def test_a_pattern_is_as_the_shells(pattern, text):
    with connection.cursor() as cursor:
        cursor.execute("SELECT repomgr_glob(%s, %s)", (pattern, text))
        assert bool(cursor.fetchone()[0]) is fnmatchcase(text, pattern)


def test_postgresql_selects_the_same(debs, on_postgresql):
    found = on_postgresql.run(
        "from pathlib import Path; from tests.models import test_package_query as these;"
        f"debs = [Path(path) for path in {[str(path) for path in debs]!r}];"
        "these.mirror_records(these.records_of(debs));"
        "tell(these.selected([*these.OF_APTLY, *these.OURS]))"
    )

    mirror_records(records_of(debs))
    assert found == selected([*OF_APTLY, *OURS])
