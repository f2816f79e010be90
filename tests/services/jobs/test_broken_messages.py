"""What is no message ends no worker: it is put aside and told, on the folder broker and on Redis."""

import base64
import json
import os
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import redis

from packages_app import tasks
from repomgr.broker.message import MOST_BYTES, Unreadable, sound_message
from repomgr.servers.process import wait_until
from tests.commands.installation import Installation

_SECONDS = 240
NAME = tasks.run_job.name


def envelope(*, args=("x",), kwargs=None, body=None, headers=None, **parts):
    """A message as Celery sends it, but for the parts that are given."""
    body = json.dumps([list(args), kwargs or {}, {}]) if body is None else body
    return {
        "body": base64.b64encode(body.encode()).decode(),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"lang": "py", "task": NAME, "id": str(uuid4()), "eta": None, "expires": None, **(headers or {})},
        "properties": {
            "body_encoding": "base64",
            "delivery_tag": str(uuid4()),
            "delivery_info": {"exchange": "", "routing_key": "publish"},
        },
        **parts,
    }


SOUND = json.dumps(envelope()).encode()
BROKEN = {
    "half": SOUND[: len(SOUND) // 2],
    "empty": b"",
    "zeros": bytes(100),
    "latin": b"\xff\xfe" + SOUND,
    "deep": b"[" * 100_000,
    "list": b"[]",
    "number": b"1",
    "text": b'"publish"',
    "other envelope": b'{"a": 1}',
    "no properties": json.dumps(envelope(properties=None)).encode(),
    "no headers": json.dumps(envelope(headers=None) | {"headers": None}).encode(),
    "task of no name": json.dumps(envelope(headers={"task": ["x"]})).encode(),
    "unknown task": json.dumps(envelope(headers={"task": "packages_app.tasks.gone"})).encode(),
    "id of no name": json.dumps(envelope(headers={"id": {}})).encode(),
    "eta of no time": json.dumps(envelope(headers={"eta": "soon"})).encode(),
    "eta of no text": json.dumps(envelope(headers={"eta": 12})).encode(),
    "expires of no time": json.dumps(envelope(headers={"expires": "9" * 40})).encode(),
    "body of no base64": json.dumps(envelope() | {"body": "%%%"}).encode(),
    "body of no text": json.dumps(envelope() | {"body": 5}).encode(),
    "half a body": json.dumps(envelope(body='[["x"], {')).encode(),
    "body of another form": json.dumps(envelope(body='{"id": "x", "task": "y"}')).encode(),
    "too few arguments": json.dumps(envelope(args=())).encode(),
    "too many arguments": json.dumps(envelope(args=("x", "y"))).encode(),
    "other names": json.dumps(envelope(kwargs={"what": 1})).encode(),
    "no plain value": json.dumps(envelope(args=({"__type__": "x", "__value__": 1},))).encode(),
    "huge": json.dumps(envelope(args=("x" * MOST_BYTES,))).encode(),
}
WRONG_HEADERS = {"compression": "zlib", "timelimit": "x", "retries": "x", "group": [], "chord": 5, "lang": 1}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_message_is_said_to_be_none(name):
    with pytest.raises(Unreadable):
        sound_message(BROKEN[name], "publish")


def test_a_message_is_made_anew_of_what_is_known():
    raw = envelope(headers={**WRONG_HEADERS, "id": "an id", "eta": "2026-01-01T00:00:00+00:00"})
    raw["properties"] |= {"delivery_tag": 5, "delivery_info": "x", "reply_to": "elsewhere"}
    made = sound_message(json.dumps(raw).encode(), "publish")
    assert made["headers"].keys().isdisjoint({"compression", "chord"})
    assert (made["headers"]["task"], made["headers"]["id"]) == (NAME, "an id")
    assert made["headers"]["eta"] == "2026-01-01T00:00:00+00:00"
    assert made["headers"]["timelimit"] == [None, None]
    assert made["properties"]["delivery_info"] == {"exchange": "", "routing_key": "publish"}
    assert made["properties"]["reply_to"] == ""
    assert json.loads(base64.b64decode(made["body"]))[:2] == [["x"], {}]


class Folder:
    """The folder broker of an installation, as another program writes to it."""

    def __init__(self, home):
        self.broker = home / "broker"

    def spoil(self, texts):
        queue = self.broker / "queue"
        for number, text in enumerate(texts):
            (queue / f"0_{number:04}.publish.msg").write_bytes(text)
        (queue / "0_folder.publish.msg").mkdir()
        os.mkfifo(queue / "0_pipe.publish.msg")
        (queue / "0_link.publish.msg").symlink_to("/dev/zero")
        for name in ("publish", "intake", "slow", "celeryev"):
            (self.broker / "control" / f"{name}.exchange").write_text('[["')
        return len(texts) + 3

    def waiting(self):
        return [path.name for path in (self.broker / "queue").iterdir()]

    def aside(self):
        return [path.stat().st_size for path in (self.broker / "unreadable").iterdir() if path.is_file()]


class Lists:
    """The Redis of an installation, as another program writes to it."""

    def __init__(self, url):
        self.redis = redis.Redis.from_url(url)
        self.redis.flushdb()

    def spoil(self, texts):
        self.redis.lpush("publish", *texts)
        self.redis.set("publish\x06\x163", "no list")
        self.redis.sadd("_kombu.binding.publish", "no binding")
        at_work = (b"", SOUND[:50], b"[1]", json.dumps([envelope(headers={"task": "gone"}), "", "publish"]).encode())
        for number, text in enumerate(at_work):
            self.redis.hset("unacked", f"tag{number}", text)
            self.redis.zadd("unacked_index", {f"tag{number}": 0})
        return len(texts) + 1 + len(at_work)

    def waiting(self):
        return [name for name in (b"publish", b"unacked", b"unacked_index") if self.redis.exists(name)]

    def aside(self):
        return [len(text) for text in self.redis.lrange("repomgr.unreadable", 0, -1)]


@pytest.fixture(params=["folder", "redis"])
def spoiled(request, tmp_path, migrated):
    """An installation, and its broker for another program."""
    if request.param == "folder":
        installation = Installation.make(tmp_path / "home", migrated)
        installation.python("")
        return installation, Folder(installation.home)
    url = request.getfixturevalue("redis_url")
    assert urlsplit(url).scheme == "redis"
    return Installation.make(tmp_path / "home", migrated, BROKER_URL=url), Lists(url)


def notices(installation):
    told = installation.python(
        "from packages_app.models import Notice\n"
        "for notice in Notice.objects.filter(kind='message_unreadable', settled=None): print(notice.times)"
    )
    return sum(map(int, told.split()))


def test_what_is_no_message_is_put_aside_and_the_worker_takes_the_next(spoiled):
    installation, broker = spoiled
    put = broker.spoil(BROKEN.values())
    with installation.workers("publisher"):
        wait_until(lambda: notices(installation) == put, "all is told", _SECONDS)
        installation.python(
            "from packages_app.services.publication.requests import request_publication\nrequest_publication('stable')"
        )
        wait_until(lambda: installation.jobs("state") == [("done",)], "the publication", _SECONDS)
        wait_until(lambda: broker.waiting() == [], "the messages' end", _SECONDS)
    assert max(broker.aside()) <= MOST_BYTES
    assert "Traceback" not in Path(installation.home / "workers.log").read_text()


def test_what_was_put_aside_is_bounded(spoiled):
    installation, broker = spoiled
    broker.spoil([b"{"] * 130)
    with installation.workers("publisher"):
        wait_until(lambda: notices(installation) >= 130, "all is told", _SECONDS)
    assert 90 < len(broker.aside()) <= 100
