"""A password can't be guessed at for long, and a locked person is told what to do."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from axes.models import AccessAttempt
from django.contrib.auth import get_user_model
from django.core.management import call_command
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from tests.values import numbers_in

LOGIN = "/admin/login/"
PASSWORD = "correct-horse-battery"
WRONG = "wrong-horse-secret"


@pytest.fixture
def person(db):
    return get_user_model().objects.create_superuser("anna", password=PASSWORD)


@pytest.fixture
def attempt(client, person):
    def post(name="anna", password=WRONG, address="203.0.113.5", **headers):
        return client.post(LOGIN, {"username": name, "password": password}, REMOTE_ADDR=address, headers=headers)

    return post


def fail(attempt, times=5, **details):
    answers = [attempt(**details).status_code for _ in range(times)]
    assert answers[:4] == [200] * min(times, 4)
    return answers


def test_five_failures_lock_a_name_for_an_address(attempt):
    assert fail(attempt) == [200, 200, 200, 200, 429]
    answer = attempt(password=PASSWORD)
    assert answer.status_code == 429
    assert answer["Retry-After"] == "900"
    page = answer.content.decode()
    alert = page[page.index('role="alert"') :].partition("</div>")[0]
    assert numbers_in(alert) == [5, 15], "attempts, and minutes to wait"
    assert "axes_reset" in alert
    assert "unfold/css/styles.css" in page
    assert attempt(password=PASSWORD, address="203.0.113.6").status_code == 302
    assert attempt(name="berta").status_code == 200


def test_a_right_password_clears_the_count(attempt):
    fail(attempt, 4)
    assert attempt(password=PASSWORD).status_code == 302
    fail(attempt, 4)
    assert attempt(password=PASSWORD).status_code == 302


def test_the_lock_ends_and_attempts_meanwhile_do_not_prolong_it(attempt):
    fail(attempt)
    attempt(password=PASSWORD)
    before = AccessAttempt.objects.get()
    assert before.failures_since_start == 5
    AccessAttempt.objects.update(attempt_time=before.attempt_time - timedelta(minutes=16))
    assert attempt(password=PASSWORD).status_code == 302


def test_one_password_on_many_names_locks_the_address_before_a_password_is_hashed(attempt, settings):
    assert [attempt(name=f"name{number}").status_code for number in range(20)] == [200] * 20
    settings.PASSWORD_HASHERS = []  # whatever is hashed now fails
    assert [attempt(name=f"name{number}").status_code for number in range(20, 40)] == [429] * 20
    assert attempt(password=PASSWORD).status_code == 429
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    assert attempt(password=PASSWORD, address="203.0.113.6").status_code == 302


def test_an_address_is_free_again_when_its_failures_are_old(attempt):
    for number in range(20):
        attempt(name=f"name{number}")
    assert attempt(password=PASSWORD).status_code == 429
    old = AccessAttempt.objects.first().attempt_time - timedelta(minutes=16)
    AccessAttempt.objects.update(attempt_time=old)
    assert attempt(password=PASSWORD).status_code == 302


@pytest.mark.parametrize(("addresses", "counted"), [
    ([f"2001:db8:1:2:{n}::{n}" for n in range(1, 6)], "2001:db8:1:2::"),
    (["203.0.113.5", "::ffff:203.0.113.5", "203.0.113.5:4711", "[::ffff:203.0.113.5]:99", "::ffff:cb00:7105"],
     "203.0.113.5"),
    (["[2001:db8::1]:1", "2001:db8::2", "2001:db8::3%eth0", "[2001:db8::4]", "2001:db8:0:0:5::"], "2001:db8::"),
])  # fmt: skip
def test_an_address_counts_as_the_same_however_it_is_written(attempt, settings, addresses, counted):
    settings.BEHIND_HTTPS = True
    answers = [
        attempt(address="10.0.0.1", **{"X-Forwarded-Proto": "https", "X-Forwarded-For": each}).status_code
        for each in addresses
    ]
    assert answers == [200, 200, 200, 200, 429]
    assert set(AccessAttempt.objects.values_list("ip_address", flat=True)) == {counted}


def test_ports_that_a_proxy_adds_lock_nobody_else(attempt, settings):
    settings.BEHIND_HTTPS = True
    seen = {"X-Forwarded-Proto": "https"}
    for port in range(5):
        attempt(address="10.0.0.1", **seen, **{"X-Forwarded-For": f"203.0.113.5:{4000 + port}"})
    other = {"X-Forwarded-For": "203.0.113.6:4000"}
    assert attempt(password=PASSWORD, address="10.0.0.1", **seen, **other).status_code == 302


def test_the_log_names_the_address_that_the_proxy_saw(attempt, settings):
    claims = {"X-Forwarded-For": "198.51.100.1, 203.0.113.7:80", "X-Real-IP": "198.51.100.2"}
    for proxy, address in ((False, "10.0.0.1"), (True, "203.0.113.7")):
        settings.BEHIND_HTTPS = proxy
        with capture_logs(processors=[merge_contextvars]) as logs:
            attempt(address="10.0.0.1", **{"X-Forwarded-Proto": "https"}, **claims)
        assert {log["ip"] for log in logs if log["event"] == "request_started"} == {address}


def test_the_operator_unlocks_with_a_command(attempt):
    fail(attempt)
    call_command("axes_reset", stdout=StringIO())
    assert attempt(password=PASSWORD).status_code == 302


def test_the_limit_is_a_setting(attempt, settings):
    settings.AXES_FAILURE_LIMIT = 2
    assert [attempt().status_code for _ in range(2)] == [200, 429]


def test_without_a_proxy_nobody_chooses_the_address_he_is_counted_by(attempt):
    answers = [attempt(**{"X-Forwarded-For": f"198.51.100.{n}"}).status_code for n in range(5)]
    assert answers == [200, 200, 200, 200, 429]


def test_behind_a_proxy_the_address_is_the_one_that_the_proxy_saw(attempt, settings):
    settings.BEHIND_HTTPS = True
    seen = {"X-Forwarded-Proto": "https"}
    # What stands before the proxy's own entry is the guesser's to choose.
    answers = [
        attempt(address="10.0.0.1", **seen, **{"X-Forwarded-For": f"198.51.100.{n}, 203.0.113.5"}).status_code
        for n in range(5)
    ]
    assert answers == [200, 200, 200, 200, 429]
    other = {"X-Forwarded-For": "203.0.113.6"}
    assert attempt(password=PASSWORD, address="10.0.0.1", **seen, **other).status_code == 302
    assert attempt(address="10.0.0.1", **seen, **{"X-Forwarded-For": "nonsense"}).status_code == 200
    assert AccessAttempt.objects.filter(ip_address="10.0.0.1").exists()


def test_a_lock_is_logged_once_without_what_was_typed(attempt, capfd):
    with capture_logs() as logs:
        fail(attempt)
        attempt()
        fail(attempt, name="typed-the-password-here", address="203.0.113.9")
    assert [log for log in logs if log["event"] == "login_locked"] == [
        {"event": "login_locked", "log_level": "warning", "user": "anna", "address": "203.0.113.5"},
        {"event": "login_locked", "log_level": "warning", "user": "(unknown)", "address": "203.0.113.9"},
    ]
    written = "".join(capfd.readouterr()) + json.dumps(logs)
    for secret in (WRONG, "typed-the-password-here"):
        assert secret not in written


def test_no_password_is_kept_in_the_database(attempt, client):
    fail(attempt, 2)
    client.post(f"{LOGIN}?password={WRONG}", {"username": "anna", "password": WRONG, "csrfmiddlewaretoken": "tok"})
    for row in AccessAttempt.objects.values():
        assert WRONG not in str(row)
        assert "tok" not in str(row["post_data"]).split("csrfmiddlewaretoken=")[-1]


ON_POSTGRESQL = """
from django.contrib.auth import get_user_model
from django.test import Client
get_user_model().objects.create_superuser("anna", password="right")
client = Client(SERVER_NAME="127.0.0.1")
post = lambda password: client.post("/admin/login/", {"username": "anna", "password": password}).status_code
print("answers", [post("wrong") for _ in range(5)], post("right"))
"""


def test_postgresql_counts_in_the_same_way(on_postgresql):
    assert "answers [200, 200, 200, 200, 429] 429" in on_postgresql.manage("shell", "--no-imports", "-c", ON_POSTGRESQL)
    assert "1 attempts removed" in on_postgresql.manage("axes_reset_username", "anna")
