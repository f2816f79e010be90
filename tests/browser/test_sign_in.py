"""Sessions, and the proof that is asked anew, as a person sees them."""

from __future__ import annotations

import time
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.apt.running import Running
from tests.browser.conftest import WAIT
from tests.browser.pages import picture, refused_by_policy, sign_in
from tests.oidc_issuer import CLIENT, SECRET, Issuer
from tests.saml_provider import IdentityProvider
from tests.web_clients import PASSWORD, code_of, present_step, serving


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


def test_a_publisher_is_led_to_a_second_factor_and_signs_in_with_a_security_key(
    tmp_path: Path, migrated: Path, browser: Browser
) -> None:
    """The key is Chromium's own virtual one (WebAuthn; Chrome DevTools Protocol, domain WebAuthn)."""
    people = {"root": "root", "ann": "Publishers"}
    with serving(tmp_path, migrated, people, SECOND_FACTOR="required-for-publishers", host="localhost") as web:
        context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        context.set_default_timeout(WAIT)
        page = context.new_page()
        refused = refused_by_policy(page)
        log_in(page, web.url, "ann")
        page.wait_for_url("**/admin/second-factor/")
        picture(page, "factors-lacking")
        page.get_by_role("link", name="Set up an authenticator app").click()
        picture(page, "factor-app")
        page.fill("#id_code", code_of(page.locator("#secret").inner_text(), present_step()))
        page.get_by_role("button", name="Set it up").click()
        expect(page.locator("#codes")).to_be_visible()
        picture(page, "recovery-codes")
        with_key(page)
        page.goto(f"{web.url}/admin/second-factor/key/")
        picture(page, "factor-key")
        page.fill("#id_name", "the blue one")
        page.get_by_role("button", name="Add the key").click()
        page.wait_for_url("**/admin/second-factor/")
        expect(page.get_by_text("the blue one")).to_be_visible()
        picture(page, "factors")
        page.goto(f"{web.url}/admin/second-factor/codes/new/")
        picture(page, "recovery-codes-new")
        page.context.clear_cookies()
        log_in(page, web.url, "ann")
        page.wait_for_url("**/admin/second-factor/show/")
        picture(page, "factor-show")
        page.get_by_role("button", name="Use a security key").click()
        expect(page.get_by_text("On a client")).to_be_visible()
        page.goto(f"{web.url}/admin/confirm/?next=/admin/sessions/")
        picture(page, "confirm-factor")
        page.get_by_role("button", name="Use a security key").click()
        page.wait_for_url("**/admin/sessions/")
        expect(page.locator(".rm-session")).to_have_count(2)
        page.goto(f"{web.url}/admin/second-factor/")
        page.get_by_role("link", name="Remove…").first.click()
        picture(page, "factor-remove")
        page.get_by_role("button", name="Remove").click()
        page.wait_for_url("**/admin/second-factor/")
        assert refused == []
        context.close()


def log_in(page: Page, url: str, name: str) -> None:
    page.goto(f"{url}/admin/login/")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")


def with_key(page: Page) -> None:
    """Give the browser a security key."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "usb", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def test_a_publisher_signs_in_by_the_issuer_whose_second_factor_is_enough(
    tmp_path: Path, migrated: Path, browser: Browser
) -> None:
    with Issuer() as issuer:
        settings = {
            "SIGN_IN_OIDC_ISSUER": issuer.url, "SIGN_IN_OIDC_CLIENT_ID": CLIENT, "SIGN_IN_OIDC_CLIENT_SECRET": SECRET,
            "SIGN_IN_OIDC_NAME": "Acme", "SIGN_IN_OIDC_GROUPS": "*=Publishers", "SIGN_IN_PASSWORDS": "superusers",
            "SECOND_FACTOR": "required", "SIGN_IN_OIDC_SECOND_FACTOR": "true",
        }  # fmt: skip
        with serving(tmp_path, migrated, {"ann": "Publishers"}, **settings) as web:
            page = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
            page.set_default_timeout(WAIT)
            refused = refused_by_policy(page)
            log_in(page, web.url, "ann")
            expect(page.get_by_text("Passwords are for superusers.")).to_be_visible()
            issuer.claims = {"aud": "another"}
            page.get_by_role("link", name="Sign in with Acme").click()
            expect(page.get_by_text("(aud)")).to_be_visible()
            picture(page, "login-by-issuer")
            issuer.claims = {"preferred_username": "paula"}
            page.goto(f"{web.url}/admin/login/?next=/admin/sessions/")
            page.get_by_role("link", name="Sign in with Acme").click()
            page.wait_for_url("**/admin/sessions/")
            page.goto(f"{web.url}/admin/second-factor/key/")
            expect(page.get_by_role("link", name="Sign in with Acme again")).to_be_visible()
            picture(page, "confirm-by-issuer")
            issuer.claims = {"auth_time": int(time.time())}
            page.get_by_role("link", name="Sign in with Acme again").click()
            page.wait_for_url("**/admin/second-factor/key/")
            assert refused == []
            page.close()


def test_a_person_signs_in_by_saml_whose_answer_comes_from_another_site(
    tmp_path: Path, migrated: Path, browser: Browser
) -> None:
    with IdentityProvider() as provider:
        provider.url = provider.url.replace("127.0.0.1", "localhost")
        settings = {
            "SIGN_IN_SAML_METADATA": provider.metadata(), "SIGN_IN_SAML_NAME": "Acme",
            "SIGN_IN_SAML_GROUPS": "staff=Viewers",
        }  # fmt: skip
        with serving(tmp_path, migrated, {"ann": "Publishers"}, **settings) as web:
            page = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
            page.set_default_timeout(WAIT)
            refused = refused_by_policy(page)
            provider.said = {"audience": "another"}
            page.goto(f"{web.url}/admin/login/?next=/admin/sessions/")
            page.get_by_role("link", name="Sign in with Acme").click()
            page.get_by_role("button", name="Go on").click()
            expect(page.get_by_text("(audience)")).to_be_visible()
            picture(page, "refused-by-saml")
            page.get_by_role("link", name="To the login").click()
            provider.said = {}
            page.goto(f"{web.url}/admin/login/?next=/admin/sessions/")
            page.get_by_role("link", name="Sign in with Acme").click()
            page.get_by_role("button", name="Go on").click()
            page.wait_for_url("**/admin/sessions/")
            assert refused == []
            page.close()
