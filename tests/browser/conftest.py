"""One product and one browser for all tests of pages."""

from __future__ import annotations

import shutil

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from tests.apt.running import Running, running
from tests.browser.pages import refused_by_policy, settled, sign_in

WAIT = 90_000
"""Milliseconds: so long a page is waited for: the machine may be busy."""
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-gpu-compositing", "--disable-gpu-rasterization",
    "--disable-software-rasterizer", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="package")
def product(tmp_path_factory, migrated):
    with running(tmp_path_factory.mktemp("product"), database=migrated) as product:
        yield product


@pytest.fixture(scope="package")
def browser():
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def logged_in(product: Running, browser: Browser):
    """A person who has logged in, and whose browser knows the files of the admin from then on."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(WAIT)
    expect.set_options(timeout=WAIT)
    page = context.new_page()
    refused = refused_by_policy(page)
    sign_in(page, product)
    settled(page)
    page.close()
    assert refused == []
    yield context
    context.close()


@pytest.fixture
def page(product: Running, logged_in: BrowserContext):
    page = logged_in.new_page()
    refused = refused_by_policy(page)
    page.goto(f"{product.url}/admin/")
    expect(page.get_by_text("On a client")).to_be_visible()
    yield page
    settled(page)
    page.close()
    assert refused == []
