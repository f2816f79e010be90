"""A right given and a token made, copied and revoked by clicks, at both widths."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.apt.running import Running
from tests.browser.pages import picture


def test_a_right_is_given_and_a_token_made_copied_and_revoked(product: Running, page: Page):
    page.get_by_role("link", name="Rights").click()
    page.get_by_role("link", name="Give a right").click()
    page.get_by_label("Person").select_option("admin")
    page.get_by_label("Packages").fill("kiro-repo*")
    page.get_by_role("button", name="See what fits").click()
    expect(page.locator("#fitting li").first).to_have_text("kiro-repo")
    picture(page, "right-given")
    page.get_by_role("button", name="Give a right").click()
    expect(page.get_by_role("cell", name="kiro-repo*")).to_be_visible()
    picture(page, "rights")

    page.get_by_role("link", name="Tokens", exact=True).first.click()
    page.get_by_role("link", name="Make a token").click()
    page.get_by_label("Name").fill("ci of tool")
    page.get_by_label("upload:").check()
    picture(page, "token-form")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=product.url)
    page.get_by_role("button", name="Make a token").click()
    secret = page.locator("#secret").inner_text()
    picture(page, "token-made")
    page.locator("[data-copy=secret]").click()
    expect(page.locator("[data-copy=secret]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == secret
    page.get_by_role("link", name="I have it").click()
    picture(page, "tokens")
    page.get_by_role("link", name="ci of tool").click()
    page.get_by_role("link", name="Revoke").click()
    picture(page, "token-revoke")
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("cell", name="revoked")).to_be_visible()
