"""Transactions that a database does not do: done again a few times, and ended by an error with code and remedy."""

import psycopg
import pytest
from django.db import DataError, IntegrityError, OperationalError, connection, transaction

from packages_app.core.errors import ServiceUnavailable
from packages_app.core.outcome import Outcome
from packages_app.core.retry import DATABASE
from packages_app.models import PackageName
from packages_app.services.outside_errors import told_as_ours
from packages_app.services.transactions import in_transaction

DEADLOCK = psycopg.errors.DeadlockDetected("deadlock detected")
SERIALIZATION = psycopg.errors.SerializationFailure("could not serialize access")
SHUTDOWN = psycopg.errors.AdminShutdown("terminating connection")
SILENCE = psycopg.OperationalError("server closed the connection unexpectedly")


class Failing:
    """Lets the first inserts fail for a cause, as Django wraps it; counts all."""

    def __init__(self, cause, times):
        self.cause, self.times, self.inserts = cause, times, 0

    def __call__(self, execute, sql, params, many, context):
        if sql.startswith("INSERT"):
            self.inserts += 1
            if self.inserts <= self.times:
                raise (DataError if isinstance(self.cause, psycopg.DataError) else OperationalError)(
                    str(self.cause)
                ) from self.cause
        return execute(sql, params, many, context)


def write():
    PackageName.objects.create(name="first")
    PackageName.objects.create(name="second")
    return PackageName.objects.count()


@pytest.mark.parametrize("cause", [DEADLOCK, SERIALIZATION, SHUTDOWN, SILENCE], ids=lambda cause: type(cause).__name__)
def test_what_a_database_gave_up_is_done_again_as_a_whole(transactional_db, cause):
    waits, failing = [], Failing(cause, DATABASE.tries - 1)
    with connection.execute_wrapper(failing):
        assert in_transaction(write, sleep=waits.append) == 2
    assert (failing.inserts, len(waits)) == (DATABASE.tries + 1, DATABASE.tries - 1)
    assert list(PackageName.objects.order_by("name").values_list("name", flat=True)) == ["first", "second"]


@pytest.mark.parametrize("cause", [DEADLOCK, SILENCE], ids=lambda cause: type(cause).__name__)
def test_what_fails_each_time_ends_with_a_code_and_a_remedy_and_nothing_done(transactional_db, cause):
    failing = Failing(cause, 1000)
    with connection.execute_wrapper(failing), pytest.raises(ServiceUnavailable) as ended:
        in_transaction(write, sleep=lambda _: None)
    assert failing.inserts == DATABASE.tries
    assert (ended.value.code, ended.value.outcome) == ("service_unavailable", Outcome.TRY_AGAIN)
    assert str(cause) in ended.value.message
    assert ("DATABASE_URL" in ended.value.remedy) is (cause is SILENCE)
    assert not PackageName.objects.exists()


def test_a_value_that_the_database_refuses_is_no_matter_of_trying_again(transactional_db):
    failing = Failing(psycopg.errors.StringDataRightTruncation("value too long"), 1000)
    with connection.execute_wrapper(failing), pytest.raises(DataError):
        in_transaction(write)
    assert failing.inserts == 1


def test_within_another_transaction_the_whole_of_that_is_what_is_done_again(transactional_db):
    failing = Failing(DEADLOCK, 1)
    with connection.execute_wrapper(failing):
        assert in_transaction(lambda: in_transaction(write), sleep=lambda _: None) == 2
        failing.inserts = 0
        with transaction.atomic(), pytest.raises(OperationalError):
            in_transaction(write)
    assert failing.inserts == 1


def test_what_is_refused_within_a_transaction_does_not_end_that(transactional_db):
    with transaction.atomic():
        PackageName.objects.create(name="first")
        with pytest.raises(IntegrityError), told_as_ours(), transaction.atomic():
            PackageName.objects.create(name="first")
        PackageName.objects.create(name="second")
    assert list(PackageName.objects.order_by("name").values_list("name", flat=True)) == ["first", "second"]
