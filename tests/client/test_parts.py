"""`repomgr push` in parts: what was cut off is gone on with, whatever the store, and a real apt-get has the package."""

import hashlib
import os
import subprocess
import sys
import uuid

import httpx

from packages_app.core.direct_upload import PART_BYTES
from tests.apt.running import running
from tests.client.conftest import product_of
from tests.client.front import Front
from tests.client.test_push import reader_of
from tests.debs import build_deb
from tests.loopback import LoopbackServer, QuietHandler
from tests.stack import REPOSITORY

IN_PARTS = ("--parts-above", "1")


def large(folder, version, name="tool"):
    """Build a package of three parts."""
    content = {"usr/share/x": os.urandom(2 * PART_BYTES + 1000)}
    return build_deb(folder, name, version, compression="", files=content)


def left(product):
    staging = product.running.home / "var" / "staging" / "uploads"
    return [path.name for path in staging.rglob("*") if path.is_file() and "/parts-" in str(path)]


def sha256_of(done):
    return [file["package"]["sha256"] for file in done.said["files"]]


def test_a_killed_push_goes_on_with_the_parts_that_are_missing_and_apt_installs_it(product, front, tmp_path):
    deb = large(tmp_path, "20.0")
    environment = {"PATH": os.environ["PATH"], "REPOMGR_TOKEN": product.tokens["whole"], "REPOMGR_SERVER": front.url}
    front.faults_of_parts = ["before", 503, None, "before"]  # three times the first, and the second
    client = subprocess.Popen(
        [sys.executable, "-m", "repomgr_client", "push", str(deb), *IN_PARTS], env=environment, cwd=REPOSITORY,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    front.meanwhile = lambda number: client.kill() if number == 2 else None
    assert (client.wait(60), front.parts) == (-9, [1, 1, 1, 2])
    front.meanwhile, front.parts, front.faults_of_parts = lambda _number: None, [], ["after", 502]
    done = product.client("push", deb, *IN_PARTS, "--server", front.url)
    assert (done.code, done.said["standing"]) == (0, "shown"), done.out
    assert front.parts == [2, 2, 2, 3]
    assert sha256_of(done) == [hashlib.sha256(deb.read_bytes()).hexdigest()]
    assert left(product) == []
    apt = reader_of(product, tmp_path / "apt")
    apt.update()
    apt.apt_get("install", "tool=20.0")
    assert apt.installed("tool") == "20.0"


def test_several_go_in_together_or_not_at_all_and_what_fails_too_often_is_gone_on_with(product, front, tmp_path):
    tool, lib = large(tmp_path, "21.0"), build_deb(tmp_path, "acme-lib", "21.0")
    front.faults_of_parts = [None, 503, 503]
    failed = product.client("push", tool, lib, *IN_PARTS, "--server", front.url, "--tries", "2")
    assert (failed.code, failed.said["exit_code"], front.parts) == (75, 75, [1, 2, 2])
    front.parts = []
    assert product.client("push", tool, lib, *IN_PARTS, "--server", front.url, "--no-wait").code == 0
    assert front.parts == [2, 3, 1]
    bad = tmp_path / "tool_22.0_amd64.deb"
    bad.write_bytes(bytes(2 * PART_BYTES))
    refused = product.client("push", bad, build_deb(tmp_path, "acme-lib", "22.0"), *IN_PARTS)
    assert (refused.code, refused.said["code"], left(product)) == (2, "invalid_deb", [])
    front.parts = []
    assert product.client("push", lib, "--server", front.url).code == 0  # a small one goes whole
    assert front.parts == []


def test_a_server_that_takes_no_parts_is_sent_the_whole(product, tmp_path):
    deb = large(tmp_path, "23.0")

    class Older(Front):
        def _answer(self, request):
            if request.path.startswith("/api/v1/uploads/parts"):
                request.rfile.read(int(request.headers["Content-Length"]))
                request.send_error(405)
                return
            super()._answer(request)

    with Older(product.running.url, product.tokens["whole"]) as older:
        done = product.client("push", deb, *IN_PARTS, "--server", older.url, "--no-wait")
    assert (done.code, sha256_of(done)) == (0, [hashlib.sha256(deb.read_bytes()).hexdigest()])


class Store(LoopbackServer):
    """Stands before an S3 server, passes parts on, and keeps what they showed."""

    def __init__(self, server):
        self.seen, self.faults = [], []
        store = self

        class Handler(QuietHandler):
            def do_PUT(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                store.seen.append((len(body), "Authorization" in self.headers))
                fault = store.faults.pop(0) if store.faults else 0
                signed = {"Host": self.headers["Host"]}  # the signature is of that
                passed_on = httpx.put(server + self.path, content=body, headers=signed, timeout=60)
                self.send_response(fault or passed_on.status_code)
                self.send_header("Content-Length", "0")
                self.end_headers()

        super().__init__(Handler)


def test_parts_go_straight_to_the_bucket_without_the_token_or_to_us_where_it_is_not_reached(
    migrated, ministack, tmp_path
):
    place = f"s3://staging-{uuid.uuid4().hex}?region=eu-central-1&endpoint={ministack}"
    with Store(ministack) as store:
        settings = {"STAGING_URL": place, "STAGING_UPLOAD_URL": store.url}
        with running(tmp_path / "home", database=migrated, **settings) as started:
            product = product_of(started)
            with Front(started.url, product.tokens["whole"]) as front:
                store.faults = [503, 403]
                deb = large(tmp_path, "1.0")
                done = product.client("push", deb, *IN_PARTS, "--server", front.url)
                assert (done.code, sha256_of(done)) == (0, [hashlib.sha256(deb.read_bytes()).hexdigest()]), done.out
                sizes = [PART_BYTES] * 2 + [deb.stat().st_size - 2 * PART_BYTES]
                assert (store.seen, front.parts) == ([(size, False) for size in [PART_BYTES] * 2 + sizes], [])
                store.stop()
                other = large(tmp_path, "1.1")
                done = product.client("push", other, *IN_PARTS, "--server", front.url, "--tries", "2")
                assert (done.code, front.parts) == (0, [1, 2, 3]), done.out
