"""How tests look at pages: what a policy refuses, pictures at two widths, the end of a job."""

from __future__ import annotations

import os
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.apt.running import Running

PHONE = {"width": 375, "height": 812}
# A folder for pictures of every page; used when they are looked at, and for those of the README.
PICTURES = os.environ.get("REPOMGR_PICTURES", "")


def refused_by_policy(page: Page) -> list[str]:
    """Give what will be refused on any page by its Content-Security-Policy, as the browser reports it."""
    refused: list[str] = []
    page.expose_function("toldOfRefusal", lambda refusal: refused.append(str(refusal)))
    page.add_init_script(
        "document.addEventListener('securitypolicyviolation', refusal => window.toldOfRefusal("
        "`${location.pathname}: ${refusal.effectiveDirective} ${refusal.blockedURI} ${refusal.sample}`))"
    )
    page.on("console", lambda said: refused.append(said.text) if "Content Security Policy" in said.text else None)
    page.on("pageerror", lambda error: refused.append(f"{page.url}: {error}"))
    return refused


def sign_in(page: Page, product: Running) -> None:
    """Sign in with the first password, and wait for the overview."""
    page.goto(f"{product.url}/admin/")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", product.password)
    page.click("button[type=submit]")
    expect(page.get_by_text("On a client")).to_be_visible()


CLIPPED = """[...document.querySelectorAll('#result_list tbody :is(td, th)')]
    .filter(cell => cell.scrollHeight > cell.clientHeight + 1 || cell.scrollWidth > cell.clientWidth + 1)
    .map(cell => cell.innerText)"""


def picture(page: Page, name: str) -> None:
    """Look at a page at both widths; nothing may be wider than a phone, and no cell of a list higher than it shows.

    Locators wait where a page that follows a job is just loaded again.
    """
    for width, size in (("wide", {"width": 1280, "height": 900}), ("phone", PHONE)):
        page.set_viewport_size(size)
        assert page.locator("html").evaluate("root => root.scrollWidth") <= size["width"], f"{name} is too wide"
        expect(page.locator("html"), f"{name} has the theme").to_have_css("--color-primary-600", re.compile("."))
        assert page.locator("body").evaluate(f"() => {CLIPPED}") == [], f"{name} clips cells"
        if PICTURES:
            page.screenshot(path=str(Path(PICTURES) / f"{name}-{width}.png"))
    page.set_viewport_size({"width": 1280, "height": 900})


def settled(page: Page) -> None:
    """Wait until a page is there with its scripts and fonts and was drawn, whichever page it has turned into meanwhile.

    Playwright's own "networkidle" never comes now and then, on a busy machine, though nothing is asked for any more.
    """
    page.wait_for_function("document.readyState === 'complete' && document.fonts.status === 'loaded'")


def ended(page: Page, words: str = "done") -> None:
    """Wait until the job's page says, without being asked, that the job has ended."""
    expect(page.locator("h2 .rm-state")).to_have_text(words, timeout=60_000)
