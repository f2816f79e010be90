"""The list of packages costs the same however many rows there are, and finds what people mean."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from packages_app.admin.long_list import COUNTED
from packages_app.models import Conflict, DefinitionStatus, HeldCandidate, Job, Notice, Package, Publication
from packages_app.services.mirror.definitions import mirror_definitions
from packages_app.services.mirror.packages import mirror_records
from tests.benchmarks.admin_rows import fill
from tests.records import make_record

LIST = "/admin/packages_app/package/"
ADDRESSES = (
    "", "?p=2", "?o=-0", "?o=7", "?suite=stable", "?suite=nightly", "?package_type=adopted", "?architecture=arm64",
    "?package_type=adopted&architecture=all", "?suite=stable&architecture=arm64", "?q=lib", "?q=tool1",
    "?suite=stable&q=lib", "?q=libtool1%231.0", "?q=nothing", "?suite=nowhere",
)  # fmt: skip


def mirror(rows, begin=0):
    """Mirror so many packages: names of five versions each, of every type and architecture, in three suites."""
    mirror_records(
        [
            make_record(
                f"{('', 'lib')[number % 2]}tool{number // 5}",
                f"1.{number % 5}",
                ("amd64", "arm64", "all")[number % 3],
                package_type=("adopted", "github_release")[number % 7 == 0],
                suites=("stable", "nightly") if number % 50 == 0 else ("stable",) if number % 2 else ("testing",),
                processed_timestamp=f"2026-01-02T03:04:{number % 60:02}+00:00",
            )
            for number in range(begin, rows)
        ]
    )


def queries_of(client, address):
    with CaptureQueriesContext(connection) as captured:
        assert client.get(f"{LIST}{address}").status_code == 200, address
        return [query["sql"] for query in captured.captured_queries]


def test_a_page_takes_as_many_queries_of_a_thousand_rows_as_of_a_hundred(as_member, settings):
    client = as_member("Viewers")
    queries_of(client, "")  # the first one of a session notes it
    mirror(100)
    of_hundred = {address: len(queries_of(client, address)) for address in ADDRESSES}
    mirror(1000, begin=100)
    assert {address: len(queries_of(client, address)) for address in ADDRESSES} == of_hundred
    assert max(of_hundred.values()) <= 12


def test_no_page_reads_or_sorts_all_rows(on_sqlite, as_member):
    client = as_member("Viewers")
    mirror(200)
    for address in ADDRESSES:
        for sql in queries_of(client, address):
            plan = plan_of(sql) if "packages_app_package" in sql else []
            assert "USE TEMP B-TREE FOR ORDER BY" not in plan, (address, sql, plan)
            scans = [step for step in plan if re.match(r"SCAN (packages_app_(package|suitemembership)|member)\b", step)]
            assert all(" INDEX " in step for step in scans), (address, sql, plan)


def plan_of(sql):
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        return [step for *_, step in cursor.fetchall()]


def test_rows_are_counted_up_to_a_limit_and_no_page_is_beyond_it(as_member):
    fill(COUNTED + 40)
    client = as_member("Viewers")
    page = client.get(LIST).content.decode()
    assert f"more than {COUNTED} packages" in " ".join(page.split())
    assert not re.search(r"\d results", page)
    assert page.count("/change/") == client.get(f"{LIST}?p={COUNTED // 50}").content.decode().count("/change/")
    assert client.get(f"{LIST}?p={COUNTED // 50 + 1}").status_code == 302
    counts = [sql for sql in queries_of(client, "") if "COUNT(" in sql]
    assert counts
    assert all(f"LIMIT {COUNTED + 1}" in sql for sql in counts)
    Package.objects.filter(pk__gt=Package.objects.order_by("pk")[COUNTED - 1].pk).delete()
    assert f"- {COUNTED} packages" in " ".join(client.get(LIST).content.decode().split())


def test_a_search_finds_parts_of_names_whole_names_and_versions_also_within_a_suite(as_member):
    client = as_member("Viewers")
    mirror_records(
        [
            make_record("tool", "1.9.0", suites=("stable",)),
            make_record("tool", "1.10.0", suites=("testing",)),
            make_record("libtool-dev", "2.0", suites=("stable",)),
            make_record("other", "1.9.0", suites=("stable",)),
        ]
    )

    def found(query):
        page = client.get(f"{LIST}?{query}").content.decode()
        return re.findall(r'data-label="version">([^<]+)<', page)

    assert found("q=tool") == ["2.0", "1.10.0", "1.9.0"]
    assert found("q=OOL-") == ["2.0"]
    assert found("q=tool%23") == ["1.10.0", "1.9.0"]
    assert found("q=tool%231.9") == ["1.9.0"]
    assert found("q=ol%231.9") == []
    assert found("q=%25") == []
    assert found("q=tool&suite=stable") == ["2.0", "1.9.0"]
    assert found("q=tool%23&suite=testing") == ["1.10.0"]
    assert found("q=tool&suite=nowhere") == []
    assert found("suite=stable") == ["2.0", "1.9.0", "1.9.0"]
    assert found("suite=stable&o=-0") == ["1.9.0", "1.9.0", "2.0"]


def test_filters_offer_what_rows_have(as_member):
    client = as_member("Viewers")
    mirror_records(
        [
            make_record("tool", "1", "amd64", package_type="adopted", suites=("stable",)),
            make_record("tool", "2", "arm64", package_type="", suites=("attic", "stable")),
        ]
    )
    page = client.get(LIST).content.decode()
    offered = set(re.findall(r"\?(suite|package_type|architecture)=([\w-]+)", page))
    assert offered == {
        ("suite", "stable"), ("suite", "attic"), ("package_type", "adopted"), ("architecture", "amd64"),
        ("architecture", "arm64"),
    }  # fmt: skip


def test_lists_do_not_read_what_only_a_rows_own_page_shows(as_member):
    """A job's steps and a publication's lists may be large, and a page shows fifty rows."""
    now = timezone.now()
    for _ in range(3):
        job = Job.objects.create(kind="publish", state="done", steps=[], started=now, ended=now)
        Publication.objects.create(
            suite="stable", kind="publish", date=now, valid_until=now, release_sha256="0" * 64, fingerprint="F",
            packages=1, records_read=1, uploaded_bytes=1, job=job,
        )  # fmt: skip
        Notice.objects.create(kind="job_failed", subject=str(job.pk), text="x", seen=now, job=job)
        HeldCandidate.objects.create(
            suite="stable", state="outdated", findings=[], digest="d", packages=1, seen=now, job=job
        )
    client = as_member("Viewers")
    columns = {
        "job": ("steps", "arguments", "result", "error"),
        "publication": Publication.LISTS,
        "heldcandidate": ("findings", "added", "removed"),
    }
    for address in ("/admin/", *(f"/admin/packages_app/{name}/" for name in ("notice", *columns))):
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        asked = " ".join(query["sql"] for query in captured.captured_queries)
        large = [f'"packages_app_{table}"."{name}"' for table, names in columns.items() for name in names]
        assert [column for column in large if column in asked] == [], address


def test_of_very_many_offers_that_were_refused_the_first_are_shown_with_a_link_to_all(as_member, embedded):
    embedded.define_uploads("tool")
    mirror_definitions()
    said = {"until": "", "offer": "tool", "from": "https://example.org/", "why": "no"}
    refused = {f"{number:032x}": said for number in range(130)}
    DefinitionStatus.objects.filter(name="tool").update(refused=refused, outcome="failed " * 1000)
    row = DefinitionStatus.objects.get(name="tool")
    client = as_member("Viewers")
    page = client.get(f"/admin/packages_app/definitionstatus/{row.pk}/change/").content.decode()
    assert page.count("https://example.org/: no") == 100
    assert "and 30 more" in page
    everything = f"/admin/packages_app/definitionstatus/{row.pk}/refused/"
    assert f'href="{everything}"' in page
    assert len(client.get(everything).content.decode().splitlines()) == 130
    with CaptureQueriesContext(connection) as captured:
        listed = client.get("/admin/packages_app/definitionstatus/").content.decode()
    assert listed.count("failed") < 100
    reads = [query["sql"] for query in captured.captured_queries if query["sql"].startswith("SELECT")]
    assert not any('"packages_app_definitionstatus"."refused"' in sql for sql in reads)
    row.refresh_from_db()
    assert len(row.refused) == 130


def test_the_overview_shows_the_beginning_of_a_long_notice(as_member):
    Notice.objects.create(kind="job_failed", subject="tool", level="error", text="word " * 50_000, seen=timezone.now())
    page = as_member("Viewers").get("/admin/").content
    assert b"word word" in page
    assert len(page) < 100_000


def test_a_jobs_page_shows_the_beginning_of_a_long_result_with_a_link_to_all(as_member):
    consent = [f"{number:064x}" for number in range(2_000)]
    job = Job.objects.create(kind="verify_repository", state="done", result={"found": 0, "consent": consent})
    client = as_member("Viewers")
    page = client.get(f"/admin/packages_app/job/{job.pk}/change/").content.decode()
    everything = f"/admin/packages_app/job/{job.pk}/whole/"
    assert f'href="{everything}"' in page
    assert consent[0] in page
    assert consent[-1] not in page
    assert client.get(everything).json()["result"]["consent"] == consent


@pytest.mark.parametrize("name", ["conflict", "job", "package"])
def test_a_list_repeats_no_more_of_a_search_than_is_looked_for_and_counts_no_facets(as_member, name):
    client = as_member("Viewers")
    Conflict.objects.create(package_name="tool", version="1", architecture="amd64", origin="test")
    short = len(client.get(f"/admin/packages_app/{name}/?q=tool").content)
    long = client.get(f"/admin/packages_app/{name}/", {"q": " ".join(f"word{number}" for number in range(900))})
    assert long.status_code == 200
    assert len(long.content) < short + 60 * 300
    assert b"word890" not in long.content
    assert b"_facets" not in long.content
