"""`upload_deb` for many files: folders, refusals, exit codes, and several processes."""

import io
import os
import random
import shutil

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from packages_app.models import Job, Publication
from packages_app.services import adapters
from tests import prepared
from tests.commands.calling import call, refused
from tests.commands.installation import Installation
from tests.debs import build_deb
from tests.reader import read_everything
from tests.stack import REPOSITORY, Stack


def published(stack):
    return {key[:2] for key in read_everything(stack.bucket, adapters.signer().public_keyring())}


def test_a_folder_stands_for_every_deb_below_it(embedded, tmp_path):
    embedded.define_uploads("tool")
    folder = tmp_path / "incoming"
    for number in range(3):
        build_deb(folder / f"day-{number}", "tool", f"1.{number}")
    (folder / "README").write_text("no package")
    said = call("upload_deb", folder, build_deb(tmp_path, "tool", "2.0"))
    assert "(files=4, new=4, known=0, refused=0)" in said
    assert published(embedded) == {("tool", version) for version in ("1.0", "1.1", "1.2", "2.0")}
    assert [(job.kind, job.state) for job in Job.objects.order_by("created")] == [
        ("intake_upload", "done"), ("publish", "done"),
    ]  # fmt: skip
    assert "new=0, known=4" in call("upload_deb", folder, tmp_path / "tool_2.0_amd64.deb")
    assert Publication.objects.count() == 1


def test_every_refusal_is_listed_and_the_rest_is_published(embedded, tmp_path):
    embedded.define_uploads("tool")
    folder = tmp_path / "incoming"
    build_deb(folder, "tool", "1.0")
    build_deb(folder / "strange", "stranger", "1.0")
    (folder / "page.deb").write_text("<html>")
    (tmp_path / "empty").mkdir()
    (tmp_path / "tool.txt").write_text("no package")
    out = io.StringIO()
    with pytest.raises(CommandError, match="not taken in: 4") as ended:
        call_command("upload_deb", folder, tmp_path / "empty", tmp_path / "tool.txt", stdout=out, stderr=out)
    assert ended.value.returncode == 2
    listed = [line.partition(":")[0] for line in out.getvalue().splitlines() if "Remedy: " in line]
    assert listed == ["empty", "tool.txt", "page.deb", "strange/stranger_1.0_amd64.deb"]
    assert published(embedded) == {("tool", "1.0")}


def test_a_file_that_is_not_there_stops_no_other(embedded, tmp_path):
    embedded.define_uploads("tool")
    assert refused("upload_deb", build_deb(tmp_path, "tool", "1.0"), tmp_path / "absent.deb").returncode == 1
    assert published(embedded) == {("tool", "1.0")}


def test_one_file_is_uploaded_as_ever(embedded, tmp_path):
    embedded.define_uploads("tool")
    said = call("upload_deb", build_deb(tmp_path, "tool", "1.0"))
    assert "(package=tool, version=1.0, architecture=amd64, new=True, suites=stable)" in said


SEVERAL = """
import django; django.setup()
from django.core.management import call_command
from packages_app.core.ports import Silent
from packages_app.services import adapters
from packages_app.services.setup.storage import create_storage
create_storage(Silent())
adapters.signer()
call_command("upload_deb", {folder!r})
"""


def test_large_files_and_batches_are_taken_in_by_processes_of_their_own(tmp_path, migrated):
    config = tmp_path / "config"
    shutil.copytree(REPOSITORY / "config", config)
    Stack(tmp_path, config).define_uploads("tool")
    folder = tmp_path / "incoming"
    for number in range(3):
        large = {"usr/share/large": random.Random(number).randbytes(1_500_000)}
        build_deb(folder, "tool", f"1.{number}", files=large)
    build_deb(folder, "tool", "2.0")
    build_deb(folder, "stranger", "1.0")
    environment = {
        "PATH": os.environ["PATH"], "REPOMGR_HOME": str(tmp_path / "var"), "REPOMGR_CONFIG": str(config),
        "DJANGO_SETTINGS_MODULE": "repomgr.settings", "LOG_LEVEL": "ERROR",
    }  # fmt: skip
    (tmp_path / "var").mkdir()
    shutil.copy(migrated, tmp_path / "var")
    done = prepared.run(("-c", SEVERAL.format(folder=str(folder))), env=environment)
    assert "(files=5, new=4, known=0, refused=1)" in done.stdout, done.stderr
    [refusal] = [line for line in done.stderr.splitlines() if line.startswith("stranger_1.0_amd64.deb: ")]
    assert "Remedy: " in refusal
    pool = {path.name: path.read_bytes() for path in (tmp_path / "var/bucket/pool").rglob("*.deb")}
    assert pool == {path.name: path.read_bytes() for path in folder.glob("tool_*.deb")}
    index = (tmp_path / "var/bucket/dists/stable/main/binary-amd64/Packages").read_text()
    assert index.count("Package: tool\n") == 4


def test_whatever_is_no_file_is_named_and_stops_no_other(embedded, tmp_path):
    """None is opened before it is looked at: a pipe would be waited for."""
    embedded.define_uploads("tool")
    folder = tmp_path / "incoming"
    build_deb(folder, "tool", "1.0")
    (folder / "nowhere.deb").symlink_to(tmp_path / "gone.deb")
    os.mkfifo(folder / "pipe.deb")
    out = io.StringIO()
    given = (folder, folder / "nowhere.deb", folder / "pipe.deb", tmp_path / "absent", tmp_path / "absent.deb")
    with pytest.raises(CommandError, match="not taken in: 6") as ended:
        call_command("upload_deb", *given, stdout=out, stderr=out)
    assert ended.value.returncode == 1
    named = [line.split(": ", 2)[:2] for line in out.getvalue().splitlines() if "Remedy: " in line]
    assert sorted(named) == sorted(
        [name, "file_unreadable"]
        for name in ("nowhere.deb", "pipe.deb", "absent", "absent.deb", "nowhere.deb", "pipe.deb")
    )
    assert published(embedded) == {("tool", "1.0")}


def test_packages_without_a_definition_are_defined_when_that_is_said_and_allowed(embedded, tmp_path):
    folder, pipe = tmp_path / "incoming", tmp_path / "pipe.deb"
    build_deb(folder, "fresh", "1.0", "arm64")
    strange = build_deb(folder, "strange", "1.0", "sparc")
    os.mkfifo(pipe)
    embedded.configure(define="nobody")
    assert refused("upload_deb", "--define", folder).code == "right_missing"
    embedded.configure(define="superusers")
    assert refused("upload_deb", "--define", folder).code == "bad_definition"
    assert (adapters.documents().documents(), embedded.records(), Job.objects.count()) == ([], [], 0)
    strange.unlink()
    assert "fresh is defined now" in call("upload_deb", "--define", folder)
    assert (published(embedded), adapters.definitions().by_name["fresh"].architectures) == (
        {("fresh", "1.0")}, ("arm64",),
    )  # fmt: skip
    assert "is defined now" not in call("upload_deb", "--define", folder)
    assert refused("upload_deb", "--define", pipe).returncode == 1


@pytest.mark.parametrize("what", ["absent", "pipe", "device", "link"])
def test_one_that_is_no_file_is_named_by_itself(embedded, tmp_path, what):
    path = tmp_path / "one.deb"
    if what == "pipe":
        os.mkfifo(path)
    elif what != "absent":
        path.symlink_to("/dev/zero" if what == "device" else tmp_path / "gone")
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("upload_deb", path, stdout=out, stderr=out)
    assert out.getvalue().startswith("one.deb: file_unreadable: ")


def test_one_that_this_user_may_not_read_is_named_and_stops_no_other(tmp_path, migrated):
    installation = Installation.make(tmp_path / "home", migrated)
    folder = tmp_path / "incoming"
    build_deb(folder, "tool", "1.0")
    build_deb(folder, "tool", "1.1").chmod(0)
    (folder / "closed").mkdir(mode=0)
    under = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
    done = installation.manage("upload_deb", folder, "--log-format", "console", under=under)
    assert "(files=3, new=1, known=0, refused=2)" in done.stdout, done.stderr
    named = [line.split(": ", 2)[:2] for line in done.stderr.splitlines() if "Remedy: " in line]
    assert sorted(named) == [["closed", "file_unreadable"], ["tool_1.1_amd64.deb", "file_unreadable"]]
