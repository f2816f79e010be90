"""Bodies that don't come whole, over real connections: each has its code and one line, and nothing stays."""

import json
import socket
import struct
import threading
from contextlib import closing
from http.client import HTTPResponse

import pytest
from django.contrib.auth import get_user_model
from django.core.handlers.wsgi import WSGIHandler

from packages_app.models import AuditEntry, Job
from packages_app.services.rights.tokens import make_token
from repomgr.servers.process import wait_until
from repomgr.web import Connection, server_of
from tests.database import database_in

PUT, DPUT = "PUT /upload/stable/main/tool_1.0_amd64.deb", "PUT /dput/stable/tool_1.0_amd64.deb"
BODY, FORM = "POST /api/v1/uploads?filename=tool_1.0_amd64.deb", "POST /api/v1/uploads"
CHECKS = "POST /api/v1/intake/checks"
KINDS = {FORM: "multipart/form-data; boundary=x", CHECKS: "application/json"}
PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="tool_1.0_amd64.deb"\r\n\r\n' + b"x" * 70_000
LENGTH, CHUNKED = "Content-Length: 120000", "Transfer-Encoding: chunked"
OTHER = "repomgr_" + "a" * 40
RESET = struct.pack("ii", 1, 0)

HEADS = [
    ("Content-Length: -1", b"", "length_invalid", 400),
    (f"Content-Length: {'9' * 5000}", b"", "length_invalid", 400),
    (f"Content-Length: {'0' * 30}", b"", "length_invalid", 400),
    ("Content-Length: 5\r\nContent-Length: 6", b"abcdef", "length_invalid", 400),
    ("Transfer-Encoding: gzip", b"", "length_invalid", 400),
    (CHUNKED, b"5\r\nabcde\r\nno number\r\n", "body_unreadable", 400),
    (f"Content-Length: {9 * 2**40}", b"", "too_large", 413),
]
BODIES = [
    ("Content-Length: 5", b"abcdefgh GET / nonsense\r\n\r\n", "invalid_deb", 422),
    ("Content-Length: 5\r\nContent-Digest: sha-256=:AAAA:", b"abcde", "bad_request", 400),
    (f"Content-Length: 5\r\nContent-Digest: sha-256=:{'A' * 43}=:", b"abcde", "digest_mismatch", 400),
]


@pytest.fixture
def web(tmp_path, migrated, transactional_db, embedded):
    """The web process's server over the application, in threads that share a database's file; gives it and its port."""
    (tmp_path / "database").mkdir()
    with database_in(tmp_path / "database", migrated):
        server = server_of(WSGIHandler(), "127.0.0.1", 0, connections=100)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        yield server, server.effective_listen[0][1]
        server.close()
        thread.join(30)


@pytest.fixture
def ask(web):
    """Send a request's head and what there is of its body; give the connection, which is open still."""
    owner = get_user_model().objects.create_superuser("root")
    _, secret = make_token("ci", owner, actions=("upload", "read", "publish"), packages=("*",), suites=("*",))

    def send(what, length=LENGTH, body=b"", shown=secret):
        token = f"Authorization: Bearer {shown}\r\n" if shown else ""
        head = (
            f"{what} HTTP/1.1\r\nHost: 127.0.0.1\r\n{length}\r\n{token}Content-Type: {KINDS.get(what, 'a/b')}\r\n\r\n"
        )
        connection = socket.create_connection(("127.0.0.1", web[1]), timeout=60)
        connection.sendall(head.encode() + body)
        return connection

    return send


def answer_on(connection, *, ends=True):
    """Read the first answer on a connection, which sends no more where it ends; give its status, code and detail."""
    with closing(connection):
        if ends:
            connection.shutdown(socket.SHUT_WR)
        answer = HTTPResponse(connection)
        answer.begin()
        said = json.loads(answer.read())
    return answer.status, said["code"], said["detail"]


def lines():
    return [
        (line.result, line.code, str(line.who))
        for line in AuditEntry.objects.filter(what__startswith="api.").order_by("pk")
    ]


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()


def line(code):
    return ("refused", code, "root, by the token ci")


def connections(server):
    return [one for one in server.map.values() if isinstance(one, Connection)]


def test_a_body_that_is_cut_off_is_refused_with_its_code_and_one_line_however_its_connection_ends(ask, web, embedded):
    told = []
    for what in (PUT, DPUT, BODY, FORM, CHECKS):
        expected = line("body_cut_off")
        part = PART if what == FORM else b"x" * 70_000
        assert answer_on(ask(what, body=part))[:2] == (400, "body_cut_off"), what
        told.append(expected)
        assert lines() == told, what
        for end in (socket.socket.close, reset):
            end(ask(what, body=part))
            told.append(expected)
            wait_until(lambda: len(lines()) >= len(told), f"the line of {what}")
    assert answer_on(ask(PUT, body=b"x" * 70_000))[2] == "70000 bytes came of 120000."
    assert answer_on(ask(PUT, CHUNKED, b"5\r\nabcde\r\n5\r\nab"))[1:] == (
        "body_cut_off", "7 bytes came of an unknown number.",
    )  # fmt: skip
    waits = ask(PUT, f"{LENGTH}\r\nExpect: 100-continue")
    assert waits.recv(25).split()[1] == b"100"
    reset(waits)
    told += [line("body_cut_off")] * 3
    wait_until(lambda: len(lines()) >= len(told), "the line of who was asked to go on")
    slow = ask(PUT, body=b"x")
    wait_until(lambda: any(one.request is not None for one in connections(web[0])), "the request")
    [connection] = [one for one in connections(web[0]) if one.request is not None]
    connection.request.began -= 16 * 60
    connection.server.next_channel_cleanup = 0
    assert answer_on(slow, ends=False)[:2] == (400, "body_cut_off")
    told.append(line("body_cut_off"))
    assert lines() == told
    assert not Job.objects.exists()
    assert list(embedded.staging.keys("")) == []


def test_without_a_token_of_ours_no_such_body_costs_anything(ask, web):
    for shown in ("", OTHER, "x"):
        for length, body, *_ in HEADS:
            with closing(ask(PUT, length, body, shown=shown)) as stranger:
                assert int(stranger.recv(100).split()[1]) >= 400
        for end in (socket.socket.close, reset):
            end(ask(PUT, body=b"x", shown=shown))
        half = ask(PUT, body=b"x", shown=shown)
        half.shutdown(socket.SHUT_WR)
        assert half.recv(1) == b""
        half.close()
    wait_until(lambda: connections(web[0]) == [], "the end of the connections")
    assert lines() == []


def test_a_wrong_length_or_digest_has_its_code_and_one_line(ask, embedded):
    for length, body, code, status in HEADS + BODIES:
        assert answer_on(ask(PUT, length, body), ends=False)[:2] == (status, code)
    assert lines() == [line(code) for _, _, code, _ in HEADS + BODIES]
    assert list(embedded.staging.keys("")) == []
