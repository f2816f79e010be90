"""Sessions, and the proof that is asked anew, as a person sees them."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.apt.running import Running
from tests.browser.conftest import WAIT
from tests.browser.pages import picture, sign_in


def test_another_browser_is_seen_and_ended(product: Running, page: Page, browser: Browser) -> None:
    other = browser.new_context(user_agent="Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0")
    other.set_default_timeout(WAIT)
    theirs = other.new_page()
    sign_in(theirs, product)
    page.get_by_text("admin", exact=True).first.click()
    page.get_by_role("link", name="Sessions").click()
    card = page.locator(".rm-session", has_text="Firefox on Windows")
    expect(card).to_have_count(1)
    picture(page, "sessions")
    card.get_by_role("button", name="End").click()
    expect(card).to_have_count(0)
    theirs.goto(f"{product.url}/admin/")
    expect(theirs.locator("input[name=password]")).to_be_visible()
    other.close()
    page.goto(f"{product.url}/admin/confirm/?next=/admin/auth/user/&pressed=1")
    picture(page, "confirm")
    page.fill("input[name=password]", product.password)
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(f"{product.url}/admin/auth/user/")
