"""An upload that the disk has no room for: the form says so, with the remedy, and nothing is left of it."""

import os

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from packages_app.models import Job
from tests.debs import build_deb
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
    answer = admin_client.post(UPLOAD, {"file": SimpleUploadedFile(deb.name, deb.read_bytes())})
    assert answer.status_code == 302
    assert Job.objects.get(kind=Job.Kind.UPLOAD).state == Job.State.QUEUED
