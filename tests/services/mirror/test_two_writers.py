"""Rows that several processes write at once, on PostgreSQL: in one order, and once more after a deadlock."""

import threading
import time

import psycopg
import pytest

pytestmark = pytest.mark.outside
MANY, ROUNDS = 120, 8
NAMES = [f"tool{number:03}" for number in range(MANY)]

WRITER = f"""
from dataclasses import replace
from packages_app.services.mirror.packages import mirror_records
from tests.records import make_record
records = [make_record(name) for name in {NAMES}]
for number in range({ROUNDS}):
    mirror_records([replace(record, section=f"{{number}}") for record in records])
"""
BACKWARDS = WRITER.replace("for number", "records.reverse()\nfor number")
REMOVER = f"""
from packages_app.core.ports import Silent
from packages_app.services.adapters import package_table
from packages_app.services.mirror.packages import reconcile_keys
package_table().create()
for number in range({ROUNDS}):
    reconcile_keys([(f"{{name}}#1.0", "amd64") for name in {NAMES}], Silent())
"""
WRITE = """
from packages_app.models import Package
from packages_app.services.mirror.packages import mirror_records
from tests.records import make_record
records = [make_record(name, maintainer="New") for name in ("a", "m", "z")]
mirror_records(records)
tell(list(Package.objects.order_by("package_id").values_list("package_name", "maintainer")))
"""


@pytest.fixture
def database(on_postgresql):
    with psycopg.connect(on_postgresql.url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET deadlock_timeout = '50ms'")
        yield connection


def deadlocks(database):
    database.execute("SELECT pg_stat_force_next_flush()")
    [[count]] = database.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return count


def test_writers_of_the_same_rows_come_to_no_deadlock_whatever_their_order(on_postgresql, database):
    on_postgresql.at_once(WRITER, BACKWARDS, REMOVER)
    assert deadlocks(database) == 0
    [[rows, members]] = database.execute(
        "SELECT (SELECT count(*) FROM packages_app_package), (SELECT count(*) FROM packages_app_suitemembership)"
    )
    assert rows == members


def test_a_write_that_was_given_up_for_another_is_done_again(on_postgresql, database):
    assert len(on_postgresql.run(WRITE.replace("New", "Old"))) == 3
    update = "UPDATE packages_app_package SET homepage = 'other' WHERE package_name = %s"
    with psycopg.connect(on_postgresql.url) as gate, psycopg.connect(on_postgresql.url) as other:
        other.execute("SET deadlock_timeout = '1h'")
        gate.execute(update, ["m"])
        other.execute(update, ["z"])
        product = on_postgresql.start(WRITE)  # has a, and waits for m
        wait_for_locks(database, 1)
        thread = threading.Thread(target=lambda: (other.execute(update, ["a"]), other.commit()))
        thread.start()
        wait_for_locks(database, 2)
        gate.commit()  # the product goes on to z: now each waits for the other, and it is the one to notice
        said, errors = product.communicate()
        thread.join()
    assert product.returncode == 0, errors
    assert deadlocks(database) == 1
    assert '[["a", "New"], ["m", "New"], ["z", "New"]]' in said


def wait_for_locks(database, count):
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    for _ in range(600):
        [[found]] = database.execute(waiting)
        if found >= count:
            return
        time.sleep(0.1)
    raise AssertionError(f"nobody waits: {count}")
