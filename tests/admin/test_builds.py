"""Builds in the admin: named in list and page, and a conflict settled as two builds by those who may publish."""

import pytest

from packages_app.models import Conflict, Package
from packages_app.services.intake.uploads import stage_upload
from tests.deliveries import upload as send_and_take_in
from tests.services.lifecycle.test_builds import SUITES, deb_for, sees, upload

CONFLICTS, PACKAGES = "/admin/packages_app/conflict", "/admin/packages_app/package"


@pytest.fixture
def conflict(embedded, tmp_path):
    """A conflict over 1.0, which stable has."""
    embedded.configure(suites=SUITES)
    embedded.define_uploads("tool", suites=["stable"])
    for label in ("", "noble"):
        upload(embedded, deb_for(tmp_path, label))
    return Conflict.objects.get()


def test_a_publisher_settles_a_conflict_as_two_builds(embedded, conflict, as_member):
    here = f"{CONFLICTS}/{conflict.pk}"
    viewer = as_member("Viewers")
    assert f"{here}/builds/" not in viewer.get(f"{here}/change/").content.decode()
    said = {"build": "noble", "suite": ["noble", "testing"]}
    assert viewer.post(f"{here}/builds/", said).status_code == 403
    client = as_member("Publishers")
    page = client.get(f"{here}/change/").content.decode()
    assert f'action="{here}/builds/"' in page
    offered = [name for name in ("stable", "noble", "bookworm", "testing") if f'name="suite" value="{name}"' in page]
    assert offered == ["noble", "bookworm", "testing"]
    assert client.get(f"{here}/builds/").status_code == 405
    for wrong in ({**said, "build": "<b>"}, {**said, "suite": ["stable"]}, {"build": "noble"}):
        [message] = client.post(f"{here}/builds/", wrong, follow=True).context["messages"]
        assert message.level_tag == "error"
    assert embedded.run_jobs() == []
    assert client.post(f"{here}/builds/", said).status_code == 302
    assert {job.state for job in embedded.run_jobs()} == {"done"}
    assert list(sees(embedded, "noble")) == list(sees(embedded, "testing")) == ["1.0"]
    assert f"{here}/builds/" not in client.get(f"{here}/change/").content.decode()


def test_list_page_and_moves_name_the_build(embedded, tmp_path, as_member):
    embedded.configure(suites=SUITES)
    embedded.define_uploads("tool", builds={"noble": "*_noble_*.deb"})
    upload(embedded, deb_for(tmp_path, "noble"))
    client, row = as_member("Publishers"), Package.objects.get()
    assert "amd64#noble" in client.get(f"{PACKAGES}/").content.decode()
    assert "amd64#noble" in client.get("/admin/").content.decode()
    assert "amd64#noble" in client.get(f"{PACKAGES}/?q=%24Build+(noble)").content.decode()
    page = client.get(f"{PACKAGES}/{row.pk}/change/").content.decode()
    assert 'name="keys" value="tool 1.0 amd64#noble"' in page
    assert "Repomgr-Build: noble" in page
    moving = client.post(f"{PACKAGES}/move/", {"what": "withdrawn", "keys": "tool 1.0 amd64#noble"}).content.decode()
    assert "noble: tool amd64: 1.0 → none" in moving
    chosen = {"action": "withdraw", "_selected_action": [row.pk]}
    assert "tool 1.0 amd64#noble" in client.post(f"{PACKAGES}/", chosen).content.decode()


def test_an_upload_is_given_a_label_in_the_form(embedded, tmp_path, as_member):
    embedded.configure(suites=SUITES)
    embedded.define_uploads("tool")
    deb = deb_for(tmp_path, "")
    client = as_member("Publishers")
    for build, status in (("No", 200), ("noble", 302)):
        assert send_and_take_in(client, deb, suite="noble", build=build).status_code == status
    embedded.run_jobs()
    assert [record.key for record in embedded.records()] == [("tool#1.0", "amd64#noble")]
    assert 'name="build"' not in as_member("Uploaders").get(f"{PACKAGES}/upload/").content.decode()
    stage_upload(deb, deb.name, suite="testing", build="noble")
    embedded.run_jobs()
    assert [record.suites for record in embedded.records()] == [("noble", "testing")]
