"""The web process itself: slow clients hold nothing up, and what a client says of itself is not believed."""

import os
import shutil
import socket
import sys
from contextlib import ExitStack

import httpx
import pytest

from packages_app.core.home import make_home
from packages_app.uploading import UPLOAD
from repomgr.servers.process import free_port, listens, process, wait_until
from tests.stack import REPOSITORY

LARGE = 40 * 1024 * 1024
SLOW = 40
"""More connections than the process has threads, and than a browser or a few clients open."""


@pytest.fixture(scope="module")
def web(tmp_path_factory, migrated):
    """A web process over a bucket with a large file; gives its port and its home."""
    home, port = tmp_path_factory.mktemp("web") / "home", free_port()
    make_home(home)
    environment = {**os.environ, "REPOMGR_HOME": str(home), "PORT": str(port), "BEHIND_HTTPS": "false"}
    shutil.copy(migrated, home)
    large = home / "bucket" / "pool" / "large.deb"
    large.parent.mkdir(parents=True)
    large.write_bytes(b"0123456789abcdef" * (LARGE // 16))
    command = (sys.executable, "-m", "repomgr.processes", "web")
    folder = home / "tmp"
    folder.mkdir()
    with process(*command, env={**environment, "TMPDIR": str(folder)}, cwd=REPOSITORY):
        wait_until(lambda: listens(port), "the web process", 120)
        yield port, home


def sent(port, text):
    """A connection that has sent this and reads nothing."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(text.encode())
    return connection


ANSWERED = (("/healthz", 200), ("/repository/pool/large.deb", 206), ("/admin/login/", 200))


def all_answer(port):
    return [
        httpx.get(f"http://127.0.0.1:{port}{path}", headers={"Range": "bytes=1-3"}, timeout=60).status_code == status
        for path, status in ANSWERED
    ]


@pytest.mark.parametrize("begun", [
    "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n",
    "POST /admin/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nuser",
    f"POST {UPLOAD} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nfile",
    "GET /repository/pool/large.deb HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
], ids=["heads", "bodies", "uploads", "readers"])  # fmt: skip
def test_slow_clients_hold_nobody_up(web, begun):
    port, _ = web
    with ExitStack() as connections:
        for _ in range(SLOW):
            connections.enter_context(sent(port, begun))
        assert all_answer(port) == [True, True, True]


def test_a_large_file_arrives_whole_and_in_parts(web):
    port, _ = web
    address = f"http://127.0.0.1:{port}/repository/pool/large.deb"
    whole = httpx.get(address, timeout=60)
    assert (len(whole.content), whole.headers["Content-Length"]) == (LARGE, str(LARGE))
    part = httpx.get(address, headers={"Range": "bytes=5-9"}, timeout=60)
    assert (part.status_code, part.content, part.headers["Content-Length"]) == (206, b"56789", "5")
    assert httpx.head(address).headers["Content-Length"] == str(LARGE)


@pytest.mark.parametrize("head", [
    "POST /admin/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3000000\r\n\r\n",
    f"POST {UPLOAD} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3000000\r\n\r\n",
    f"POST {UPLOAD} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: upload_pass=1:x:y\r\nContent-Length: 3000000\r\n\r\n",
    f"POST {UPLOAD} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n" + "x" * 0x200000,
], ids=["login", "upload", "a pass of his own", "chunks"])  # fmt: skip
def test_what_a_stranger_sends_is_refused_by_its_head_and_spools_nothing(web, head):
    port, home = web
    with sent(port, head) as connection:
        assert connection.recv(1000).split(b" ")[1] == b"413"
    assert list((home / "tmp").iterdir()) == []


@pytest.mark.parametrize("path", ["/dput/-/x.deb", "/upload/-/-/x.deb"])
def test_who_pushes_without_a_token_is_told_of_it_and_nothing_is_kept(web, path):
    port, home = web
    head = f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3000000\r\n"
    with sent(port, f"{head}Expect: 100-continue\r\n\r\n") as connection:  # before any of the body is sent
        assert connection.recv(1000).split(b" ")[1] == b"401"
    with sent(port, f"{head}\r\n") as connection:  # as dput does, which reads no answer before all is sent
        for _ in range(30):
            connection.sendall(b"x" * 100_000)
        answer = connection.recv(10_000)
    assert (answer.split(b" ")[1], b"www-authenticate: basic" in answer.lower()) == (b"401", True)
    with sent(port, head.replace("3000000", "3000000000") + "\r\n") as connection:
        assert connection.recv(1000).split(b" ")[1] == b"413"
    chunked = f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n"
    with sent(port, chunked + "x" * 0x200000) as connection:
        assert connection.recv(1000).split(b" ")[1] == b"413"
    assert list((home / "tmp").iterdir()) == []


def test_a_client_chooses_no_script_name_and_no_address(web):
    port, _ = web
    claims = {"SCRIPT_NAME": "/x", "Script-Name": "/x", "X-Script-Name": "/x", "X-Forwarded-Prefix": "/x"}
    answer = httpx.get(f"http://127.0.0.1:{port}/", headers=claims)
    assert answer.headers["Location"] == "/admin/"
    assert httpx.get(f"http://127.0.0.1:{port}/x/admin/login/", headers=claims).status_code == 404


@pytest.mark.parametrize(
    "line",
    [
        "GET /" + "?" * 4000 + " HTTP/1.1",
        "G" * 9000,
        "GET a://" + "x" * 9000 + " HTTP/9",
        "GET  / x",
        "GET http://[ HTTP/1.1",
        "GET / HTTP/1.1\r\nContent-Length: " + "9" * 5000,
    ],
)
def test_an_odd_request_line_costs_nothing(web, line):
    port, _ = web
    with sent(port, f"{line}\r\nHost: 127.0.0.1\r\n\r\n") as connection:
        assert connection.recv(1000).startswith(b"HTTP/1.")
    assert all_answer(port) == [True, True, True]
