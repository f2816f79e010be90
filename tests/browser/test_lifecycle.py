"""What happens to a version after it came in, as a person does it in a real browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.apt.running import Running
from tests.browser.pages import ended, picture


def test_a_version_is_withdrawn_with_a_reason_and_restored_from_the_list(product: Running, page: Page):
    product.manage("build_kiro_repo", "--increment", "patch")
    page.goto(f"{product.url}/admin/packages_app/package/?q=kiro-repo")
    page.locator("#result_list tbody a", has_text="kiro-repo").first.click()
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_text("What becomes the newest for clients")).to_be_visible()
    expect(page.get_by_text("Pin-Priority: 1001")).to_be_visible()
    picture(page, "withdraw")
    page.get_by_label("Reason").fill("it <b>breaks</b>")
    page.get_by_role("button", name="Withdraw").click()
    ended(page)
    page.goto(f"{product.url}/admin/packages_app/package/?q=kiro-repo")
    first = page.locator("#result_list tbody tr").first
    expect(first).to_contain_text("none")
    first.locator("a").first.click()
    expect(page.get_by_text("withdrawn by admin, stable → no suite: it <b>breaks</b>")).to_be_visible()
    picture(page, "package-history")
    page.goto(f"{product.url}/admin/packages_app/package/?q=kiro-repo")
    page.locator("#result_list tbody input[type=checkbox]").first.check()
    page.locator("select[name=action]").select_option("restore")
    page.get_by_role("button", name="Run").click()
    page.get_by_role("button", name="Restore").click()
    ended(page)
    page.goto(f"{product.url}/admin/packages_app/package/?q=kiro-repo")
    expect(page.locator("#result_list tbody tr").first).to_contain_text("stable")
    page.locator("#result_list tbody a", has_text="kiro-repo").first.click()
    page.get_by_role("button", name="Promote").click()
    picture(page, "promote")
    page.get_by_role("button", name="Show what clients will see").click()
    expect(page.get_by_text("There is nothing to promote")).to_be_visible()


def test_a_suite_goes_back_to_a_publication_and_that_is_undone(product: Running, page: Page):
    publications = f"{product.url}/admin/packages_app/publication/"
    page.goto(publications)
    newest = page.locator("#result_list tbody tr").first
    before = newest.inner_text()
    product.manage("build_kiro_repo", "--increment", "minor")
    for _ in range(60):  # a worker may have taken the publication
        page.reload()
        if newest.inner_text() != before:
            break
        page.wait_for_timeout(1000)
    for pictured in ("roll-back", ""):  # the second way back is to what was in place before the first
        page.goto(publications)
        page.locator("#result_list tbody tr").nth(1).locator("a").first.click()
        if pictured:
            picture(page, "publication-history")
        page.get_by_label("Compare with").fill("stable")
        page.get_by_role("button", name="Compare").click()
        expect(page.get_by_text("Only in stable" if pictured else "Only here")).to_be_visible()
        if pictured:
            picture(page, "compare")
        page.go_back()
        page.get_by_role("link", name="Roll back to this").click()
        expect(page.get_by_text("what becomes the newest for clients")).to_be_visible()
        if pictured:
            expect(page.get_by_text("Pin-Priority: 1001")).to_be_visible()
            picture(page, pictured)
        page.get_by_label("Reason").fill("it <b>breaks</b>")
        page.get_by_role("button", name="Roll back").click()
        ended(page)


def test_a_version_is_rolled_out_in_steps_and_then_given_to_all(product: Running, page: Page):
    def look_at_package() -> None:
        page.goto(f"{product.url}/admin/packages_app/package/?q=kiro-repo")
        page.locator("#result_list tbody a", has_text="kiro-repo").first.click()

    look_at_package()
    page.get_by_role("button", name="Roll out in steps").click()
    page.get_by_label("Percent of clients").fill("10, 25, 100")
    page.get_by_role("button", name="Show what clients will see").click()
    expect(page.get_by_text("stable 100 % → 10 %")).to_be_visible()
    picture(page, "rollout")
    page.get_by_role("button", name="Roll out").click()
    ended(page)
    look_at_package()
    expect(page.get_by_text("stable: given to 10 % of clients, by steps of 10, 25, 100")).to_be_visible()
    picture(page, "package-rolled-out")
    page.get_by_role("button", name="To all now").click()
    page.get_by_role("button", name="Give it to all now").click()
    ended(page)
    look_at_package()
    expect(page.get_by_role("button", name="Stop the roll-out")).to_have_count(0)
    page.goto(f"{product.url}/admin/packages_app/package/side-by-side/")
    picture(page, "side-by-side")


def test_a_snapshot_is_filtered_of_another_after_a_look_and_a_suite_filled_from_it(product: Running, page: Page):
    product.manage("snapshot", "create", "stable", "all-of-it")
    page.goto(f"{product.url}/admin/packages_app/publication/snapshots/")
    picture(page, "snapshots")
    page.get_by_role("link", name="Merge or filter snapshot all-of-it of stable").press("Enter")
    expect(page.get_by_label("Made of")).to_have_value("stable/all-of-it")
    page.get_by_label("Only what this query selects of it").fill("kiro-repo")
    page.get_by_label("ID", exact=True).fill("tools")
    picture(page, "snapshot-form")
    page.get_by_role("button", name="Show what it would hold").press("Enter")
    expect(page.get_by_role("heading", name="stable/snapshots/tools: ")).to_be_visible()
    picture(page, "snapshot-preview")
    page.get_by_role("button", name="Make this snapshot").press("Enter")
    ended(page)
    page.goto(f"{product.url}/admin/packages_app/publication/snapshots/")
    page.get_by_role("link", name="Fill a suite from snapshot tools of stable").press("Enter")
    picture(page, "fill-form")
    product.manage("withdraw", "kiro-repo", "--reason", "so that it comes back", "--yes")
    page.get_by_role("button", name="Show what clients will see").press("Enter")
    expect(page.get_by_role("heading", name="stable is filled from stable/snapshots/tools")).to_be_visible()
    picture(page, "fill-preview")
    page.get_by_role("button", name="Fill stable").press("Enter")
    ended(page)
