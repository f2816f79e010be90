"""`/readyz`: whether what work needs answers, each by name, in bounded time and without secrets."""

import socket
from contextlib import closing

import pytest

from packages_app.core.locations import FolderStore, S3Store, SqliteTable
from packages_app.services.setup.readiness import ready
from repomgr.servers.process import free_port

WELL = {"database": True, "broker": True, "package table": True, "bucket": True}


@pytest.mark.django_db(transaction=True)
def test_all_that_work_needs_answers(embedded, client, settings):
    settings.ALLOWED_HOSTS = ["repomgr.example.org"]
    answer = client.get("/readyz", headers={"host": "10.0.0.7"})
    assert (answer.status_code, set(answer.json().values())) == (200, {"ok"})


@pytest.mark.django_db(transaction=True)
def test_what_does_not_answer_is_named_and_nothing_more_is_told(embedded, client, settings, tmp_path):
    settings.PACKAGE_TABLE = SqliteTable(tmp_path / "absent.sqlite3")
    settings.BUCKET = FolderStore(tmp_path / "absent")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (
        503,
        {
            "status": "not ready",
            "database": "ok",
            "broker": "ok",
            "package table": "does not answer",
            "bucket": "does not answer",
        },
    )
    assert client.get("/healthz").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_bucket_that_never_answers_holds_nobody_and_is_not_asked_twice(embedded, settings, tmp_path):
    """A server that takes connections and says nothing: each look ends, and only the first has asked it."""
    with closing(socket.create_server(("127.0.0.1", free_port()))) as silent:
        port = silent.getsockname()[1]
        settings.BUCKET = S3Store("apt", "", "eu-central-1", f"http://127.0.0.1:{port}", "")
        for _ in range(8):
            assert ready(seconds=0.2) == {**WELL, "bucket": False}
    # Its thread has ended before the next test begins: it is told at once that nobody listens any more.
    assert ready(seconds=60) == {**WELL, "bucket": False}
