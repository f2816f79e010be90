"""A webhook made by clicks, told by the running product of what is uploaded, and sent again."""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import Page, expect
from standardwebhooks.webhooks import Webhook

from repomgr.servers.process import wait_until
from tests.apt.running import Running
from tests.browser.pages import picture
from tests.debs import build_deb
from tests.receivers import MessageReceiver
from tests.stack import write_definition

WEBHOOKS = "/admin/packages_app/webhook/"
DELIVERIES = "/admin/packages_app/webhookdelivery/"


def made(page: Page, product: Running, address: str) -> str:
    """Make a webhook as a person does, who tries a private address first; give the secret that is shown."""
    page.goto(f"{product.url}/admin/")
    page.get_by_role("link", name=re.compile(r"\bWebhooks$")).click()
    picture(page, "webhooks-none")
    page.goto(f"{product.url}{WEBHOOKS}add/")
    page.fill("input[name=name]", "deployment")
    page.fill("input[name=address]", "https://169.254.169.254/latest")
    page.fill("input[name=packages]", "hooked, other*")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("private address")).to_be_visible()
    picture(page, "webhook-refused")
    page.fill("input[name=address]", address)
    page.get_by_role("button", name="Save", exact=True).click()
    return page.locator("#secret").inner_text()


def noted_down(page: Page, word: str, times: int) -> None:
    """Look at a page again until it says a word so often."""
    found = page.get_by_text(word, exact=True)
    wait_until(lambda: page.reload() is not None and found.count() >= times, f"{word} is noted down")


def removed(page: Page, product: Running) -> None:
    """Remove the webhook, and see that nothing of it is left."""
    page.goto(f"{product.url}{WEBHOOKS}")
    picture(page, "webhooks")
    page.get_by_role("link", name="deployment", exact=True).click()
    page.get_by_role("link", name="Delete").click()
    picture(page, "webhook-delete")
    page.get_by_role("button", name=re.compile("I.m sure")).click()
    page.goto(f"{product.url}{DELIVERIES}")
    expect(page.get_by_text("version.added")).to_have_count(0)


def test_a_webhook_is_made_tried_told_and_sent_again(product: Running, page: Page, tmp_path: Path):
    with MessageReceiver() as receiver:
        secret = made(page, product, f"{receiver.url}/500")
        picture(page, "webhook-secret")
        page.get_by_role("button", name="Send a test").click()
        wait_until(lambda: bool(receiver.messages), "the test arrives")
        noted_down(page, "to be tried again", 1)
        picture(page, "webhook-delivery")
        page.get_by_role("link", name="deployment", exact=True).click()
        expect(page.get_by_text(secret)).to_have_count(0)
        picture(page, "webhook")
        page.fill("input[name=address]", receiver.url)
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("was changed successfully")).to_be_visible()
        write_definition(product.config, "hooked", {"type": "build_script", "staging_prefix": "hooked"})
        product.manage("upload_deb", str(build_deb(tmp_path, "hooked", "1.0")))
        page.goto(f"{product.url}{DELIVERIES}?event__exact=webhook.test")
        page.get_by_role("link", name="webhook.test").first.click()
        page.get_by_role("button", name="Send again").click()
        types = {"webhook.test", "version.added", "publication.made"}

        def told() -> set[str]:
            return {json.loads(body)["type"] for path, _, body in receiver.messages if path == "/"}

        wait_until(lambda: told() == types, "all that happened is told")
        for _, headers, body in receiver.messages:
            assert Webhook(secret).verify(body.decode(), headers)
        page.goto(f"{product.url}{DELIVERIES}")
        noted_down(page, "received", 3)
        picture(page, "webhook-deliveries")
        removed(page, product)
