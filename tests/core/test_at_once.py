"""Calls made at the same time: their answers in order, their errors, and what they know of their caller."""

import threading
from contextvars import ContextVar
from functools import partial

import pytest

from packages_app.core.at_once import at_once, at_once_ahead, both_at_once

said = ContextVar("said", default="nothing")


@pytest.mark.parametrize("most", [1, 2, 8])
def test_answers_come_in_the_order_of_the_calls(most):
    assert at_once([partial(int, str(number)) for number in range(20)], most) == list(range(20))
    assert at_once([], most) == []
    assert both_at_once(partial(int, "1"), partial(str, 2), most) == (1, "2")


def test_so_many_calls_run_at_the_same_time_and_no_more():
    together = threading.Barrier(3, timeout=30)
    assert len(at_once([together.wait] * 6, 3)) == 6, "with fewer than three at once the barrier would break"
    alone = threading.Lock()

    def in_turn():
        assert alone.acquire(blocking=False)
        alone.release()
        return True

    assert at_once([in_turn] * 5, 1) == [True] * 5


def test_one_by_one_nothing_follows_an_error():
    made = []
    with pytest.raises(ValueError, match="two"):
        at_once([partial(made.append, 1), partial(int, "two"), partial(made.append, 3)], 1)
    assert made == [1]


def test_the_first_error_is_raised_when_what_had_begun_has_ended():
    ended, both_began = [], threading.Barrier(2, timeout=30)

    def fails():
        both_began.wait()
        return int("first")

    def ends():
        both_began.wait()
        ended.append(True)

    with pytest.raises(ValueError, match="first"):
        at_once([fails, ends], 2)
    assert ended == [True]


def test_calls_have_their_caller_s_context_and_leave_it_alone():
    said.set("by the caller")

    def call():
        heard = said.get()
        said.set("by a call")
        return heard

    assert at_once([call, call], 2) == ["by the caller"] * 2
    assert said.get() == "by the caller"


@pytest.mark.parametrize("most", [1, 3])
def test_of_a_long_row_no_more_is_taken_than_is_to_be_ahead(most):
    taken = []

    def row():
        for number in range(50):
            taken.append(number)
            yield partial(int, str(number))

    results = at_once_ahead(row(), most, 5)
    assert taken == []
    for number in range(50):
        assert next(results) == number
        assert len(taken) <= number + 5
    assert list(results) == []
    assert list(at_once_ahead([], most, 5)) == []


def test_a_caller_who_wants_no_more_of_a_row_ends_it():
    began, may_end = [], threading.Event()

    def call(number):
        began.append(number)
        return number if number == 0 else may_end.wait(30)

    results = at_once_ahead((partial(call, number) for number in range(50)), 2, 20)
    assert next(results) == 0
    may_end.set()
    results.close()
    assert len(began) <= 20


def test_an_error_in_a_row_is_raised_in_its_place():
    results = at_once_ahead([partial(int, "1"), partial(int, "two"), partial(int, "3")], 2, 3)
    assert next(results) == 1
    with pytest.raises(ValueError, match="two"):
        next(results)


def test_calls_of_a_row_have_their_caller_s_context():
    said.set("by the caller")
    assert list(at_once_ahead([said.get] * 3, 2, 3)) == ["by the caller"] * 3
