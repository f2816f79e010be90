"""Files that a real browser sends straight to S3, by the rules for origins (CORS) that it reads there, or by the form.

The whole product runs with its staging on an S3 server, which browsers reach at an origin of its own.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from packages_app.core.direct_upload import PART_BYTES
from repomgr.servers.process import wait_until
from tests.apt.running import Running, running
from tests.browser.conftest import WAIT
from tests.browser.pages import ended, picture, refused_by_policy, settled, sign_in
from tests.browser.test_uploads import UPLOAD, fates
from tests.debs import build_deb

REGION = "eu-central-1"
SEND = "Upload and look"


class Staging:
    """The staging bucket, looked at from beside."""

    def __init__(self, server: str) -> None:
        self.server, self.bucket = server, f"staging-{uuid.uuid4().hex}"
        self._client = boto3.client("s3", endpoint_url=server, region_name=REGION)

    def let(self, origin: str) -> None:
        """Let pages of an origin send to the bucket, as docs/DEPLOYMENT.md says."""
        rule = {"AllowedOrigins": [origin], "AllowedMethods": ["PUT"], "MaxAgeSeconds": 3600}
        self._client.put_bucket_cors(Bucket=self.bucket, CORSConfiguration={"CORSRules": [rule]})

    def under_way(self) -> int:
        """Give how many uploads are neither completed nor aborted."""
        return len(self._client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", ()))


class Seen:
    """What a page has sent: bytes to the web process, and parts to S3, each a number and its bytes."""

    def __init__(self, page: Page, product: Running) -> None:
        self.to_web, self.parts, self._url = 0, list[tuple[int, int]](), product.url
        page.on("requestfinished", self._note)

    def _note(self, request: Request) -> None:
        if request.method == "POST" and request.url.startswith(self._url):
            self.to_web += request.sizes()["requestBodySize"]
        elif request.method == "PUT":
            self.parts.append((number_of(request), request.sizes()["requestBodySize"]))


def number_of(request: Request) -> int:
    return int(parse_qs(urlsplit(request.url).query)["partNumber"][0])


@pytest.fixture(scope="module")
def staging(moto: str) -> Staging:
    return Staging(moto)


@pytest.fixture(scope="module")
def straight(tmp_path_factory, migrated, staging: Staging) -> Iterator[Running]:
    where = f"s3://{staging.bucket}?region={REGION}&endpoint={staging.server}"
    home = tmp_path_factory.mktemp("straight")
    with running(home, database=migrated, STAGING_URL=where, STAGING_UPLOAD_URL=staging.server) as product:
        yield product


@pytest.fixture
def page(straight: Running, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(WAIT)
    expect.set_options(timeout=WAIT)
    page = context.new_page()
    refused = refused_by_policy(page)
    sign_in(page, straight)
    page.goto(f"{straight.url}{UPLOAD}")
    yield page
    settled(page)
    context.close()
    assert refused == []


def test_where_the_bucket_lets_no_page_send_files_go_through_the_web_process_and_the_page_says_so(
    straight: Running, page: Page, staging: Staging, tmp_path: Path
):
    seen = Seen(page, straight)
    (tmp_path / "notes.deb").write_text("no package")
    deb = build_deb(tmp_path, "around", "1.0")
    expect(page.locator("[data-unreached]")).to_be_hidden()
    page.set_input_files("input[type=file]", [deb, tmp_path / "notes.deb"])
    page.get_by_role("button", name=SEND).click()
    page.wait_for_url("**/upload/*/")
    assert fates(page) == {deb.name: "new", "notes.deb": "refused"}
    assert (seen.parts, staging.under_way()) == ([], 0)
    page.goto(f"{straight.url}{UPLOAD}")
    page.set_input_files("input[type=file]", [deb])
    page.route(f"**{UPLOAD}", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    page.get_by_role("button", name=SEND).click()
    expect(page.locator("[data-unreached]")).to_be_visible()
    picture(page, "upload-unreached")


def test_a_large_package_goes_in_parts_to_the_bucket_and_is_published(
    straight: Running, page: Page, staging: Staging, tmp_path: Path
):
    staging.let(straight.url)
    seen = Seen(page, straight)
    deb = build_deb(tmp_path, "large", "1.0", compression="", files={"usr/share/x": os.urandom(20 * 1024 * 1024)})
    page.set_input_files("input[type=file]", [deb])
    broken = iter([True] * 5)

    def break_the_second(route: Route) -> None:
        lost = number_of(route.request) == 2 and next(broken, False)
        route.abort() if lost else route.continue_()

    page.route(f"{staging.server}/**", break_the_second)  # Playwright answers for S3 who may send
    page.get_by_role("button", name=SEND).click()
    expect(page.locator(".rm-fates li .rm-bad")).to_be_visible()
    picture(page, "upload-parts-broken")
    page.get_by_role("button", name=SEND).click()
    page.wait_for_url("**/upload/*/")
    size = deb.stat().st_size
    assert sorted(seen.parts) == [(1, PART_BYTES), (2, PART_BYTES), (3, size - 2 * PART_BYTES)]
    assert 0 < seen.to_web < 64 * 1024
    assert fates(page) == {deb.name: "new"}
    picture(page, "delivery-straight")
    page.get_by_role("button", name="Define and take in").click()
    ended(page)
    assert any(path.read_bytes() == deb.read_bytes() for path in straight.home.glob("var/bucket/pool/**/large*.deb"))
    indexes = straight.home / "var" / "bucket" / "dists" / "stable" / "main" / "binary-amd64" / "Packages"
    wait_until(lambda: "Package: large\n" in indexes.read_text(), "the publication", 60)
    page.unroute_all()  # now the server itself does
    page.goto(f"{straight.url}{UPLOAD}")
    page.set_input_files("input[type=file]", [deb])
    page.get_by_role("button", name=SEND).click()
    page.wait_for_url("**/upload/*/")
    assert (fates(page), len(seen.parts)) == ({deb.name: "there already"}, 6)
    picture(page, "delivery-there")


def test_what_is_removed_or_left_is_aborted(straight: Running, page: Page, staging: Staging, tmp_path: Path):
    staging.let(straight.url)
    deb = build_deb(tmp_path, "left", "1.0")
    page.route(f"{staging.server}/**", lambda _: None)  # which never answers
    for leave in (
        lambda: page.get_by_role("button", name=f"Remove {deb.name}").click(),
        lambda: page.goto(f"{straight.url}/admin/"),
    ):
        page.set_input_files("input[type=file]", [deb])
        with page.expect_request(lambda request: request.method == "PUT"):
            page.get_by_role("button", name=SEND).click()
        assert staging.under_way() == 1
        leave()
        wait_until(lambda: staging.under_way() == 0, "the end of the upload", 60)
