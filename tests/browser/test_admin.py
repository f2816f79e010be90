"""The admin as a person uses it, in a real browser, with real workers behind it."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.apt.running import Running, running
from tests.bootstraps import files_of
from tests.debs import build_deb

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PHONE = {"width": 375, "height": 812}
# A folder for pictures of every page; used when they are looked at, and for those of the README.
PICTURES = os.environ.get("REPOMGR_PICTURES", "")


@pytest.fixture(scope="module")
def product(tmp_path_factory, migrated):
    with running(tmp_path_factory.mktemp("product"), database=migrated) as product:
        yield product


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(product: Running, browser: Browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    refused = refused_by_policy(page)
    page.goto(f"{product.url}/admin/")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", product.password)
    page.click("button[type=submit]")
    expect(page.get_by_text("On a client")).to_be_visible()
    yield page
    page.wait_for_load_state("networkidle")
    context.close()
    assert refused == []


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


CLIPPED = """[...document.querySelectorAll('#result_list tbody :is(td, th)')]
    .filter(cell => cell.scrollHeight > cell.clientHeight + 1).map(cell => cell.innerText)"""


def picture(page: Page, name: str) -> None:
    """Look at a page at both widths; nothing may be wider than a phone, and no cell of a list higher than it shows."""
    for width, size in (("wide", {"width": 1280, "height": 900}), ("phone", PHONE)):
        page.set_viewport_size(size)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], f"{name} is too wide"
        assert page.evaluate(CLIPPED) == [], f"{name} clips cells"
        if PICTURES:
            page.screenshot(path=str(Path(PICTURES) / f"{name}-{width}.png"))
    page.set_viewport_size({"width": 1280, "height": 900})


def ended(page: Page, words: str = "done") -> None:
    """Wait until the job's page says, without being asked, that the job has ended."""
    expect(page.locator("h2 .rm-state")).to_have_text(words, timeout=60_000)


def test_a_build_is_uploaded_followed_and_found(product: Running, page: Page, tmp_path: Path):
    picture(page, "overview")
    page.get_by_role("link", name="Upload a build").click()
    picture(page, "upload")
    keyring = (product.home / "var/bucket/kiro-archive-keyring.gpg").read_bytes()
    files = files_of("kiro-repo", product.public_url, "kiro-archive-keyring", keyring)
    page.set_input_files("input[type=file]", build_deb(tmp_path, "kiro-repo", "1.1.0+b~1", "all", files=files))
    page.get_by_role("button", name="Upload a build").click()
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


def test_a_refused_upload_says_why_and_what_to_do(page: Page, product: Running, tmp_path: Path):
    page.goto(f"{product.url}/admin/packages_app/package/upload/")
    page.set_input_files("input[type=file]", build_deb(tmp_path, "stranger", "1.0"))
    page.get_by_role("button", name="Upload a build").click()
    expect(page.get_by_role("alert")).to_contain_text(re.compile(r"\bstranger\b.*Remedy: .*\bkiro-repo\b"))
    picture(page, "refused")


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
    expect(page.get_by_text("Release SHA256")).to_be_visible()
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
        page.wait_for_load_state("networkidle")
        first = page.locator("#result_list tbody a").first
        if first.count():
            first.click()
            page.wait_for_load_state("networkidle")
    page.goto(f"{product.url}/admin/packages_app/job/")
    page.get_by_text("Filters").first.click()
    expect(page.locator("a[href='?kind__exact=intake_upload']")).to_be_visible()
    page.goto(f"{product.url}/admin/")
    for theme in ("light", "dark", "light"):
        page.keyboard.press("Control+e")
        expect(page.locator("html")).to_have_class(theme)
    page.goto(f"{product.url}/repository/")
    expect(page.get_by_role("heading", name="Set up and install")).to_be_visible()
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
    other.wait_for_load_state("networkidle")
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
    page.get_by_role("button", name="Roll out").click()
    ended(page)
    look_at_package()
    expect(page.get_by_role("button", name="Stop the roll-out")).to_have_count(0)
    page.goto(f"{product.url}/admin/packages_app/package/side-by-side/")
    picture(page, "side-by-side")
