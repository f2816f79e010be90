"""Messages sent to real receivers: signed as Standard Webhooks say, until each has it, and into no private network."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from standardwebhooks.webhooks import Webhook as Verifier

from packages_app import tasks
from packages_app.core.errors import UpstreamError
from packages_app.core.private_upstreams import PrivateUpstreams, parse_private_upstreams
from packages_app.core.webhooks import WebhookRefused
from packages_app.models import Notice, Webhook, WebhookDelivery
from packages_app.services.webhooks.send import WAITS, pause_after, send_webhooks
from packages_app.services.webhooks.tell import Happening, tell
from packages_app.services.webhooks.webhooks import (
    change_secret,
    change_webhook,
    check_address,
    remove_webhook,
    send_again,
    send_test,
)
from repomgr.servers.process import free_port
from tests import prepared
from tests.commands.installation import Installation
from tests.receivers import MessageReceiver
from tests.services.webhooks.hooks import SHORT, hook, let_pass
from tests.stack import REPOSITORY

GIVEN_UP, RECEIVED, WAITING = (str(state) for state in ("given_up", "received", "waiting"))


@pytest.fixture
def receiver(embedded):
    with MessageReceiver() as receiver:
        yield receiver


def state():
    row = WebhookDelivery.objects.get()
    return row.state, row.tries, row.response_code


def signatures_by_hand(secret, headers, body):
    """What the specification says, without its library: HMAC-SHA256 of id, timestamp and body by the decoded secret."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def of_the_docs():
    """The function that docs/WEBHOOKS.md gives to whoever has no library."""
    made: dict[str, Any] = {}
    [code] = re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs/WEBHOOKS.md").read_text(), re.DOTALL)
    exec(code, made)
    return made["is_genuine"]


def test_a_message_is_signed_as_the_specification_says_and_by_two_secrets_while_one_takes_over(receiver):
    webhook, secret = hook(receiver.url)
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert secret[6:] not in webhook.sealed_secret
    send_test(webhook)
    assert send_webhooks() == 1
    [(_, headers, body)] = receiver.messages
    said = Verifier(secret).verify(body, headers)
    assert said == json.loads(body)
    assert (said["type"], said["data"]["archive"]) == ("webhook.test", "default")
    assert headers["webhook-signature"] == signatures_by_hand(secret, headers, body)
    is_genuine = of_the_docs()
    assert is_genuine(secret, headers, body)
    assert not is_genuine(secret, headers, body + b" ")
    assert not is_genuine(secret, {**headers, "webhook-timestamp": "1"}, body)
    assert headers["webhook-id"] == WebhookDelivery.objects.get().event_id
    second = change_secret(webhook)
    third = change_secret(webhook)  # a second click on the button
    for expected in ([third, second, secret], [third]):
        send_test(Webhook.objects.get())
        assert send_webhooks() == 1
        _, headers, body = receiver.messages[-1]
        assert headers["webhook-signature"].split() == [signatures_by_hand(s, headers, body) for s in expected]
        ended = [{**each, "until": timezone.now().isoformat()} for each in Webhook.objects.get().old_secrets]
        Webhook.objects.update(old_secrets=ended)
    for _ in range(9):
        change_secret(webhook)
    assert len(Webhook.objects.get().old_secrets) == 4
    change_secret(webhook, at_once=True)
    assert Webhook.objects.get().old_secrets == []


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [("/404", 404, "404"), ("/hang", None, ""), ("/drip", None, ""), ("/503", 503, "503"),
     ("/to?{url}/", 302, "edirect")],
)  # fmt: skip
def test_a_try_that_fails_in_whatever_way_is_kept_and_comes_again(receiver, path, code, words):
    send_test(hook(receiver.url + path.format(url=receiver.url))[0])
    before = timezone.now()
    assert send_webhooks(SHORT) == 0
    assert state() == (WAITING, 1, code)
    row = WebhookDelivery.objects.get()
    assert words in row.failure
    asked = timedelta(hours=10) if code == 503 else WAITS[0]
    assert row.next_try >= before + asked, "not before its time"
    assert len(receiver.messages) == 1, "nothing else was asked: no redirect is followed"


def test_a_receiver_that_goes_on_failing_is_given_up_and_people_hear_of_it_until_it_takes_one(receiver):
    webhook, _ = hook(receiver.url + "/500")
    send_test(webhook)
    for number, pause in enumerate([*WAITS, None], start=1):
        assert pause_after(number) == pause
        before = timezone.now()
        assert send_webhooks() == 0
        assert state() == (WAITING if pause else GIVEN_UP, number, 500)
        if pause is not None:
            assert WebhookDelivery.objects.get().next_try >= before + pause
            assert not Notice.objects.filter(kind="webhook_failed").exists()
            assert send_webhooks() == 0, "not before its time"
            let_pass(hours=15)
    assert len({headers["webhook-id"] for _, headers, _ in receiver.messages}) == 1
    assert Notice.objects.get(kind="webhook_failed", settled=None).subject == "ci"
    let_pass(days=30)
    assert send_webhooks() == 0
    assert len(receiver.messages) == len(WAITS) + 1
    webhook.address = receiver.url
    change_webhook(webhook, ["address"])
    send_again(WebhookDelivery.objects.get())
    assert send_webhooks() == 1
    assert state() == (RECEIVED, 1, 200)
    assert Notice.objects.get(kind="webhook_failed").settled is not None


def test_a_server_that_is_not_there_is_tried_again(embedded):
    webhook, _ = hook(f"http://127.0.0.1:{free_port()}/secret-in-the-path")
    send_test(webhook)
    assert send_webhooks(SHORT) == 0
    assert state() == (WAITING, 1, None)
    assert "secret-in-the-path" not in WebhookDelivery.objects.get().failure


@pytest.mark.parametrize("path", ["/huge", "/late"])
def test_of_an_answer_that_has_no_end_its_status_counts_and_its_beginning_is_kept(receiver, path):
    send_test(hook(receiver.url + path)[0])
    assert send_webhooks(SHORT) == 1
    row = WebhookDelivery.objects.get()
    assert row.state == RECEIVED
    assert row.response.startswith("<b>said</b>\N{REPLACEMENT CHARACTER}")
    assert len(row.response) <= 2000
    receiver.stop()
    assert receiver.whole == 0, "it was not heard to its end"


def test_who_answers_410_is_sent_nothing_any_more(receiver):
    webhook, _ = hook(f"{receiver.url}/410")
    send_test(webhook)
    assert send_webhooks() == 0
    assert state() == (GIVEN_UP, 1, 410)
    webhook.refresh_from_db()
    assert (webhook.enabled, bool(webhook.off_why)) == (False, True)
    assert Notice.objects.filter(kind="webhook_failed", settled=None).count() == 1
    assert tell(Webhook.Event.JOB_FAILED, [Happening({})]) == 0
    for asked in (lambda: send_test(webhook), lambda: send_again(WebhookDelivery.objects.get())):
        with pytest.raises(WebhookRefused):
            asked()
    webhook.enabled = True
    change_webhook(webhook, ["enabled"])
    assert Webhook.objects.get().off_why == ""
    assert not Notice.objects.filter(kind="webhook_failed", settled=None).exists()


MADE = """
from packages_app.models import Webhook
from packages_app.services.webhooks.webhooks import make_webhook, send_test
webhook = Webhook(name="ci", address="{}", events=[])
make_webhook(webhook)
print(send_test(webhook).event_id)
"""
SENT = """
import django; django.setup()
from packages_app import tasks
tasks.send_webhooks()
"""
LATER = """
from tests.services.webhooks.hooks import let_pass
from packages_app import tasks
from packages_app.models import WebhookDelivery
print(tasks.send_webhooks())
let_pass(minutes=6)
print(tasks.send_webhooks(), WebhookDelivery.objects.get().state)
"""


def test_a_worker_that_is_killed_before_it_noted_down_leaves_a_message_that_goes_out_again(tmp_path, migrated):
    installation = Installation.make(tmp_path / "home", migrated, PRIVATE_UPSTREAMS="127.0.0.1")
    variables = {**installation.environment, "DJANGO_SETTINGS_MODULE": "repomgr.settings"}
    with MessageReceiver() as receiver:
        event_id = installation.python(MADE.format(receiver.url))
        started = threading.Event()
        receiver.on_message = lambda: started.wait() and os.kill(worker.pid, signal.SIGKILL)
        worker = prepared.start(("-c", SENT), env=variables)
        started.set()
        assert worker.wait(60) == -signal.SIGKILL
        receiver.on_message = lambda: None
        assert installation.python(LATER).split() == ["0", "1", "received"], "not while the dead one's turn lasts"
    assert [headers["webhook-id"] for _, headers, _ in receiver.messages] == [event_id] * 2
    assert receiver.messages[0][2] == receiver.messages[1][2]


PRIVATE = ("127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.1.2.3", "2130706433", "inside.example.org")


@pytest.fixture
def resolver(monkeypatch):
    """A name server by which inside.example.org is of this machine."""
    real = socket.getaddrinfo
    names = {"inside.example.org": "127.0.0.1"}
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *a, **more: real(names.get(host, host), *a, **more))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return names


def test_private_addresses_are_refused_when_saved_and_when_sent_unless_the_operator_names_them(
    receiver, settings, resolver
):
    port = receiver.url.rpartition(":")[2]
    hook(receiver.url)
    settings.PRIVATE_UPSTREAMS = PrivateUpstreams()
    for number, host in enumerate(PRIVATE, start=1):
        for scheme in ("http", "https"):
            with pytest.raises(UpstreamError):
                check_address(f"{scheme}://{host}:{port}/")
        Webhook.objects.update(address=f"https://{host}:{port}/")
        send_test(Webhook.objects.get())
        assert send_webhooks(SHORT) == 0
        assert WebhookDelivery.objects.filter(state=WAITING, response_code=None).exclude(failure="").count() == number
    for address in (
        "ftp://hooks.example.org",
        "hooks.example.org",
        "https://u:p@hooks.example.org/",
        "http://8.8.8.8/",
    ):
        with pytest.raises((UpstreamError, WebhookRefused)):
            check_address(address)
    assert receiver.messages == []
    check_address("https://8.8.8.8/x")
    settings.PRIVATE_UPSTREAMS = parse_private_upstreams("X", ["inside.example.org"])
    inside = f"http://inside.example.org:{port}/"
    check_address(inside)
    Webhook.objects.update(address=f"{inside}to?{receiver.url}")
    let_pass(days=2)
    assert send_webhooks(SHORT) == 0
    assert [path for path, _, _ in receiver.messages] == [f"/to?{receiver.url}"], "to the inside, but no further"
    resolver["inside.example.org"] = "169.254.169.254"  # the name is the operator's, whatever it resolves to
    settings.PRIVATE_UPSTREAMS = parse_private_upstreams("X", ["127.0.0.1"])
    let_pass(days=2)
    assert send_webhooks(SHORT) == 0
    assert len(receiver.messages) == 1


def test_one_that_fails_holds_up_no_other_and_each_has_its_own_pace(receiver, transactional_db):
    for name, path in (("slow", "/500"), ("well", "/")):
        webhook, _ = hook(receiver.url + path, name=name)
        for _ in range(3):
            send_test(webhook)
    assert tasks.send_webhooks() == 3
    assert [path for path, _, _ in receiver.messages].count("/500") == 1, "its other messages wait"
    assert tasks.send_webhooks() == 0
    meanwhile = []
    receiver.on_message = lambda: meanwhile.append(1)
    Webhook.objects.filter(name="well").update(next_turn=timezone.now() + timedelta(minutes=1))  # another worker has it
    tell(Webhook.Event.JOB_FAILED, [Happening({})])
    assert tasks.send_webhooks() == 0
    let_pass(minutes=2)
    assert tasks.send_webhooks() == 1
    assert meanwhile == [1, 1]


def test_one_that_is_slow_to_answer_holds_up_itself_alone(receiver, transactional_db):
    for name, path, messages in (("slow", "/200", 1), ("well", "/", 3)):
        webhook, _ = hook(receiver.url + path, name=name)
        for _ in range(messages):
            send_test(webhook)
    all_came, seen = threading.Event(), []

    def on_message():
        paths = [path for path, _, _ in receiver.messages]
        if paths.count("/") == 3:
            all_came.set()
        if threading.current_thread() not in seen and paths[-1] == "/200":
            seen.append(all_came.wait(5))  # it answers once the other has had all of its messages

    receiver.on_message = on_message
    assert send_webhooks() == 4
    assert seen == [True]


def test_another_secret_key_can_sign_nothing_and_says_so(receiver, settings):
    send_test(hook(receiver.url)[0])
    settings.SECRET_KEY = "another"
    assert send_webhooks() == 0
    assert "SECRET_KEY" in WebhookDelivery.objects.get().failure
    assert receiver.messages == []
    change_secret(Webhook.objects.get(), at_once=True)
    let_pass(minutes=5)
    assert send_webhooks() == 1


def test_a_webhook_goes_with_what_was_delivered_to_it_and_a_row_left_of_it_is_nobodys(receiver):
    webhook, _ = hook(receiver.url)
    send_test(webhook)
    remove_webhook(webhook)
    assert WebhookDelivery.objects.count() == 0
    WebhookDelivery.objects.create(webhook_id=12345, event_id="msg_x", event="job.failed", payload="{}")
    assert send_webhooks() == 0
    long_ago = timezone.now() - timedelta(days=100)
    WebhookDelivery.objects.update(created=long_ago)
    assert tasks.remove_old_rows()["webhook_deliveries"] == 1
