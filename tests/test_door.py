"""What strangers ask is refused by its head: no body is read, nothing is spooled, and the log has one short line."""

import json
import logging
from io import StringIO

import pytest
from django.core.files import temp
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import StopUpload
from django.test import Client, RequestFactory
from structlog.testing import capture_logs

from packages_app.core.redaction import LONGEST_TEXT, redact
from packages_app.uploading import LimitedUpload
from repomgr.logs import configure

LONG = "b" * (LONGEST_TEXT - 20)
UPLOAD = "/admin/packages_app/package/upload/"


@pytest.fixture
def spooled(monkeypatch):
    """What Django makes for files that are sent."""
    made = []
    real = temp.NamedTemporaryFile

    def noted(*arguments, **named):
        made.append(arguments or named)
        return real(*arguments, **named)

    monkeypatch.setattr(temp, "NamedTemporaryFile", noted)
    return made


def a_file(size):
    return SimpleUploadedFile("x.deb", b"x" * size)


@pytest.mark.parametrize("host", ["evil.example", "x" * 300, "a b"])
def test_another_name_is_refused_in_one_line(db, client, host, capfd):
    with capture_logs() as logs:
        answer = client.get("/admin/?token=secret", headers={"Host": host})
    assert answer.status_code == 400
    assert [(log["event"], log["request"]) for log in logs] == [("request_refused", "GET /admin/")]
    assert "Traceback" not in "".join(capfd.readouterr())


def test_a_path_is_logged_without_its_query(db, client):
    with capture_logs() as logs:
        assert client.get("/nowhere?" + "?" * 4000).status_code == 404
    assert "/nowhere" in json.dumps(logs)
    assert "?" not in json.dumps(logs, default=str)


def test_a_path_is_cut_in_the_log(db, client):
    with capture_logs() as logs:
        client.get("/" + "x" * 7000)
    assert [log for log in logs if len(json.dumps(log, default=str)) > 1000] == []


@pytest.fixture
def on_a_terminal():
    """The log as people get it; gives what it wrote."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    configure({"level": "INFO", "format": "console"})
    [handler] = root.handlers
    handler.stream = StringIO()
    yield handler.stream
    root.handlers[:], _ = before
    root.setLevel(before[1])


def test_nothing_of_a_path_is_an_order_to_a_terminal_or_a_line_of_its_own(on_a_terminal):
    log = logging.getLogger("somewhere")
    log.warning("at %s", "/\x1b[2J\r\n2026-01-01 [info] all is well\x9b1m\u202e")
    try:
        raise ValueError("\x1b[31m of a vendor")
    except ValueError:
        log.exception("failed")
    lines = on_a_terminal.getvalue().splitlines()
    assert [char for line in lines for char in line if not char.isprintable()] == []
    assert "\\x1b[2J\\r\\n2026" in lines[0]
    assert "Traceback (most recent call last):" in lines
    assert len([line for line in lines if "all is well" in line]) == 1


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_the_repository_reads_no_body(db, method, spooled):
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrftoken"] = "x" * 32
    answer = getattr(client, method)("/repository/pool/x", data=b"x" * 10_000, content_type="application/x")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert spooled == []


@pytest.mark.parametrize("address", ["/", "/admin/login/", "/admin/", UPLOAD, "/nowhere", "/admin/packages_app/job/"])
def test_who_may_not_upload_spools_nothing(db, settings, spooled, address):
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrftoken"] = "x" * 32
    client.post(address, {"file": a_file(100_000)})
    assert spooled == []


@pytest.mark.parametrize(("address", "size"), [("/admin/login/", 1024 * 1024), (UPLOAD, 2_000 + 64 * 1024)])
def test_what_is_too_large_is_refused_by_its_length(admin_client, settings, spooled, address, size):
    settings.UPLOAD_LIMIT_BYTES = 2_000
    answer = admin_client.post(address, {"file": a_file(size)})
    assert answer.status_code == 413
    assert spooled == []


@pytest.mark.parametrize("length", ["-1", "1e3", "²", " 7", "9" * 30])
def test_a_length_is_a_number_that_is_small_enough(db, client, length):
    answer = client.post("/admin/login/", {}, CONTENT_LENGTH=length)
    assert answer.status_code == (413 if length.isascii() and length.isdigit() else 400)


def test_a_body_without_a_length_is_not_read(db, client):
    assert client.post("/admin/login/", {"username": "x"}, HTTP_TRANSFER_ENCODING="chunked").status_code == 411


def test_what_django_refuses_leaves_no_traceback(db, client, capfd):
    configure({"level": "INFO", "format": "json"})
    assert client.get("/admin/login/?" + "&".join("a" * 2000)).status_code == 400
    lines = capfd.readouterr().err.splitlines()
    assert lines != []
    assert [line for line in lines if "Traceback" in line] == []
    assert [line for line in map(json.loads, lines) if "exception" in line] == []


def test_an_upload_stops_at_its_limit(settings):
    settings.UPLOAD_LIMIT_BYTES = 100
    handler = LimitedUpload(RequestFactory().post("/"))
    handler.new_file("file", "x.deb", "x", 0)
    handler.receive_data_chunk(b"x" * 100, 0)
    with pytest.raises(StopUpload):
        handler.receive_data_chunk(b"x", 100)
    assert handler.file.tell() == 100
    handler.upload_interrupted()


def test_an_uploader_uploads(admin_client, spooled):
    answer = admin_client.post(UPLOAD, {"file": a_file(100)})
    assert answer.status_code == 200
    assert spooled != []


@pytest.mark.parametrize(("text", "shown"), [
    ("GET /x?token=abc&b=1", "GET /x?token=(hidden)&b=1"),
    ("/?a?my_Key=abc", "/?a?my_Key=(hidden)"),
    ("https://u:p@h/?signature=x", "https://u:(hidden)@h/?signature=(hidden)"),
    ("a -----BEGIN PGP PRIVATE KEY BLOCK-----\nx\n-----END PGP PRIVATE KEY BLOCK----- b", "a (hidden key) b"),
    ("x " * LONGEST_TEXT, "x " * (LONGEST_TEXT // 2 - 1) + "x (cut)"),
    (f"{LONG} https://user:{'p' * 100}@h", f"{LONG} (cut)"),
])  # fmt: skip
def test_secrets_are_hidden_and_long_texts_cut(text, shown):
    assert redact(text) == shown
