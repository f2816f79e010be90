"""Calls that failed for the moment and are made again: how often, after which waits, and for which errors."""

import pytest
from tenacity import retry_if_exception_type

from packages_app.core.retry import NO_PAUSE, THROTTLED, Patience, retrying


class Passing(Exception):
    """Raised by a call that another may cure."""


class Calls:
    """A call that fails so many times, then gives its argument."""

    def __init__(self, failures, error=Passing):
        self.failures, self.error, self.made = failures, error, 0

    def __call__(self, argument):
        self.made += 1
        if self.made <= self.failures:
            raise self.error(self.made)
        return argument


def tries(patience, waits, **options):
    return retrying(patience, retry_if_exception_type(Passing), sleep=waits.append, **options)


def test_a_call_that_fails_for_the_moment_is_made_again_and_each_failure_is_told():
    waits, told, call = [], [], Calls(2)
    policy = tries(Patience(3, 1.0, 60.0), waits, failed=lambda number, error: told.append((number, str(error))))
    assert policy(call, "done") == "done"
    assert told == [(1, "1"), (2, "2")]
    assert (call.made, len(waits)) == (3, 2)


def test_the_last_error_is_raised_as_it_is_and_nothing_is_waited_for_after_it():
    waits, call = [], Calls(99)
    with pytest.raises(Passing, match="3"):
        tries(NO_PAUSE, waits)(call, "never")
    assert (call.made, waits) == (3, [0, 0])


def test_another_error_is_raised_at_once():
    waits, call = [], Calls(1, ValueError)
    with pytest.raises(ValueError, match="1"):
        tries(NO_PAUSE, waits)(call, "never")
    assert (call.made, waits) == (1, [])


def test_waits_double_up_to_the_longest_and_are_drawn_from_the_upper_half():
    waits = []
    for _ in range(20):
        with pytest.raises(Passing):
            tries(THROTTLED, waits)(Calls(99), "never")
    by_number = [waits[number::9] for number in range(9)]
    bounds = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]
    assert all(most / 2 <= wait <= most for some, most in zip(by_number, bounds, strict=True) for wait in some)
    assert all(len(set(some)) > 1 for some in by_number)


@pytest.mark.parametrize(("asked", "least", "most"), [(0.0, 0.5, 1.0), (7.0, 7.0, 7.0), (3600.0, 60.0, 60.0)])
def test_what_a_server_asks_for_is_waited_but_never_for_longer_than_the_longest(asked, least, most):
    waits = []
    assert tries(Patience(3, 1.0, 60.0), waits, asked=lambda _error: asked)(Calls(1), "done") == "done"
    [wait] = waits
    assert least <= wait <= most


def test_one_policy_serves_calls_that_are_made_within_one_another():
    policy = tries(NO_PAUSE, [])
    assert policy(lambda: (policy(Calls(2), "inner"), policy(Calls(2), "again"))) == ("inner", "again")
