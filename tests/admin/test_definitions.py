"""Definitions made, changed and removed in the admin, with each fault at its field."""

import re

from django.urls import reverse

from packages_app.models import DefinitionStatus, Job
from packages_app.services import adapters
from tests.debs import build_deb
from tests.deliveries import upload

DEFINE = "/admin/packages_app/definitionstatus/define/"
VERSIONS = "/admin/packages_app/definitionstatus/versions/?name=tool"
SAID = {"type": "build_script", "read": "0", "name": "tool", "architecture": "amd64"}


def alerts_of(page):
    """Give which fields of a form show a fault."""
    found = re.findall(r'<label for="id_([^"]+)">.*?</div>\s*(?=<div class="rm-(?:field|buttons))', page, re.DOTALL)
    parts = re.split(r'<div class="rm-field">', page)[1:]
    return {name for name, part in zip(found, parts, strict=False) if 'role="alert"' in part}


def test_a_package_is_defined_changed_and_removed(embedded, admin_client, tmp_path):
    assert "github_release" in admin_client.get(DEFINE).text
    assert admin_client.get(f"{DEFINE}?type=github_release").status_code == 200
    page = admin_client.post(DEFINE, {**SAID, "suites": "none", "priority": "high", "more": "retain: 1\n"})
    assert alerts_of(page.text) == {"suites", "priority", "more"}
    assert alerts_of(admin_client.post(DEFINE, {**SAID, "name": " "}).text) == {"name"}
    assert admin_client.post(DEFINE, {**SAID, "type": "carrier_pigeon"}).status_code == 200
    assert adapters.documents().documents() == []
    assert admin_client.post(DEFINE, SAID).status_code == 302
    row = DefinitionStatus.objects.get(name="tool")
    shown = admin_client.get(reverse("admin:packages_app_definitionstatus_change", args=[row.pk])).text
    assert f"{DEFINE}?name=tool" in shown
    assert admin_client.get(reverse("admin:packages_app_definitionstatus_change", args=["9" * 5000])).status_code == 302
    assert 'value="amd64"' in admin_client.get(f"{DEFINE}?name=tool").text
    admin_client.post(DEFINE, {**SAID, "read": "1", "description": "Theirs"})
    page = admin_client.post(DEFINE, {**SAID, "read": "1", "description": "Mine"}).text
    assert ("-description: Theirs" in page, "+description: Mine" in page) == (True, True)
    assert 'name="read" value="2"' in page
    admin_client.post(DEFINE, {**SAID, "read": "2", "description": "Mine"})
    versions = admin_client.get(VERSIONS).text
    assert ("Version 3" in versions, "+description: Mine" in versions) == (True, True)
    deb = build_deb(tmp_path, "tool", "1.0")
    upload(admin_client, deb)
    assert {job.state for job in embedded.run_jobs()} == {"done"}
    remove = reverse("admin:packages_app_definitionstatus_remove", args=[row.pk])
    asked = admin_client.get(remove).text
    assert ('name="read" value="3"' in asked, "1 version of it stays" in asked) == (True, True)
    admin_client.post(remove, {"read": "2"})  # of somebody who read an earlier version
    assert "tool" in adapters.definitions().by_name
    admin_client.post(remove, {"read": "3"})
    assert ("tool" in adapters.definitions().by_name, len(embedded.records())) == (False, 1)
    assert VERSIONS in admin_client.get("/admin/packages_app/definitionstatus/").text
    assert f"{DEFINE}?name=tool&amp;version=2" in admin_client.get(VERSIONS).text
    for none in ("0", "4", "9", "two"):  # the fourth is its removal, and says nothing
        assert admin_client.get(f"{DEFINE}?name=tool&version={none}").status_code in {200, 302}
    assert admin_client.get(f"{DEFINE}?name=tool&version=9").url == VERSIONS
    form = admin_client.get(f"{DEFINE}?name=tool&version=2").text
    assert ("Theirs" in form, 'name="read" value="0"' in form) == (True, True)
    assert admin_client.post(DEFINE, {**SAID, "description": "Theirs"}).status_code == 302
    assert adapters.definitions().by_name["tool"].description == "Theirs"
    assert [document.version for document in adapters.documents().documents()] == [5]
    assert VERSIONS not in admin_client.get("/admin/packages_app/definitionstatus/").text


def test_a_trial_is_a_job_and_what_a_file_says_is_shown_as_such(embedded, admin_client):
    said = {"type": "github_release", "read": "0", "name": "tool", "architecture": "amd64", "try": "1"}
    answer = admin_client.post(DEFINE, {**said, "source.repository": "owner/tool"})
    assert answer.url == reverse("admin:packages_app_job_change", args=[Job.objects.get().pk])
    assert adapters.documents().documents() == []
    embedded.define_uploads("filed")
    assert "packages_app/definitionstatus/define" in admin_client.get("/admin/packages_app/definitionstatus/").text
    row = DefinitionStatus.objects.get(name="filed")
    page = admin_client.get(reverse("admin:packages_app_definitionstatus_change", args=[row.pk])).text
    assert "filed.yaml" in page
    assert "define/?name" not in page
    answer = admin_client.post(DEFINE, {**SAID, "name": "filed"})
    assert alerts_of(answer.text) == {"name"}
