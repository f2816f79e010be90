"""The audit trail in a real browser: found by words, a line's page, and what was found as a file."""

import csv

from playwright.sync_api import expect

from tests.browser.pages import picture


def test_who_signed_in_is_found_looked_at_and_given_as_a_file(page, product):
    page.goto(f"{product.url}/admin/packages_app/trustedpublisher/add/")  # refused: a line with a long address
    page.goto(f"{product.url}/admin/packages_app/auditentry/")
    picture(page, "audit-trail")
    page.fill("input[name=q]", "who:admin what:sign_in result:done")
    page.press("input[name=q]", "Enter")
    expect(page.locator("#result_list tbody tr").first).to_contain_text("sign_in")
    with page.expect_download() as downloading:
        page.locator("a[href*='format=csv']").click()
    with open(downloading.value.path(), encoding="utf-8", newline="") as file:
        assert {(row["actor"], row["what"], row["result"]) for row in csv.DictReader(file)} == {
            ("admin", "sign_in", "done")
        }
    page.goto(f"{product.url}/admin/packages_app/auditentry/?q=kind:command")
    page.locator("#result_list tbody tr th a").first.click()
    expect(page.get_by_text("In the chain")).to_be_visible()
    picture(page, "audit-line")
