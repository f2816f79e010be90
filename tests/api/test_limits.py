"""How often machines may ask: what is too much is refused with the seconds to wait, stops no other, is told of once."""

import contextvars
import io
from contextlib import ExitStack, suppress

import pytest
from django.test import Client
from django.utils import timezone

from packages_app.models import AccessToken, AuditEntry
from repomgr.rates import AtOnce, Rate, Runs
from tests.api.conftest import Caller

LIMITED = "too_many_requests"


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def limits(settings):
    """Lower the limits to 3 requests, 2 refused tokens and 1 upload."""
    settings.API_REQUESTS_A_MINUTE, settings.API_REFUSED_TOKENS_A_MINUTE, settings.API_UPLOADS_AT_ONCE = 3, 2, 1


def told(answer):
    """Return status, code, and whether there is a Retry-After that is no more than a minute."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    code = answer.json()["code"]
    return (answer.status_code, code, 1 <= int(answer.headers.get("Retry-After", 0)) <= 60)


def lines():
    return list(AuditEntry.objects.filter(code=LIMITED).order_by("pk"))


def test_the_seconds_to_wait_are_true_and_what_was_spent_comes_back_evenly():
    clock = Clock()
    rate = Rate(clock=clock)
    for most in (1, 7, 60, 600, 10_000):
        key = str(most)
        assert [rate.spend(key, most) for _ in range(most)] == [0] * most
        seconds = rate.seconds(key, most)
        assert seconds == rate.spend(key, most) == -(-60 // most)  # a refusal costs nothing
        clock.now += 60 / most - 1e-4
        assert rate.spend(key, most) == 1
        clock.now += seconds - 60 / most + 1e-4
        assert rate.spend(key, most) == 0
        clock.now += 600  # no more is saved than a minute has
        assert [bool(rate.spend(key, most)) for _ in range(most + 1)] == [False] * most + [True]
    assert rate.spend("another", 1) == 0


def test_strangers_spend_no_memory_and_push_out_the_oldest():
    rate, clock = Rate(most_keys=3), Clock()
    runs = Runs(clock=clock, most_keys=3)
    for key in ("a", "b", "a", "c", "d"):
        rate.spend(key, 100)
        runs.begins(key)
    assert (len(rate), "a" in rate, "b" in rate) == (3, True, False)
    assert [runs.goes_on(key) for key in "abcd"] == [True, False, True, True]
    for seconds, begins in ((59, False), (59, False), (61, True)):  # a run goes on while no minute is without one
        clock.now += seconds
        assert runs.begins("a") is begins


def test_so_many_of_a_key_are_at_work_and_none_is_remembered():
    at_once = AtOnce()
    with ExitStack() as present:
        assert [present.enter_context(at_once.one(key, 2)) for key in "aaba"] == [True, True, True, False]
    with suppress(ZeroDivisionError), at_once.one("a", 1):
        1 / 0  # noqa: B018 - it fails
    with at_once.one("a", 1) as again:
        assert again
    assert not at_once._at_work


def test_a_token_that_asks_too_often_is_refused_alone_and_told_of_once(caller, limits, django_assert_num_queries):
    own, other = caller("read"), caller("read")
    assert [own.get("/packages").status_code for _ in range(3)] == [200] * 3
    assert told(own.get("/packages")) == (429, LIMITED, True)
    with django_assert_num_queries(0):  # from the second one on the database is not asked
        answers = [own.ask(method, "/packages") for method in ("GET", "POST", "PUT")]
    assert {told(answer) for answer in answers} == {(429, LIMITED, True)}
    assert told(own.ask("PUT", "/upload/-/-/x.deb")) == (429, LIMITED, True)
    assert other.get("/packages").status_code == 200
    [line] = lines()
    assert (line.result, line.kind, line.actor) == ("refused", "token", "root, by the token ci")


@pytest.mark.parametrize("wrong", ["", "repomgr_x"])
def test_an_address_without_a_token_that_counts_is_bounded_by_its_network(caller, limits, settings, wrong):
    stranger, most = Client(), 3 if not wrong else 2
    shown = {"Authorization": f"Bearer {wrong}"} if wrong else {}
    network = f"2001:db8:0:{len(wrong)}::"

    def ask(address):
        return stranger.get("/api/v1/packages", headers=shown, REMOTE_ADDR=address)

    assert [ask(f"{network}{host}").status_code for host in range(1, most + 1)] == [401] * most
    assert {told(ask(f"{network}{host}")) for host in range(7, 10)} == {(429, LIMITED, True)}
    assert ask(f"2001:db8:1:{len(wrong)}::1").status_code == 401
    assert len(lines()) == 1
    assert Client().get("/healthz", REMOTE_ADDR=f"{network}1").status_code == 200


def test_who_guesses_stops_no_token_of_the_same_address_that_counted_lately(caller, limits, settings):
    settings.API_REQUESTS_A_MINUTE = 1000
    at, known, unseen = {"REMOTE_ADDR": "10.9.9.1"}, caller("read"), caller("read")
    for one in (known, unseen):
        one.client.defaults.update(at)
    assert known.get("/packages").status_code == 200
    for _ in range(2):
        guess = Caller("repomgr_guess")
        guess.client.defaults.update(at)
        assert guess.get("/packages").status_code == 401
    assert told(guess.get("/packages")) == (429, LIMITED, True)
    assert told(unseen.get("/packages")) == (429, LIMITED, True)  # nothing tells it from a guess
    assert known.get("/packages").status_code == 200
    AccessToken.objects.filter(pk=known.token.pk).update(revoked=timezone.now())
    assert known.get("/packages").said["code"] == "token_revoked"
    assert told(known.get("/packages")) == (429, LIMITED, True)  # it is one of those that do not count


class Body(io.BytesIO):
    """A body of one byte, while which is read something else is done, as another thread would."""

    def __init__(self, meanwhile):
        super().__init__(b"x")
        self.meanwhile = meanwhile

    def read(self, size=-1):
        if self.tell() == 0:
            contextvars.Context().run(self.meanwhile)
        return super().read(size)


def test_a_token_has_so_many_uploads_at_once_and_its_other_requests_go_on(caller, limits, settings):
    settings.API_REQUESTS_A_MINUTE = 1000
    own, other, answers = caller("upload", "read"), caller("upload"), []
    own.prefix = other.prefix = ""
    path = "/upload/stable/main/tool_1.0_amd64.deb"

    def meanwhile():
        for method, address in (("PUT", path), ("POST", "/api/v1/uploads?filename=x.deb")):
            answers.append(told(own.ask(method, address, b"x")))
        answers.extend([own.get("/api/v1/packages").status_code, other.ask("PUT", path, b"x").status_code])

    sent = {"headers": {"Authorization": f"Bearer {own.secret}"}, "wsgi.input": Body(meanwhile)}
    assert own.client.generic("PUT", path, b"x", content_type="application/x-deb", **sent).status_code == 422
    assert answers == [(429, LIMITED, True), (429, LIMITED, True), 200, 422]
    assert own.ask("PUT", path, b"x").status_code == 422
    [line] = lines()
    assert (line.kind, line.actor) == ("token", "root, by the token ci")
