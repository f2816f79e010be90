"""A record that no row holds is named and left out; what a row can hold of the others is the same on any database."""

from dataclasses import replace
from pathlib import Path

from django.db import connection

from packages_app.core.ports import Silent
from packages_app.core.storable_text import REPLACEMENT
from packages_app.models import Notice, Package
from packages_app.services.mirror.packages import (
    Reconciliation,
    mirror_record,
    mirror_records,
    reconcile_keys,
    reconcile_mirror,
)
from tests.records import make_record

REPOSITORY = Path(__file__).resolve().parents[3]

ODD = (
    {"pub_date": "d" * 68},
    {"notes": "a\x00b"},
    {"notes": "a\ud800b"},
    {"control": "Package: odd0\nX-Odd: \x00\n"},
    {"priority": "p" * 65},
    {"section": "s" * 256},
    {"component": "c" * 65},
    {"package_type": "t" * 65},
    {"md5_hash": "f" * 33},
    {"processed_timestamp": "9" * 65},
    {"file_size": 2**63},
    {"version": "1" * 257},
    {"architecture": "a" * 65},
    {"architecture": "a\ud800"},
    {"version": "1\x00"},
    {"suites": ("s" * 65,)},
)
WITHOUT_ROW = 5


def odd_records():
    return [replace(make_record(f"odd{number}"), **fields) for number, fields in enumerate(ODD)]


def reconciled(records):
    reconciliation = Reconciliation(Silent())
    assert list(reconciliation.through(records)) == records
    return reconciliation.found


def test_records_that_no_row_holds_stop_no_other(embedded):
    records = [make_record("first"), *odd_records(), make_record("last")]
    found = reconciled(records)
    assert (found.added, found.left_out) == (len(records) - WITHOUT_ROW, WITHOUT_ROW)
    rows = {row.package_name: row for row in Package.objects.all()}
    assert {"first", "last"} < set(rows)
    assert (rows["odd0"].pub_date, rows["odd1"].notes, rows["odd5"].section) == (
        "d" * 64,
        f"a{REPLACEMENT}b",
        "s" * 255,
    )
    assert rows["odd10"].file_size is None
    again = reconciled(records)
    assert (again.added, again.changed, again.removed, again.left_out) == (0, 0, 0, WITHOUT_ROW)


REFUSE = {
    "sqlite": "CREATE TRIGGER refused BEFORE INSERT ON packages_app_package WHEN NEW.package_name = 'tool4' "
    "BEGIN SELECT RAISE(ABORT, 'refused'); END",
    "postgresql": "ALTER TABLE packages_app_package ADD CONSTRAINT refused CHECK (package_name <> 'tool4')",
}
ADMIT = {
    "sqlite": "DROP TRIGGER refused",
    "postgresql": "ALTER TABLE packages_app_package DROP CONSTRAINT refused",
}


def test_a_row_that_the_database_refuses_is_left_out_and_written_by_a_later_run(embedded):
    embedded.table.put_many_new([make_record(f"tool{number}") for number in range(9)])
    with connection.cursor() as cursor:
        cursor.execute(REFUSE[connection.vendor])
    found = reconcile_mirror(Silent())
    assert (found.added, found.left_out) == (8, 1)
    assert told() == [("tool4 1.0 amd64", True)]
    assert mirror_record(embedded.table.get("tool4", "1.0", "amd64")) is False, "intake goes on"
    assert told() == [("tool4 1.0 amd64", True)]
    with connection.cursor() as cursor:
        cursor.execute(ADMIT[connection.vendor])
    found = reconcile_mirror(Silent())
    assert (found.added, found.left_out) == (1, 0)
    assert told() == [("tool4 1.0 amd64", False)]


def told():
    notices = Notice.objects.filter(kind="record_not_mirrored").order_by("created")
    return [(notice.subject, notice.settled is None) for notice in notices]


def test_a_notice_of_a_record_without_a_row_ends_with_its_cause_and_with_no_others(embedded):
    wide, wider = (make_record(name, suites=("s" * 65,)) for name in ("wide", "wider"))
    mirror_records([wide, wider, make_record("tool")])
    assert told() == [(wide.named, True), (wider.named, True)]
    mirror_records([make_record("other")])
    assert [is_open for _, is_open in told()] == [True, True], "what was not looked at is as it was"
    embedded.table.put_new(wider)
    reconcile_keys([wide.key, wider.key], Silent())  # the one is gone from the table
    assert [is_open for _, is_open in told()] == [False, True]
    assert reconcile_mirror(Silent()).left_out == 1
    assert [is_open for _, is_open in told()] == [False, True]
    reconciled([make_record("tool")])
    assert [is_open for _, is_open in told()] == [False, False]


def test_of_very_many_records_without_a_row_some_are_told_of(db):
    reconciled([make_record(f"wide{number}", "1" * 257) for number in range(70)])
    reconciled([make_record(f"wide{number}", "1" * 257) for number in range(70)])
    assert [is_open for _, is_open in told()] == [True] * 50


ON_POSTGRESQL = """
from packages_app.services.jobs import queue
from packages_app.models import Job, Notice
from packages_app.services.notices.notify import notify
from tests.records import make_record
from tests.services.mirror.test_fitting import odd_records, reconciled
found = reconciled([make_record("first"), *odd_records(), make_record("last")])
again = reconciled([make_record("first"), *odd_records(), make_record("last")])
print("mirrored", found.added, found.left_out, again.added, again.changed)

def work(job, progress):
    progress.step("look", "at \\x00")
    progress.note("it says \\x00 and \\ud800")
    return {"said": "\\x00"}

job = queue.run(queue.enqueue(Job.Kind.SYNC, wake_worker=False).pk, work)
print("job", job.state)
notify(Notice.Kind.JOB_FAILED, "a\\x00", "\\x00")
print("notices", Notice.objects.filter(kind="job_failed").count())
"""


def test_postgresql_holds_the_same_rows(on_postgresql):
    said = on_postgresql.manage("shell", "--no-imports", "-c", ON_POSTGRESQL.replace("\\\\", "\\"))
    assert f"mirrored {len(ODD) + 2 - WITHOUT_ROW} {WITHOUT_ROW} 0 0" in said
    assert "job done" in said
    assert "notices 1" in said
