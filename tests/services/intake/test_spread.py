"""Work that is spread over processes: results in order, errors as they were raised, and nothing left running."""

import multiprocessing
import os
import signal

import pytest

from packages_app.core.conflict import FileIdentity, version_conflict
from packages_app.core.errors import RepomgrError, VersionConflict
from packages_app.services.intake.spread import spread

ITEMS = list(range(20))


@pytest.fixture(autouse=True)
def two_processors(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def squared(item):
    return item * item, os.getpid()


def conflicting(item):
    if item == 3:
        raise version_conflict("tool 1.0 amd64", FileIdentity("a" * 64, 1), FileIdentity("b" * 64, 2))
    return item


def large(item):
    return bytes(1_000_000)  # more than a pipe holds


def killed(item):
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def test_results_come_in_the_order_of_the_items_from_as_many_processes_as_there_are_processors():
    done = list(spread(squared, ITEMS))
    assert [result for result, _ in done] == [item * item for item in ITEMS]
    assert len({process for _, process in done} - {os.getpid()}) == 2


def test_a_single_item_is_done_here():
    assert list(spread(squared, [3])) == [(9, os.getpid())]


def test_an_error_is_raised_as_it_was_when_its_item_is_due():
    results = spread(conflicting, ITEMS)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(VersionConflict) as raised:
        next(results)
    with pytest.raises(VersionConflict) as meant:
        conflicting(3)
    assert vars(raised.value) == vars(meant.value)
    assert str(raised.value) == str(meant.value)
    assert multiprocessing.active_children() == []


def test_what_others_have_done_is_told_where_one_was_killed():
    results = spread(killed, ITEMS)
    assert [next(results) for _ in range(11)] == [0, 1, 2, *range(4, 20, 2)]
    with pytest.raises(RepomgrError) as raised:
        next(results)
    assert raised.value.code == "repomgr_error"


def test_who_wants_no_more_leaves_no_process_behind_and_no_traceback(capfd):
    results = spread(large, ITEMS)
    next(results)
    results.close()
    assert multiprocessing.active_children() == []
    assert capfd.readouterr().err == ""
