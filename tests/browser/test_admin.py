"""The admin as a person uses it, in a real browser, with real workers behind it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.apt.running import Running
from tests.bootstraps import files_of
from tests.browser.pages import ended, picture, settled
from tests.debs import build_deb


def test_a_build_is_uploaded_followed_and_found(product: Running, page: Page, tmp_path: Path):
    picture(page, "overview")
    page.get_by_role("link", name="Upload a build").click()
    picture(page, "upload")
    keyring = (product.home / "var/bucket/kiro-archive-keyring.gpg").read_bytes()
    files = files_of("kiro-repo", product.public_url, "kiro-archive-keyring", keyring)
    page.set_input_files("input[type=file]", build_deb(tmp_path, "kiro-repo", "1.1.0+b~1", "all", files=files))
    page.get_by_role("button", name="Upload and look").click()
    page.get_by_role("button", name="Take in").click()
    ended(page)
    picture(page, "job")
    page.goto(f"{product.url}/admin/packages_app/package/")
    picture(page, "packages")
    page.locator("#result_list a", has_text="kiro-repo").first.click()
    expect(page.get_by_text("Filename: pool/main/k/kiro-repo/kiro-repo_1.1.0+b~1_all.deb")).to_be_visible()
    picture(page, "package")
    link = page.get_by_role("link", name="kiro-repo_1.1.0+b~1_all.deb").get_attribute("href")
    fetched = page.request.get(link or "")
    assert fetched.ok
    assert fetched.headers["content-type"] == "application/vnd.debian.binary-package"


def test_the_next_version_of_the_bootstrap_package_is_built_with_two_clicks(product: Running, page: Page):
    page.goto(f"{product.url}/admin/packages_app/package/")
    page.get_by_role("link", name=re.compile("Build")).first.click()
    picture(page, "build")
    page.fill("input[name=version]", "not a version")
    page.get_by_role("button", name="Build a bootstrap package").click()
    expect(page.get_by_role("alert")).to_contain_text("'not a version'")
    page.fill("input[name=version]", "3.0.0")
    page.get_by_role("button", name="Build a bootstrap package").click()
    ended(page)
    page.goto(f"{product.url}/admin/packages_app/package/build/")
    page.select_option("select[name=part]", "minor")
    page.get_by_role("button", name="Build a bootstrap package").click()
    ended(page)
    picture(page, "built")
    page.goto(f"{product.url}/admin/packages_app/package/")
    expect(page.locator("#result_list")).to_contain_text("3.1.0")


def test_force_rebuild_asks_for_consent_and_brings_back_the_same_indexes(page: Page, product: Running):
    dists = product.home / "var" / "bucket" / "dists" / "stable"

    def indexes() -> dict[Path, bytes]:
        found = (path for path in dists.rglob("Packages*") if "by-hash" not in path.parts)
        return {path: path.read_bytes() for path in found}

    before = indexes()
    assert len(before) == 6
    shutil.rmtree(dists.parent)
    pool = {path: path.read_bytes() for path in (product.home / "var/bucket/pool").rglob("*.deb")}
    for path, body in pool.items():  # a rebuild that read a .deb would notice
        path.write_bytes(b"x" * len(body))
    product.manage(
        "shell", "--no-imports", "-c", "from packages_app.models import Package as P; P.objects.all().delete()"
    )
    page.goto(f"{product.url}/admin/")
    page.get_by_role("link", name="Force rebuild").click()
    page.get_by_label("I have read").check()
    page.get_by_role("button", name="Force rebuild").click()
    ended(page)
    picture(page, "rebuild")
    assert indexes() == before
    for path, body in pool.items():
        path.write_bytes(body)
    page.goto(f"{product.url}/admin/packages_app/package/")
    expect(page.locator("#result_list a", has_text="kiro-repo").first).to_be_visible()
    page.goto(f"{product.url}/admin/packages_app/publication/")
    picture(page, "publications")
    page.locator("#result_list tbody a").first.click()
    expect(page.get_by_text("Release SHA256", exact=True)).to_be_visible()
    picture(page, "publication")
    page.goto(f"{product.url}/admin/")
    picture(page, "overview-later")


def test_definitions_show_their_faults_and_can_be_checked(page: Page, product: Running):
    bad = product.config / "packages" / "broken.yaml"
    bad.write_text("name: broken\nsource: {type: carrier_pigeon}\n")
    product.define("unreachable", "http://127.0.0.1:9/feed.json")
    try:
        page.goto(f"{product.url}/admin/packages_app/definitionstatus/")
        expect(page.get_by_text("not usable")).to_be_visible()
        picture(page, "definitions")
        page.get_by_role("link", name="broken.yaml", exact=True).first.click()
        expect(page.get_by_text("carrier_pigeon").first).to_be_visible()
        page.go_back()
        page.get_by_role("link", name="unreachable", exact=True).first.click()
        page.get_by_role("button", name="Check upstream now").click()
        ended(page, "failed")
        expect(page.locator(".rm-alert")).to_contain_text("127.0.0.1:9/feed.json")
        picture(page, "failed")
        page.goto(f"{product.url}/admin/")
        expect(page.locator(".rm-attention")).to_be_visible()
        picture(page, "attention")
    finally:
        bad.unlink()
        (product.config / "packages" / "unreachable.yaml").unlink()


def test_a_package_is_defined_tried_and_removed_in_the_admin(page: Page, product: Running):
    page.goto(f"{product.url}/admin/packages_app/definitionstatus/")
    page.get_by_role("link", name="github_release", exact=True).click()
    page.get_by_label("Package", exact=True).fill("made-here")
    page.get_by_label("Architectures").fill("amd64, sparc")
    page.get_by_label("Repository").fill("no repository")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_have_count(2)
    picture(page, "definition-faults")
    page.get_by_label("Architectures").fill("amd64")
    page.get_by_label("Repository").fill("owner/name")
    page.get_by_label("API").fill("http://127.0.0.1:9")
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Try it").click()
    ended(opened.value)
    expect(opened.value.locator(".rm-note.rm-error")).to_contain_text("127.0.0.1:9")
    picture(opened.value, "definition-trial")
    settled(opened.value)
    opened.value.close()
    page.get_by_role("button", name="Save").click()
    picture(page, "definitions-made")
    page.locator("#result_list").get_by_role("link", name="made-here", exact=True).click()
    picture(page, "definition-made")
    page.get_by_role("link", name="Versions", exact=True).click()
    expect(page.locator("pre")).to_contain_text("+  repository: owner/name")
    picture(page, "definition-versions")
    page.get_by_role("link", name="Back", exact=True).click()
    page.locator("#result_list").get_by_role("link", name="made-here", exact=True).click()
    page.get_by_role("link", name="Change", exact=True).click()
    expect(page.get_by_label("Repository")).to_have_value("owner/name")
    page.go_back()
    page.get_by_role("link", name="Remove the definition").click()
    picture(page, "definition-remove")
    page.get_by_role("button", name="Remove it").click()
    expect(page.locator("#result_list")).not_to_contain_text("made-here")
    page.get_by_role("link", name="made-here", exact=True).click()
    page.get_by_role("link", name="Bring version 1 back").click()
    expect(page.get_by_label("Repository")).to_have_value("owner/name")


def test_schedules_can_be_changed(page: Page, product: Running):
    page.goto(f"{product.url}/admin/django_celery_beat/periodictask/")
    page.get_by_role("link", name=re.compile("Check upstream")).first.click()
    expect(page.locator("input[name=name]")).to_have_value("Check upstream")
    picture(page, "schedule")
    page.locator("textarea[name=description]").fill("Twice an hour")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#result_list")).to_be_visible()
    page.get_by_role("link", name=re.compile("Check upstream")).first.click()
    expect(page.locator("textarea[name=description]")).to_have_value("Twice an hour")


def test_every_page_works_under_its_content_security_policy(page: Page, product: Running):
    """The fixture sees what is refused; here every page is opened, and what scripts do on it is tried."""
    lists = [link.get_attribute("href") or "" for link in page.locator("#nav-sidebar-apps a").all()]
    assert len(lists) >= 9
    for path in (*lists, "/admin/password_change/", "/admin/auth/user/add/", "/admin/packages_app/package/upload/"):
        page.goto(f"{product.url}{path}")
        settled(page)
        first = page.locator("#result_list tbody a").first
        if first.count():
            with page.expect_navigation():
                first.click()
            settled(page)
    page.goto(f"{product.url}/admin/packages_app/job/")
    page.get_by_text("Filters").first.click()
    expect(page.locator("a[href='?kind__exact=intake_upload']")).to_be_visible()
    page.goto(f"{product.url}/admin/")
    for theme in ("light", "dark", "light"):
        page.keyboard.press("Control+e")
        expect(page.locator("html")).to_have_class(theme)
    page.goto(f"{product.url}/repository/")
    expect(page.get_by_role("heading", name="Set up")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth") != "none"


def test_a_script_in_a_pages_text_does_not_run(page: Page, product: Running):
    browser = page.context.browser
    assert browser is not None
    other = browser.new_context(storage_state=page.context.storage_state()).new_page()  # its refusals are meant
    other.goto(f"{product.url}/admin/")
    other.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=/nothing onerror=window.injected=1>');"
        "const script = document.createElement('script'); script.textContent = 'window.injected = 1';"
        "document.body.append(script)"
    )
    other.wait_for_function("document.querySelector('img[src=\"/nothing\"]').complete")
    settled(other)
    assert other.evaluate("window.injected") is None
    other.evaluate("window.injected = 1")
    assert other.evaluate("window.injected") == 1


def test_what_is_held_back_is_rebuilt_only_where_it_is_ticked(page: Page, product: Running):
    """A record without its file waits for a person: the page names it, and leaves it held unless it is approved."""
    product.manage(
        "shell", "--no-imports", "-c",
        "from packages_app.services import adapters; from tests.records import make_record; "
        "adapters.package_table().put_new(make_record('ghost')); "
        "from packages_app.services.publication.requests import request_publication; request_publication('stable')",
    )  # fmt: skip
    in_release = product.home / "var/bucket/dists/stable/InRelease"
    before = in_release.read_bytes()
    page.goto(f"{product.url}/admin/packages_app/heldcandidate/?state__exact=waiting")
    for _ in range(60):
        if page.get_by_text("missing").count():
            break
        page.wait_for_timeout(1000)
        page.reload()
    rebuild = f"{product.url}/admin/packages_app/publication/force-rebuild/"
    page.goto(rebuild)
    expect(page.get_by_text("Held back since")).to_be_visible()
    picture(page, "rebuild-consent")
    page.get_by_label("I have read").check()
    page.get_by_role("button", name="Force rebuild").click()
    ended(page, "failed")
    assert in_release.read_bytes() == before
    page.goto(rebuild)
    page.get_by_label("Approve number").check()
    page.get_by_label("I have read").check()
    page.get_by_role("button", name="Force rebuild").click()
    ended(page)
    assert in_release.read_bytes() != before
    page.goto(f"{product.url}/admin/packages_app/heldcandidate/?state__exact=published")
    page.locator("#result_list tbody th a").first.click()
    expect(page.get_by_text("Decided by")).to_be_visible()
    picture(page, "held-decided")
    product.manage("withdraw", "ghost", "--reason", "It has no file, and others share this repository.", "--yes")
