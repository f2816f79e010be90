"""The mirror is made equal to the table in bulk, whatever was done to it by hand."""

from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from packages_app.core.ports import Silent
from packages_app.models import Package, PackageName, SuiteMembership
from packages_app.services.mirror.packages import (
    Reconciled,
    Reconciliation,
    mirror_differences,
    mirror_record,
    reconcile_mirror,
)
from tests.records import make_record


def fill(embedded, count, begin=0):
    embedded.table.put_many_new([make_record(f"tool{number}") for number in range(begin, count)])


def queries_of(work):
    with CaptureQueriesContext(connection) as captured:
        work()
        return [query["sql"] for query in captured.captured_queries]


def rows():
    """What the mirror says, but for the keys of its database."""
    packages = {
        row["id"]: {name: value for name, value in row.items() if name != "id"} for row in Package.objects.values()
    }
    suites = SuiteMembership.objects.values_list("package_id", "suite", "package_name")
    return (
        sorted(packages.values(), key=lambda row: (row["package_id"], row["architecture"])),
        sorted((packages[package]["package_id"], suite, name) for package, suite, name in suites),
        sorted(PackageName.objects.values_list("name", flat=True)),
    )


def test_an_unchanged_mirror_is_read_in_as_many_queries_for_a_thousand_records_as_for_a_hundred(embedded):
    fill(embedded, 100)
    reconcile_mirror(Silent())
    of_hundred = queries_of(lambda: reconcile_mirror(Silent()))
    fill(embedded, 1000, begin=100)
    reconcile_mirror(Silent())
    assert len(queries_of(lambda: reconcile_mirror(Silent()))) == len(of_hundred) <= 6
    assert all(sql.startswith(("SELECT", "DECLARE")) for sql in of_hundred)  # a cursor of PostgreSQL's reads, too
    assert len(queries_of(lambda: mirror_differences(embedded.table.all_records()))) <= 6


def test_rows_are_written_in_bulk_whether_they_are_new_or_changed(embedded):
    fill(embedded, 300)
    new = queries_of(lambda: reconcile_mirror(Silent()))
    before = rows()
    Package.objects.update(maintainer="Mallory")
    SuiteMembership.objects.update(suite="elsewhere")
    changed = queries_of(lambda: reconcile_mirror(Silent()))
    assert rows() == before
    for queries in (new, changed):
        assert len(queries) < 300 / 10
        assert not [sql for sql in queries if sql.startswith("UPDATE")]


def test_a_row_that_somebody_writes_while_an_empty_mirror_is_filled_is_taken_over(embedded):
    fill(embedded, 2)
    reconciliation = Reconciliation(Silent())

    def read():
        for record in embedded.records():
            mirror_record(replace(record, maintainer="Mallory"))
            yield record

    assert [record.package_name for record in reconciliation.through(read())] == ["tool0", "tool1"]
    assert mirror_differences(embedded.table.all_records()) == []
    assert reconcile_mirror(Silent()) == Reconciled(2, 0, 0, 0)


@pytest.mark.parametrize("column", sorted({f.column for f in Package._meta.concrete_fields} - {"id", "archive"}))
def test_a_column_changed_by_hand_is_found_and_mended(embedded, column):
    fill(embedded, 3)
    reconcile_mirror(Silent())
    before = rows()
    [changed] = Package.objects.filter(package_name="tool1")
    Package.objects.filter(pk=changed.pk).update(**{column: 7 if column == "file_size" else "corrupt"})
    assert (changed.package_id, changed.architecture) in mirror_differences(embedded.table.all_records())
    moved = column in ("package_id", "architecture", "build")  # to the row of another record, which there is not
    found = Reconciled(3, 1, 0, 1) if moved else Reconciled(3, 0, 1, 0)
    assert reconcile_mirror(Silent()) == found
    assert rows() == before
    assert mirror_differences(embedded.table.all_records()) == []
    assert reconcile_mirror(Silent()) == Reconciled(3, 0, 0, 0)


def test_memberships_changed_by_hand_are_found_and_mended_and_their_suites_published(embedded):
    embedded.configure(suites=[{"name": name, "codename": name} for name in ("stable", "testing")])
    record = make_record("tool", suites=("stable",))
    embedded.table.put_new(record)
    reconcile_mirror(Silent())
    before = rows()
    for corrupt in (
        lambda: SuiteMembership.objects.all().delete(),
        lambda: SuiteMembership.objects.update(suite="testing"),
        lambda: SuiteMembership.objects.update(package_name="corrupt"),
        lambda: SuiteMembership.objects.create(package=Package.objects.get(), suite="testing", package_name="tool"),
    ):
        corrupt()
        assert mirror_differences([record]) == [record.key]
        assert reconcile_mirror(Silent()) == Reconciled(1, 0, 1, 0)
        assert rows() == before
    assert {job.subject for job in embedded.run_jobs()} == {"stable", "testing"}


def test_the_names_that_searches_read_are_those_of_the_rows(embedded):
    fill(embedded, 3)
    reconcile_mirror(Silent())
    PackageName.objects.filter(name="tool0").delete()
    PackageName.objects.create(name="ghost")
    reconcile_mirror(Silent())
    assert list(PackageName.objects.order_by("name").values_list("name", flat=True)) == ["tool0", "tool1", "tool2"]
    mirror_record(make_record("late"))
    assert PackageName.objects.filter(name="late").exists()
    assert reconcile_mirror(Silent()) == Reconciled(3, 0, 0, 1)
    assert not PackageName.objects.filter(name="late").exists()


def test_a_record_is_mirrored_once_and_again_when_it_changed(embedded):
    record = make_record("tool", suites=("stable",))
    assert mirror_record(record) is True
    assert mirror_record(record) is False
    assert mirror_record(replace(record, suites=("stable", "testing"))) is True
    assert rows()[1] == [("tool#1.0", "stable", "tool"), ("tool#1.0", "testing", "tool")]
    assert mirror_record(replace(record, version="not a version")) is True  # a foreign one is shown, sorted first
    assert Package.objects.get(version="not a version").version_key == ""
