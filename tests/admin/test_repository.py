"""The Repository page: what is set where, a suite added after a look, retired, and an earlier version brought back."""

import re
from html import unescape

import pytest

from packages_app.services import adapters
from packages_app.services.intake.uploads import stage_upload
from tests.debs import build_deb

BASE = "/admin/packages_app/definitionstatus/repository/"
SUITE = {"new": "1", "read": "0", "name": "testing", "codename": "testing", "version": "2", "description": "Soon",
         "components": "main", "architectures": "amd64"}  # fmt: skip


LONG = {"pdiff_history": "9" * 5000}


def shown_in_sidebar(page):
    """Give the addresses of the sidebar's entries that are marked as the page that is shown."""
    return re.findall(r'<a href="([^"]+)" class="[^"]* active">', page)


def hidden(page):
    """Give what the page of the preview posts."""
    named = dict(re.findall(r'<input type="hidden" name="(read|digest)" value="([^"]*)">', page))
    return {
        **named,
        "text": unescape(re.search(r'<textarea name="text" hidden>\n?(.*?)</textarea>', page, re.DOTALL)[1]),
    }


def test_a_suite_is_added_after_a_look_changed_retired_and_brought_back(embedded, admin_client, as_member):
    page = as_member("Publishers").get(BASE).text
    assert ("keyring: kiro-archive-keyring" in page, f"{BASE}change/" in page) == (True, False)
    bad = admin_client.post(f"{BASE}change/", {**SUITE, "name": "../up", "valid_days": "many", **LONG}).text
    assert bad.count('role="alert"') == 3
    bad = admin_client.post(f"{BASE}change/", {**SUITE, "name": "../up", "codename": ""}).text
    assert bad.count('role="alert"') == 1
    assert "suite_exists" in admin_client.post(f"{BASE}change/", {**SUITE, "name": "stable"}).text
    preview = admin_client.post(f"{BASE}change/", SUITE).text
    assert adapters.documents().documents() == []
    assert "preview_outdated" in admin_client.post(f"{BASE}save/", {**hidden(preview), "digest": "0"}).text
    assert admin_client.post(f"{BASE}save/", hidden(preview)).status_code == 302
    assert {job.state for job in embedded.run_jobs()} == {"done"}
    assert embedded.bucket.head("dists/testing/InRelease") is not None
    other = {**hidden(preview), "text": hidden(preview)["text"].replace("Soon", "Now")}
    outdated = admin_client.post(f"{BASE}save/", other).text
    assert ("configuration_outdated" in outdated, hidden(outdated)["read"]) == (True, "1")
    form = admin_client.get(f"{BASE}change/?suite=testing").text
    assert ('value="amd64"' in form, 'name="name"' in form) == (True, False)
    form = admin_client.get(f"{BASE}change/?suite=stable").text
    assert ('name="components"' in form, 'name="valid_days"' in form, 'name="changelogs"' in form) == (
        True,
        False,
        True,
    )
    assert 'name="define"' in admin_client.get(f"{BASE}change/").text
    retired = admin_client.post(f"{BASE}preview/", {"read": "1", "retire": "testing"}).text
    admin_client.post(f"{BASE}save/", hidden(retired))
    assert [suite.name for suite in adapters.repository().suites] == ["stable"]
    assert "default_suite" in admin_client.post(f"{BASE}preview/", {"retire": "stable"}, follow=True).text
    assert "record_not_found" in admin_client.post(f"{BASE}preview/", {"version": "9"}, follow=True).text
    back = admin_client.post(f"{BASE}preview/", {"read": "2", "version": "1"}).text
    admin_client.post(f"{BASE}save/", hidden(back))
    assert [suite.name for suite in adapters.repository().suites] == ["stable", "testing"]
    page = admin_client.get(BASE).text
    assert ("Version 3" in page, "+- name: testing" in page) == (True, True)
    assert len(re.findall(r"admin, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC<", page)) == 3
    assert shown_in_sidebar(page) == [BASE]
    embedded.define_uploads("tool", suites=["testing"], component="main")
    changed = {**{name: value for name, value in SUITE.items() if name != "new"}, "suite": "testing", "read": "3"}
    used = admin_client.post(f"{BASE}change/", {**changed, "components": "extra", "description": "Typed"}).text
    assert ("still_used" in used, 'value="Typed"' in used) == (True, True)


def test_what_was_ticked_stays_after_a_refusal_of_just_that_change(embedded, admin_client, tmp_path):
    admin_client.post(f"{BASE}save/", hidden(admin_client.post(f"{BASE}change/", SUITE).text))
    definition = embedded.define_uploads("tool", suites=["testing"])
    stage_upload(build_deb(tmp_path, "tool", "1.0"), "tool_1.0_amd64.deb")
    embedded.run_jobs()
    definition.unlink()
    preview = admin_client.post(f"{BASE}preview/", {"read": "1", "retire": "testing"}).text
    refused = admin_client.post(f"{BASE}save/", {**hidden(preview), "withdraw": "1"}).text
    assert ("package_refused" in refused, 'value="1" checked' in refused) == (True, True)
    refused = admin_client.post(f"{BASE}save/", {**hidden(preview), "withdraw": "1", "digest": "0"}).text
    assert ("preview_outdated" in refused, 'value="1" checked' in refused) == (True, False)


@pytest.mark.parametrize(("address", "page"), [
    ("/admin/", "/admin/"), (f"{BASE}change/", BASE), ("/admin/packages_app/publication/keys/",) * 2,
    ("/admin/packages_app/definitionstatus/define/", "/admin/packages_app/definitionstatus/"),
    ("/admin/packages_app/publication/snapshots/", "/admin/packages_app/publication/"),
])  # fmt: skip
def test_the_sidebar_marks_the_page_that_is_shown_alone(embedded, admin_client, address, page):
    assert shown_in_sidebar(admin_client.get(address).text) == [page]
