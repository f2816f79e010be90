"""Many files at once in a real browser: by a script with progress and drag and drop, and without one."""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.apt.running import Running
from tests.browser.pages import PHONE, ended, picture
from tests.debs import build_deb

UPLOAD = "/admin/packages_app/package/upload/"
DROP = """([files]) => {
    const dropped = new DataTransfer();
    for (const [name, body] of files)
        dropped.items.add(new File([Uint8Array.from(atob(body), one => one.charCodeAt(0))], name));
    document.querySelector('form[data-upload]').dispatchEvent(new DragEvent('drop', {dataTransfer: dropped}));
}"""


def fates(page: Page) -> dict[str, str]:
    """Give what stands beside each file's name: the word of its fate."""
    lines = page.locator(".rm-fates li")
    expect(lines.first).to_be_visible()
    return {line.locator("strong").first.inner_text(): line.locator(".rm-state").inner_text() for line in lines.all()}


def test_files_are_dropped_looked_at_defined_and_taken_in(product: Running, page: Page, tmp_path: Path):
    fresh, arm = build_deb(tmp_path, "dropped", "1.0"), build_deb(tmp_path, "dropped", "1.0", "arm64")
    other = build_deb(tmp_path / "other", "dropped", "1.0", files={"usr/share/x": b"other"})
    (tmp_path / "notes.deb").write_text("no package")
    page.goto(f"{product.url}{UPLOAD}")
    page.set_input_files("input[type=file]", [fresh, tmp_path / "notes.deb"])
    more = [(f"ö {path.name}", b64encode(path.read_bytes()).decode()) for path in (arm, other)]
    page.evaluate(DROP, [more])
    expect(page.locator(".rm-fates li")).to_have_count(4)
    picture(page, "upload-chosen")
    broken = iter([True])  # the first request is lost; all others arrive

    def lose_the_first(route) -> None:
        route.abort() if next(broken, False) else route.continue_()

    page.route(
        f"**{UPLOAD}", lambda route: lose_the_first(route) if route.request.method == "POST" else route.continue_()
    )
    page.get_by_role("button", name="Upload and look").click()
    expect(page.get_by_role("link", name="Look at the others")).to_be_visible()
    expect(page.locator(".rm-fates li .rm-bad")).to_have_count(2)  # the one that was lost, and what is no package
    picture(page, "upload-broken")
    page.get_by_role("button", name="Upload and look").click()
    expect(page.get_by_role("heading", name="to be defined first")).to_be_visible()
    picture(page, "delivery")
    assert fates(page) == {
        "dropped_1.0_amd64.deb": "new", "notes.deb": "refused", "ö dropped_1.0_amd64.deb": "conflict",
        "ö dropped_1.0_arm64.deb": "new",
    }  # fmt: skip
    expect(page.get_by_text("stable: dropped arm64: none → 1.0")).to_be_visible()
    page.get_by_role("button", name="Define and take in").click()
    ended(page)
    expect(page.get_by_text('"new": 2')).to_be_visible()
    page.goto(f"{product.url}{UPLOAD}")
    page.get_by_role("link", name="1 file that you uploaded").click()
    expect(page.locator(".rm-state.rm-done")).to_have_count(2)
    picture(page, "delivery-taken-in")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_text("Not taken in yet")).to_have_count(0)
    page.goto(f"{product.url}/admin/packages_app/package/?q=dropped")
    expect(page.locator("#result_list tbody tr")).to_have_count(2)


def test_without_a_script_the_form_sends_all_at_once(product: Running, page: Page, tmp_path: Path):
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(storage_state=page.context.storage_state(), java_script_enabled=False, viewport=PHONE)
    plain = context.new_page()
    plain.goto(f"{product.url}{UPLOAD}")
    (tmp_path / "page.deb").write_text("<html>")
    long = build_deb(tmp_path, "plain-with-a-name-that-goes-on-and-on-for-as-long-as-some-do", "1.0")
    sound = [*(build_deb(tmp_path, "plain", version) for version in ("1.0", "2.0")), long]
    plain.set_input_files("input[type=file]", [*sound, tmp_path / "page.deb"])
    plain.get_by_role("button", name="Upload and look").click()
    expect(plain.get_by_text("stable: plain amd64: none → 2.0")).to_be_visible()
    assert list(fates(plain).values()) == ["refused", "new", "new", "new"]
    said = [one.bounding_box() for one in plain.locator(".rm-facts dd").all()]
    assert min(box["width"] for box in said if box) > 100  # a long name leaves room for what is said of it
    plain.get_by_role("checkbox", name=re.compile("plain_1.0")).uncheck()
    plain.get_by_role("button", name="Define and take in").click()
    plain.wait_for_url(re.compile("/job/"))
    page.goto(plain.url)
    ended(page)
    plain.goto(f"{product.url}{UPLOAD}")
    plain.set_input_files("input[type=file]", tmp_path / "page.deb")
    plain.get_by_role("button", name="Upload and look").click()
    expect(plain.get_by_role("alert")).to_contain_text("Remedy: ")
    context.close()
