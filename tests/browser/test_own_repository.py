"""From an empty home to packages in two suites that apt installs: by clicks alone, no file touched."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.apt.client import AptClient
from tests.apt.running import Running, running
from tests.browser.conftest import WAIT
from tests.browser.pages import ended, picture, refused_by_policy, sign_in
from tests.debs import build_deb


@pytest.fixture
def own(tmp_path: Path, migrated: Path):
    """What `make up NAME=Acme` starts."""
    with running(tmp_path / "own", database=migrated, name="Acme") as product:
        yield product


@pytest.fixture
def person(own: Running, browser: Browser):
    """Somebody who has signed in with the first password."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(WAIT)
    page = context.new_page()
    refused = refused_by_policy(page)
    sign_in(page, own)
    expect(page.get_by_text("To the first package")).to_be_visible()
    yield page
    context.close()
    assert refused == []


def add_suite(page: Page, name: str) -> None:
    page.get_by_role("link", name="dns Repository").click()
    picture(page, "repository")
    page.get_by_role("link", name="Add a suite").click()
    page.locator("[name=name]").fill(name)
    picture(page, "repository-suite")
    page.get_by_role("button", name="Show what clients will see").click()
    picture(page, "repository-preview")
    page.get_by_role("button", name="Save and publish").click()
    expect(page.get_by_role("heading", name=f"Suite {name}")).to_be_visible()


def upload(product: Running, page: Page, *debs: Path, suite: str = "") -> None:
    page.goto(f"{product.url}/admin/packages_app/package/upload/")
    page.set_input_files("input[type=file]", debs)
    if suite:
        page.locator("[name=suite]").select_option(suite)
    page.get_by_role("button", name="Upload and look").click()
    page.get_by_role("button", name="Define and take in").click()
    ended(page)


def published(product: Running, page: Page, suite: str, packages: int) -> None:
    """Wait until the suite's card of the overview says that clients have so many packages."""
    page.goto(f"{product.url}/admin/")
    card = page.locator("section", has=page.get_by_role("heading", name=f"Suite {suite}"))
    expect(card.locator(".rm-figure")).to_contain_text(f"{packages} package")


def test_three_packages_in_two_suites_are_installed_without_a_file_being_touched(
    own: Running, person: Page, tmp_path: Path
):
    add_suite(person, "testing")
    upload(own, person, build_deb(tmp_path, "one", "1.0"), build_deb(tmp_path, "two", "1.0", "all"))
    upload(own, person, build_deb(tmp_path, "three", "2.0~rc1"), suite="testing")
    published(own, person, "stable", 3)
    published(own, person, "testing", 1)
    picture(person, "own-overview")
    client = AptClient(tmp_path / "client")
    setup = tmp_path / "acme-repo.deb"
    setup.write_bytes(httpx.get(f"{own.public_url}/{setup.name}").raise_for_status().content)
    client.install_file(setup)
    client.use("acme-repo.sources")
    client.update()
    client.apt_get("install", "one", "two")
    sources = client.root / "etc/apt/sources.list.d/acme-repo.sources"
    sources.write_text(sources.read_text().replace("Suites: stable", "Suites: stable testing"))
    client.update()
    client.apt_get("install", "three")
    said = client.run("dpkg-query", "--admindir", str(client.root / "var/lib/dpkg"), "-W", "one", "two", "three").stdout
    assert said.split() == ["one", "1.0", "three", "2.0~rc1", "two", "1.0"]
