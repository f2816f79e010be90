"""The trail holds: against its own database's users, several writers, a database that does not take it, and time."""

import csv
import io
import json
from datetime import timedelta
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError
from django.core.management import CommandError, call_command
from django.db import Error, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from packages_app.core.audit import Actor, ActorKind, acting
from packages_app.core.home import make_home
from packages_app.core.locations import FolderStore, parse_store_url
from packages_app.models import AuditEntry, Job
from packages_app.models.audit_guards import guard
from packages_app.services.audit.aside import AuditUnwritten, aside_file, waiting_aside
from packages_app.services.audit.check import TrailBroken, check_trail
from packages_app.services.audit.export import Format, exported, in_order
from packages_app.services.audit.seal import seal
from packages_app.services.audit.search import SearchRefused, found, parse_search
from packages_app.services.audit.write import by_token, insert, write
from packages_app.services.audit_keeping import check_export, export_trail, keep_trail, let_go
from packages_app.services.jobs import queue
from packages_app.services.rights.shown_token import ShownToken
from packages_app.services.setup.doctor import examine
from tests.database import database_in

LINE, NAME, CUT = "packages_app_auditentry", "packages_app_auditname", "packages_app_auditcut"
# What somebody with the right to write to the tables may try.
ATTEMPTS = (
    f"UPDATE {LINE} SET actor = 'ben' WHERE number = 2",
    f"UPDATE {LINE} SET happened = '2020-01-01' WHERE number = 2",
    f"UPDATE {LINE} SET digest = 'x' WHERE number = 2",
    f"UPDATE {LINE} SET number = 99 WHERE number = 3",
    f"DELETE FROM {LINE} WHERE packages = ''",
    f"DELETE FROM {NAME}",
    f"UPDATE {NAME} SET name = 'x'",
    f"INSERT INTO {CUT} (upto, digest, made) VALUES (3, 'x', '2026-01-01')",
)
ON_SQLITE = (
    f"INSERT OR REPLACE INTO {LINE} SELECT id, happened, deed, kind, 'ben', actor_number, address, what, subject,"
    f" packages, suites, before, after, given, result, code, job, archive, NULL, '', '' FROM {LINE} WHERE number = 2",
)
ON_POSTGRESQL = (f"TRUNCATE {LINE} CASCADE", f"TRUNCATE {NAME}")


@pytest.fixture
def trail(tmp_path, migrated, transactional_db, settings):
    """A database with its triggers, and a home."""
    make_home(tmp_path / "home")
    settings.HOME = tmp_path / "home"
    with database_in(tmp_path, migrated):
        yield


def three_lines():
    for number in range(3):
        # The last has no names, whose keys alone would keep it.
        names = ["tool"] if number < 2 else []
        write("test.change", subject=str(number), packages=names, suites=names)


def refusals(statements):
    """Give those of the statements that were not refused."""
    taken = []
    for statement in statements:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
            taken.append(statement)
        except Error:
            pass
    return taken


def test_no_statement_changes_a_line_and_a_line_that_was_changed_all_the_same_is_found(trail):
    three_lines()
    assert check_trail().number == 3
    assert refusals((*ATTEMPTS, *ON_SQLITE)) == []
    assert check_trail().lines == 3
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER audit_said_stays")
    with pytest.raises(TrailBroken, match="audit_said_stays"):
        check_trail()
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {LINE} SET actor = 'ben' WHERE number = 2")
    guard(connection)
    with pytest.raises(TrailBroken, match="Line 2 "):
        check_trail()
    with pytest.raises(CommandError, match=r"audit_trail_broken: Line 2 "):
        call_command("audit", "check", stdout=io.StringIO())
    probed = next(probed for probed in examine() if probed.name == "audit trail")
    assert (probed.well, "Line 2 " in probed.detail) == (False, True)


def test_lines_of_one_change_cost_their_inserts_and_one_seal(trail):
    write("test.change")
    with CaptureQueriesContext(connection) as captured, transaction.atomic():
        for number in range(2):
            write("test.change", subject=str(number), packages=["tool"])
    asked = [query["sql"].split()[0] for query in captured.captured_queries]
    names = ("BEGIN", "INSERT", "COMMIT", "SELECT", "UPDATE", "SAVEPOINT")
    assert {name: asked.count(name) for name in names} == {
        "BEGIN": 2, "INSERT": 4, "COMMIT": 2, "SELECT": 2, "UPDATE": 2, "SAVEPOINT": 0,
    }  # fmt: skip


PROGRAM = """
from django.db import Error, connection, transaction
from packages_app.core.audit import Actor, ActorKind, acting
from packages_app.services.audit.check import check_trail
from packages_app.services.audit.write import write
"""


def test_several_processes_write_one_chain_on_postgresql_which_keeps_it_too(on_postgresql):
    writing = """
import os
with acting(Actor(ActorKind.PERSON, str(os.getpid()))):
    for number in range(40):
        try:
            with transaction.atomic():
                write("test.change", subject=str(number), packages=["tool"] * (number % 2))
                if number % 10 == 9:
                    raise Error("this one is given up")
        except Error:
            pass
tell(os.getpid())
"""
    pids = on_postgresql.at_once(*[PROGRAM + writing] * 4)
    checking = f"""
from packages_app.models import AuditEntry
checked = check_trail()
taken = []
for statement in {(*ATTEMPTS, *ON_POSTGRESQL)!r}:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
        taken.append(statement)
    except Error:
        pass
lines = AuditEntry.objects.filter(what="test.change").order_by("number")
shells = AuditEntry.objects.filter(what="command.shell", kind="command", result="done").count()
per = [list(lines.filter(actor=str(pid)).values_list("subject", flat=True)) for pid in {pids!r}]
tell([lines.count(), shells, checked.lines, checked.number, check_trail().lines, taken, per])
"""
    *counts, taken, per = on_postgresql.run(PROGRAM + checking)
    kept = [str(each) for each in range(40) if each % 10 != 9]
    assert (counts, taken) == ([144, 4, 148, 148, 148], [])
    assert per == [kept] * 4


def test_a_cut_of_old_lines_between_two_reads_of_the_check_is_no_break_of_the_chain(on_postgresql):
    checking = """
import contextvars, datetime, threading, uuid
from django.utils import timezone
from packages_app.models import AuditEntry
from packages_app.services.audit.write import insert
from packages_app.services.audit_keeping import let_go
for days in (900, 800, 1):
    at = timezone.now() - datetime.timedelta(days=days)
    insert(AuditEntry(happened=at, kind="clock", actor="clock", what="test.old", result="done", deed=uuid.uuid4()))
before, going = check_trail(), []

def cut():
    going.append(let_go(timezone.now()))
    connection.close()

def after_its_beginning(execute, sql, params, many, context):
    done = execute(sql, params, many, context)
    if "auditcut" in sql and not going:
        other = threading.Thread(target=contextvars.copy_context().run, args=(cut,))
        other.start()
        other.join()
    return done

with connection.execute_wrapper(after_its_beginning):
    checked = check_trail()
tell([before.lines, going, checked.lines, checked.number])
"""
    assert on_postgresql.run(PROGRAM + checking) == [3, [2], 2, 4]


def refuse_lines():
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TRIGGER no_lines BEFORE INSERT ON {LINE} BEGIN SELECT RAISE(ABORT, 'not now'); END")


def test_a_line_that_can_t_be_written_undoes_the_change_or_is_kept_aside_and_is_never_lost_silently(trail):
    refuse_lines()
    with pytest.raises(Error):
        queue.enqueue(Job.Kind.SWEEP, subject="all", wake_worker=False)
    assert (Job.objects.count(), waiting_aside()) == (0, 0)
    with acting(Actor(ActorKind.PERSON, "ann", "10.0.0.1", "4")):
        write("test.change", subject="outside of a transaction", packages=["tool"])
    assert (AuditEntry.objects.count(), waiting_aside()) == (0, 1)
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER no_lines")
    assert check_trail().taken_back == 1
    [line] = AuditEntry.objects.all()
    assert (line.actor, line.address, line.packages, line.number) == ("ann", "10.0.0.1", "tool", 1)
    assert (list(found(parse_search("package:tool"))), waiting_aside()) == ([line], 0)
    refuse_lines()
    aside_file().unlink()
    aside_file().mkdir()
    with pytest.raises(AuditUnwritten):
        write("test.change")


def test_lines_are_found_and_given_to_others(db):
    for name, kind, address in (("ann", ActorKind.PERSON, "10.0.0.1"), ("root", ActorKind.COMMAND, "build-7")):
        with acting(Actor(kind, name, address)):
            write("job.move", subject="=1+1", packages=["tool", "lib"], suites=["stable"], given={"token": "geheim"})
            write("user.change", subject="ben", before={"url": "https://ann:geheim@apt.example.org/x"})
    for owner in ("ann", "anna"):
        with acting(by_token(owner, ShownToken(1, "ci", frozenset()), "10.0.0.2")):
            write("job.move", packages=["app"])
    searches = {
        "who:ann": 3, "who:anna": 1, "who:an": 0, "who:ann kind:token package:app": 1,
        "who:root@build-7": 2, "who:root@other": 0, "package:lib": 2, "package:li": 0, "suite:stable": 2,
        "ann": 3, "lib": 2, "job.": 4, "kind:command what:user": 1, "from:10.0.0.1 package:tool": 1, "result:failed": 0,
        f"since:{timezone.now():%Y-%m-%d}": 6, "until:2020-01-01": 0, "": 6,
    }  # fmt: skip
    assert {text: found(parse_search(text)).count() for text in searches} == searches
    for bad in ("since:yesterday", "colour:red", "who:"):
        with pytest.raises(SearchRefused):
            found(parse_search(bad))
    lines = [json.loads(text) for text in exported(in_order(AuditEntry.objects.all()), Format.JSONL)]
    table = list(csv.DictReader(io.StringIO("".join(exported(in_order(AuditEntry.objects.all()), Format.CSV)))))
    assert [line["actor"] for line in lines] == [row["actor"] for row in table] == [
        "ann", "ann", "root", "root", "ann, by the token ci", "anna, by the token ci",
    ]  # fmt: skip
    assert (lines[0]["subject"], table[0]["subject"]) == ("=1+1", "'=1+1")
    assert "geheim" not in json.dumps([lines, table])


def aged(days):
    entry = AuditEntry(
        happened=timezone.now() - timedelta(days=days), kind="clock", actor="clock", what="test.old", result="done",
        deed=uuid4(), packages="tool",
    )  # fmt: skip
    insert(entry)


def test_old_lines_go_once_they_are_exported_and_the_chain_goes_on(trail, settings, tmp_path):
    settings.AUDIT_KEPT_DAYS = 100
    for days in (300, 200, 99, 1):
        aged(days)
    settings.AUDIT_EXPORT = FolderStore(tmp_path / "kept")
    (tmp_path / "kept").mkdir()
    assert let_go(timezone.now()) == 0  # no line goes that is not exported
    assert keep_trail() == {"audit_exported": 4, "audit_let_go": 2}
    assert keep_trail() == {"audit_exported": 1, "audit_let_go": 0}  # the line that tells of the cut
    assert (check_trail().lines, check_trail().number) == (3, 5)
    assert refusals((f"DELETE FROM {LINE} WHERE number = 3", f"DELETE FROM {CUT}", f"UPDATE {CUT} SET upto = 4")) == []
    assert check_export()
    with connection.cursor() as cursor:  # who may change the schema cuts the end off, which no chain can tell
        for name in ("audit_line_stays", "audit_name_kept"):
            cursor.execute(f"DROP TRIGGER {name}")
        cursor.execute(f"DELETE FROM {LINE} WHERE number = 5")
    guard(connection)
    assert check_trail().number == 4
    with pytest.raises(TrailBroken):
        check_export()


def test_an_export_with_object_lock_can_t_be_changed(trail, settings, moto):
    client = boto3.client("s3", endpoint_url=moto, region_name="eu-central-1")
    bucket = f"trail-{uuid4().hex[:12]}"
    where = {"LocationConstraint": "eu-central-1"}
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True, CreateBucketConfiguration=where)
    rule = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 9}}}
    client.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=rule)
    settings.AUDIT_EXPORT = parse_store_url("AUDIT_EXPORT_URL", f"s3://{bucket}?region=eu-central-1&endpoint={moto}")
    three_lines()
    assert export_trail() == seal() + 3
    [version] = client.list_object_versions(Bucket=bucket)["Versions"]
    with pytest.raises(ClientError):
        client.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    lines = client.get_object(Bucket=bucket, Key=version["Key"])["Body"].read().decode().splitlines()
    assert json.loads(lines[-1])["digest"] == check_trail().digest in version["Key"]
    assert check_export()
