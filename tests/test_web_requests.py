"""The web process's server over applications of a test: what it reads, and who waits for whom."""

import logging
import os
import socket
import struct
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from functools import partial
from io import BytesIO
from types import SimpleNamespace

import httpx
import pytest
from waitress.adjustments import Adjustments

from packages_app.uploading import UPLOAD, give_pass, holds_pass
from repomgr.limits import LARGEST_FORM
from repomgr.servers.process import wait_until
from repomgr.web import Request, Server, server_of
from tests.stack import REPOSITORY

LOGIN, PAGE, OBJECT = ("POST", "/admin/login/"), ("GET", "/admin/"), ("GET", "/repository/pool/x")
UPLOADING, HEALTH, READY = ("POST", UPLOAD), ("GET", "/healthz"), ("GET", "/readyz")
EVERY = (LOGIN, PAGE, OBJECT, UPLOADING, HEALTH, READY)
MANY = 10
"""More requests than any lane has threads."""
LARGE = 60 * 1024 * 1024


@contextmanager
def serving(application, connections=100):
    """A server in a thread; gives it and its port."""
    server = server_of(application, "127.0.0.1", 0, connections=connections)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server, server.effective_listen[0][1]
    finally:
        server.close()
        thread.join(30)


def answers(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


def sent(port, method, path):
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
    return connection


@pytest.mark.parametrize("busy", [LOGIN, PAGE, OBJECT, UPLOADING, READY], ids=lambda one: one[1])
def test_no_kind_of_request_waits_for_another(busy):
    begun, go_on = threading.Semaphore(0), threading.Event()

    def application(environ, start_response):
        if (environ["REQUEST_METHOD"], environ["PATH_INFO"]) == busy:
            begun.release()
            go_on.wait(60)
        return answers(environ, start_response)

    with serving(application) as (_, port):
        waiting = [sent(port, *busy) for _ in range(MANY)]
        assert begun.acquire(timeout=30)
        for method, path in EVERY:
            if (method, path) != busy:
                assert httpx.request(method, f"http://127.0.0.1:{port}{path}", timeout=30).status_code == 200
        go_on.set()
        for connection in waiting:
            with closing(connection):
                assert connection.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("head", ["GET", "PUT"])
@pytest.mark.parametrize("length", ["", "Content-Length: 0\r\n"])
def test_who_expects_to_be_asked_for_a_body_and_has_none_is_answered(head, length):
    with serving(answers) as (_, port), closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as client:
        client.sendall(f"{head} /healthz HTTP/1.1\r\nHost: x\r\n{length}Expect: 100-continue\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 200")


def test_all_addresses_of_a_network_of_ipv6_have_the_connections_of_one():
    with serving(answers, connections=200) as (server, _):
        [own] = [one for one in server.map.values() if isinstance(one, Server)]
        own.active_channels = {n: SimpleNamespace(addr=(f"2001:db8:0:1::{n:x}", 1)) for n in range(25)}
        many = [own.is_one_too_many((address, 1)) for address in ("2001:db8:0:1:ffff::1", "2001:db8:0:2::1")]
        own.active_channels = {}
    assert many == [True, False]


def test_who_asks_for_more_than_he_reads_holds_no_thread(tmp_path):
    """Two requests at once of which the first answer is larger than what is kept for a client."""
    method, path = OBJECT
    large = tmp_path / "large"
    large.touch()
    os.truncate(large, LARGE)

    def application(environ, start_response):
        file = large.open("rb") if environ["QUERY_STRING"] else BytesIO(b"ok")
        start_response("200 OK", [("Content-Length", str(LARGE if environ["QUERY_STRING"] else 2))])
        return environ["wsgi.file_wrapper"](file)

    with serving(application) as (_, port):
        twice = f"{method} {path}?large HTTP/1.1\r\nHost: x\r\n\r\n" * 2
        readers = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(MANY)]
        for reader in readers:
            reader.sendall(twice.encode())
        for _ in range(3):
            assert httpx.get(f"http://127.0.0.1:{port}{path}", timeout=30).content == b"ok"
        got, begins = 0, 0
        while part := readers[0].recv(1024 * 1024):
            got, begins = got + len(part), begins + part.count(b"HTTP/1.1 200 OK")
        assert begins == 1
        assert LARGE < got < LARGE + 1000  # whole, and the connection ended with it
        for reader in readers:
            reader.close()


def channels(server):
    return [one for one in server.map.values() if hasattr(one, "request")]


SLOW = {
    "GET / HTTP/1.1\r\n": 31,
    "POST /admin/login/ HTTP/1.1\r\nContent-Length: 9\r\n\r\n": 61,
    f"POST {UPLOAD} HTTP/1.1\r\nContent-Length: 9\r\n\r\n": 61,
}


def test_who_takes_too_long_is_closed_however_busy_he_is():
    """All of them by one round of the server's maintenance, which comes each five seconds."""
    with serving(answers) as (server, port):
        slow = []
        for text, seconds in SLOW.items():
            before = set(channels(server))
            slow.append(socket.create_connection(("127.0.0.1", port), timeout=30))
            slow[-1].sendall(text.encode())
            wait_until(lambda: sum(one.request is not None for one in channels(server)) == len(slow), "the request")
            [channel] = set(channels(server)) - before
            channel.request.began -= seconds - 15
            assert not channel.request.overdue
            channel.request.began -= 15
        for client in slow:
            assert client.recv(1) == b""
            client.close()


REFUSED = f"PUT {UPLOAD} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(("head", "body", "status"), [(REFUSED, b"1000000\r\n", b"413"), (LAST, b"", b"200")])
def test_who_still_sends_reads_the_answer_and_is_not_reset(head, body, status):
    with serving(answers) as (server, port):
        client = socket.create_connection(("127.0.0.1", port), timeout=30)
        client.sendall(head.encode() + body)
        for _ in range(64):
            client.sendall(b"x" * 128 * 1024)
        got = b""
        while part := client.recv(10_000):
            got += part
        assert got.split(b" ")[1] == status
        [channel] = channels(server)
        client.sendall(b"x")  # it is read still
        assert channel.ends is not None
        channel.ends -= 60
        wait_until(lambda: channels(server) == [], "the end of who would go on for ever", 30)
        client.close()
        other = socket.create_connection(("127.0.0.1", port), timeout=30)
        other.sendall(LAST.encode())
        while other.recv(10_000):
            pass
        other.close()
        wait_until(lambda: channels(server) == [], "the end of who has closed")


@pytest.mark.parametrize("said", [
    "1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked", "1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3",
    "1.1\r\nTransfer-Encoding: chunked, chunked", "1.1\r\nTransfer-Encoding: chunked\r\ntransfer-encoding:\tchunked",
    "1.1\r\nTransfer-Encoding:\r\n chunked", "1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked",
])  # fmt: skip
def test_a_length_that_others_may_read_otherwise_is_refused_and_nothing_behind_it_is_read(said):
    with (
        serving(answers) as (_, port),
        closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as client,
    ):
        client.sendall(f"POST / HTTP/{said}\r\nHost: x\r\n\r\n0\r\n\r\n{LAST}".encode())
        got = b"".join(iter(partial(client.recv, 10_000), b""))
    assert (got.split(b" ")[1], got.count(b"HTTP/1.")) == (b"400", 1)


@pytest.mark.parametrize("length", [[("Content-Length", "5")], []], ids=["long", "of unknown length"])
def test_a_head_is_answered_without_a_body_and_the_next_answer_is_its_own(length):
    def application(environ, start_response):
        head = environ["REQUEST_METHOD"] == "HEAD"
        start_response("200 OK", length if head else [("Content-Length", "2")])
        return iter([b"every"]) if head else [b"ok"]

    with (
        serving(application) as (_, port),
        closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as client,
    ):
        client.sendall(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" + LAST.encode())
        got = b"".join(iter(partial(client.recv, 10_000), b""))
    first, *more = got.split(b"\r\n\r\n")
    assert (first[:12], b"Content-Length: 5" in first) == (b"HTTP/1.1 200", bool(length))
    # Without a length it is the last of its connection.
    assert [one[:12] for one in more] == ([b"HTTP/1.1 200", b"ok"] if length else [b""])


def test_who_is_gone_when_he_is_answered_leaves_no_error(caplog):
    begun, go_on = threading.Semaphore(0), threading.Event()

    def application(environ, start_response):
        begun.release()
        go_on.wait(60)
        return answers(environ, start_response)

    logging.getLogger("waitress").addHandler(caplog.handler)
    with serving(application) as (server, port):
        client = socket.create_connection(("127.0.0.1", port), timeout=30)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(LAST.encode())
        assert begun.acquire(timeout=30)
        client.close()  # by a reset
        go_on.set()
        wait_until(lambda: channels(server) == [], "the end of who has gone")
    logging.getLogger("waitress").removeHandler(caplog.handler)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


def test_one_address_takes_no_more_than_leaves_room_for_others(settings):
    with serving(answers, connections=160) as (server, port):
        address = ("127.0.0.1", port)
        mine = [socket.create_connection(address, timeout=30) for _ in range(20)]
        wait_until(lambda: len(channels(server)) == 20, "the connections")
        one_more = socket.create_connection(address, timeout=30)
        assert one_more.recv(1) == b""
        other = socket.create_connection(address, timeout=30, source_address=("127.0.0.2", 0))
        other.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert other.recv(100).startswith(b"HTTP/1.1 200")
        settings.BEHIND_HTTPS = True  # all are of the proxy
        proxied = sent(port, "GET", "/")
        assert proxied.recv(100).startswith(b"HTTP/1.1 200")
        for connection in (*mine, one_more, other, proxied):
            connection.close()


def read(head):
    request = Request(Adjustments(max_request_header_size=32 * 1024))
    data = head.encode()
    while data and not request.completed:
        data = data[request.received(data) :]
    return request


@pytest.mark.parametrize("head", [
    f"POST / HTTP/1.1\r\nContent-Length: {'9' * 5000}\r\n\r\n",
    f"POST / HTTP/1.1\r\nContent-Length: {'0' * 30}\r\n\r\n",
    "GET http://[ HTTP/1.1\r\n\r\n",
    "GET http://[x]/ HTTP/1.1\r\n\r\n",
    "GET http://℀/ HTTP/1.1\r\n\r\n",
    f"GET /{'a' * 9000} HTTP/1.1\r\n\r\n",
    "GET / / HTTP/1.1\r\n\r\n",
    "GET /\r\n\r\n",
    f"GET / HTTP/1.1\r\nContent-Type: a/b; c=\"{';' * 30_000}\r\n\r\n",
    "POST / HTTP/1.1\r\nContent-Type: a/b; c*=utf-9''d\r\n\r\n",
])  # fmt: skip
def test_what_makes_no_sense_is_refused_without_a_traceback(head):
    request = read(head)
    assert (request.completed, request.error.code) == (True, 400)


def test_a_cookie_holds_nothing_that_is_gone_back_over():
    quoted = '"' + '\\"' * 12_000 + '"'
    request = read(f"GET / HTTP/1.1\r\nCookie: sessionid=abc; a={quoted}; csrftoken=def\r\n\r\n")
    assert request.error is None
    assert "\\" not in request.headers["COOKIE"]
    assert request.headers["COOKIE"].startswith("sessionid=abc; a=")
    assert request.headers["COOKIE"].endswith("; csrftoken=def")


@pytest.mark.parametrize(("size", "refused"), [(LARGEST_FORM, None), (LARGEST_FORM + 1, 413)])
def test_a_form_is_small(size, refused):
    request = read(f"POST /admin/login/ HTTP/1.1\r\nContent-Length: {size}\r\n\r\n")
    assert (request.error.code if request.error else None) == refused


def test_a_head_is_small():
    with (
        serving(answers) as (_, port),
        closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as connection,
    ):
        connection.sendall(f"GET / HTTP/1.1\r\na: {'b' * 33_000}\r\n\r\n".encode())
        assert connection.recv(100).split()[1] == b"431"


ASK = """
import resource
from repomgr.web import most_connections
print(most_connections(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(("soft", "hard"), [(400, 400), (1024, 20_000), (1024, 4096), (100, 100)])
def test_each_connection_may_have_a_file_open_besides_itself(soft, hard):
    command = ["prlimit", f"--nofile={soft}:{hard}", sys.executable, "-c", ASK]
    asked = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY)
    connections, files, most = map(int, asked.stdout.split())
    assert files >= min(hard, 2 * connections + 50)
    assert 0 < 2 * connections < files
    assert most == hard


class Cookies:
    """An answer that keeps the cookies that are set."""

    def set_cookie(self, name, value, **options):
        self.text, self.options = f"{name}={value}", options


def test_a_pass_is_ours_and_not_old(settings, monkeypatch):
    given = Cookies()
    give_pass(given, 7)
    assert holds_pass(given.text)
    assert given.options["path"] == UPLOAD
    assert not holds_pass(given.text[:-1] + ("a" if given.text[-1] != "a" else "b"))
    assert not holds_pass(given.text.replace("=7:", "=8:"))
    assert not holds_pass("")
    monkeypatch.setattr("time.time", lambda: 4_102_444_800.0)
    assert not holds_pass(given.text)
