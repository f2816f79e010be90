"""The whole change of a signing key by clicks, with real clients at every step: never a word of warning."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from packages_app.core.locations import FolderStore
from packages_app.stores.local_store import LocalObjectStore
from tests.apt.client import AptClient
from tests.apt.running import Running
from tests.browser.pages import ended, picture


def new_client(product: Running, folder: Path) -> AptClient:
    """Set a client up as the two lines do that are printed."""
    folder.mkdir()
    client = AptClient(folder / "root")
    client.install_copy(LocalObjectStore(FolderStore(product.home / "var" / "bucket")), folder)
    client.update()
    return client


def upgrade(client: AptClient) -> None:
    """Let a client upgrade the bootstrap package as any other, by apt, and read the repository with it."""
    client.update()
    client.apt_get("install", "--only-upgrade", "kiro-repo")
    client.use("kiro-repo.sources")
    client.update()


def taken(page: Page, product: Running, number: int, button: str, name: str) -> None:
    """Take the step that is open by its button, wait for its job, and look at the page afterwards."""
    page.goto(f"{product.url}/admin/")
    page.get_by_role("link", name=re.compile(r"\bKeys$")).click()
    step = page.locator(f"#step-{number}")
    expect(step.get_by_role("button", name=button)).to_be_visible()
    if step.get_by_role("checkbox").count():
        step.get_by_role("checkbox").check()
    step.get_by_role("button", name=button).click()
    ended(page)
    page.goto(f"{product.url}/admin/packages_app/publication/keys/")
    picture(page, name)


def test_a_key_is_changed_by_clicks_and_no_client_is_warned(product: Running, page: Page, tmp_path: Path):
    one = new_client(product, tmp_path / "one")
    page.goto(f"{product.url}/admin/packages_app/publication/keys/")
    picture(page, "keys")
    heads = page.locator("section[id^=key-]")
    old = str(heads.get_attribute("id")).removeprefix("key-")

    taken(page, product, 1, "Make the next key", "keys-added")
    expect(heads).to_have_count(2)
    new = str(heads.nth(1).get_attribute("id")).removeprefix("key-")
    one.update()
    taken(page, product, 2, "Ship it", "keys-shipped")
    two = new_client(product, tmp_path / "two")
    upgrade(one)
    page.locator(f"#key-{old}").get_by_role("link", name="Lost or stolen").click()
    expect(page.get_by_text(new)).to_be_visible()
    picture(page, "key-lost")
    taken(page, product, 4, "Sign by the new key alone", "keys-signed")
    one.update()
    two.update()
    taken(page, product, 5, "Take it out", "keys-left")
    expect(heads).to_have_count(1)
    expect(heads).to_have_attribute("id", f"key-{new}")
    upgrade(one)
    upgrade(two)
    with page.expect_download() as revocation:
        page.get_by_role("link", name="Revocation certificate").click()
    assert revocation.value.suggested_filename == f"{new}.rev"
