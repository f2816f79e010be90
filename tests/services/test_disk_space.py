"""Room on disks: the doctor's finding, and the notice before a disk is full."""

import os
import socket
import sys
from datetime import timedelta

import pytest
from django.utils import timezone

from packages_app import tasks
from packages_app.models import Notice
from packages_app.services.notices.notify import notify
from packages_app.services.setup.disk_space import rooms
from packages_app.services.setup.doctor import examine
from tests.database import database_in
from tests.disks import small_disk


def notices():
    return [(notice.subject, notice.settled is None) for notice in Notice.objects.filter(kind="disk_nearly_full")]


def test_a_disk_that_is_short_of_room_is_a_notice_until_it_is_not(embedded, settings):
    folders = sorted(str(room.folder) for room in rooms())
    assert all(folder.startswith("/") for folder in folders)
    assert tasks.watch_disks() == []
    settings.LEAST_FREE_BYTES = sys.maxsize
    assert sorted(tasks.watch_disks()) == folders
    here = socket.gethostname()
    assert sorted(notices()) == [(f"{folder} on {here}", True) for folder in folders]
    settings.LEAST_FREE_BYTES = 1
    tasks.watch_disks()
    assert sorted(notices()) == [(f"{folder} on {here}", False) for folder in folders]


def test_a_disk_of_another_host_keeps_its_notice_as_long_as_that_host_looks(embedded, settings):
    notify(Notice.Kind.DISK_NEARLY_FULL, f"{rooms()[0].folder} on elsewhere", "Nothing is free.")
    tasks.watch_disks()
    assert [is_open for _, is_open in notices()] == [True]
    Notice.objects.update(seen=timezone.now() - timedelta(days=2))
    tasks.watch_disks()
    assert [is_open for _, is_open in notices()] == [False]


def test_the_doctor_looks_at_free_space(embedded, settings):
    settings.LEAST_FREE_BYTES = sys.maxsize
    [space] = [found for found in examine() if found.name == "disk space"]
    assert (space.well, "manage.py sweep" in space.remedy) == (False, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk")
def test_the_doctor_writes_to_the_database_before_it_calls_it_well(embedded, tmp_path, migrated, transactional_db):
    with small_disk(tmp_path / "disk", 4) as disk, database_in(disk.folder, migrated):
        [well] = [found for found in examine() if found.name == "database"]
        disk.fill()  # it can still be read: its file is open
        [full] = [found for found in examine() if found.name == "database"]
    assert (full.well, "full" in full.detail, "Make room" in full.remedy) == (False, True, True)
    assert (well.well, "can be written" in well.detail) == (True, True)
