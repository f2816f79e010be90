"""A full disk: the form of an upload says so, with the remedy, and so does any other page that can't be answered."""

import os

import pytest
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile

from packages_app.models import Job
from tests.database import database_in
from tests.debs import build_deb
from tests.deliveries import upload
from tests.disks import small_disk

UPLOAD = "/admin/packages_app/package/upload/"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk")


@pytest.fixture
def spool(tmp_path, settings):
    """The disk that uploads lie on while they are read."""
    with small_disk(tmp_path / "spool", 4) as disk:
        settings.FILE_UPLOAD_TEMP_DIR = str(disk.folder)
        yield disk


@pytest.mark.parametrize(("left", "size"), [(0, 100), (8192, 100_000), (200_000, 3_000_000)])
def test_the_form_tells_that_the_disk_is_full(embedded, admin_client, tmp_path, spool, left, size):
    embedded.define_uploads("tool")
    spool.fill(left)
    body = os.urandom(size)
    page = admin_client.post(UPLOAD, {"file": SimpleUploadedFile("tool_1.0_amd64.deb", body)})
    assert page.status_code == 200
    [refused] = page.context["form"].errors["file"]
    assert "disk is full" in refused
    assert "Make room" in refused
    assert [path.name for path in spool.folder.iterdir()] == ["filler"]
    spool.empty()
    deb = build_deb(tmp_path / "built", "tool", "1.0")
    assert upload(admin_client, deb).status_code == 302
    assert Job.objects.get(kind=Job.Kind.UPLOAD).state == Job.State.QUEUED


@pytest.fixture
def on_disk(tmp_path, migrated, transactional_db):
    """The disk that Django's database is on."""
    with small_disk(tmp_path / "disk", 4) as disk, database_in(disk.folder, migrated):
        get_user_model().objects.create_superuser("ann", password="secret")
        yield disk


@pytest.mark.parametrize("page", ["definitionstatus/check/", "publication/publish/", "publication/sweep/"])
def test_a_page_that_the_disk_has_no_room_for_says_so_with_code_and_remedy(embedded, on_disk, client, page, caplog):
    client.raise_request_exception = False
    client.force_login(get_user_model().objects.get())
    form = {"suite": "stable"}
    on_disk.fill()
    answer = client.post(f"/admin/packages_app/{page}", form)
    assert answer.status_code == 503
    said = answer.content.decode()
    assert "Code: disk_full" in said
    assert "Remedy: Make room" in said
    assert str(on_disk.folder) in said
    on_disk.empty()
    assert Job.objects.count() == 0
    assert client.post(f"/admin/packages_app/{page}", form).status_code == 302
    assert Job.objects.get().state == Job.State.QUEUED
    assert caplog.text.count("request_failed") == 1
    assert "Traceback" not in caplog.text


def test_who_is_not_logged_in_is_told_no_file_of_the_server(on_disk, client):
    client.raise_request_exception = False
    on_disk.fill()
    answer = client.post("/admin/login/", {"username": "ann", "password": "secret"})
    assert answer.status_code == 503
    said = answer.content.decode()
    assert "Code: disk_full" in said
    assert str(on_disk.folder) not in said
    on_disk.empty()
    assert client.post("/admin/login/", {"username": "ann", "password": "secret"}).status_code == 302


def test_a_fault_of_the_program_is_no_fault_of_the_disk(embedded, admin_client, settings, caplog):
    admin_client.raise_request_exception = False
    settings.CONFIG_DIR = None  # what no setting can be
    assert admin_client.get("/admin/").status_code == 500
    assert "Traceback" in caplog.text
