"""Commands that prepare an installation refuse servers that do not keep what we rely on, and print only what is so."""

import uuid

import pytest

from packages_app.core.errors import StoreUnfit, TableUnfit
from packages_app.core.locations import DynamoTable, FolderStore, S3Store
from packages_app.models import HeldCandidate, Job, Publication
from packages_app.services import adapters
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.setup.doctor import examine
from tests.commands.calling import call, refused
from tests.debs import build_deb
from tests.loopback import LoopbackServer, QuietHandler

REGION = "eu-central-1"


@pytest.fixture(params=["bucket", "staging", "table"])
def unfit(request, embedded, settings):
    """An installation, one of whose servers does not keep what we rely on; gives its error's code, and what it is."""
    name = f"n{uuid.uuid4().hex}"
    if request.param == "table":
        settings.PACKAGE_TABLE = DynamoTable(name, REGION, request.getfixturevalue("dynalite"))
        return TableUnfit.code, "package table"
    setattr(settings, request.param.upper(), S3Store(name, "", REGION, request.getfixturevalue("s3rver"), ""))
    return StoreUnfit.code, request.param


@pytest.mark.parametrize("command", ["create_storage", "first_start"])
def test_storage_is_refused_before_it_is_used(unfit, command, capsys):
    refusal = refused(command)
    assert (refusal.code, refusal.returncode) == (unfit[0], 1)
    assert "apt install" not in refusal + capsys.readouterr().out
    assert not Publication.objects.exists()


class Console(QuietHandler):
    """A page of a server, which answers whatever it is asked with 200, as the console of an object store does."""

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 - names of http.server's


@pytest.mark.parametrize(("part", "code"), [("bucket", "store_unfit"), ("package table", "table_unfit")])
def test_what_is_no_such_server_at_all_is_refused_by_its_answer(embedded, settings, part, code):
    with LoopbackServer(Console) as console:
        if part == "bucket":
            settings.BUCKET = S3Store("packages", "", REGION, console.url, "")
        else:
            settings.PACKAGE_TABLE = DynamoTable("packages", REGION, console.url)
        for command in ("create_storage", "first_start"):
            refusal = refused(command)
            assert (refusal.code, refusal.returncode) == (code, 1), command
        assert part in [finding.name for finding in examine() if not finding.well]


def test_the_doctor_finds_it_too(unfit):
    refused("create_storage")
    assert refused("doctor").returncode == 1
    assert [finding.name for finding in examine() if not finding.well] == [unfit[1]]


def test_a_first_start_on_servers_that_keep_conditions_is_complete(embedded, settings, ministack):
    name = f"n{uuid.uuid4().hex}"
    adapters.signer()  # a bucket of a server is no place for a key of this machine's own
    settings.SIGNING_KEY = settings.SIGNING_KEY_FILE.read_text()
    settings.PACKAGE_TABLE = DynamoTable(name, REGION, ministack)
    settings.BUCKET = S3Store(name, "", REGION, ministack, "")
    settings.STAGING = S3Store(name, "staging", REGION, ministack, "")
    settings.EMBEDDED_BUCKET = False
    assert "kiro-repo.deb && sudo apt install ./kiro-repo.deb" in call("first_start")
    assert embedded.bucket.head("dists/stable/InRelease") is not None
    assert [key for store in (embedded.bucket, embedded.staging) for key, _ in store.keys("probe-")] == []
    assert call("create_storage").count("is there") == 3


def test_a_first_start_whose_publication_failed_ends_so_and_prints_no_command(embedded, settings, capsys):
    adapters.signer()
    embedded.define_uploads("tool")
    settings.BUCKET.path.joinpath("dists").write_text("no folder")  # whatever stands in the way of a publication
    refusal = refused("first_start")
    assert (refusal.code, refusal.returncode) == ("nothing_published", 1)
    assert "apt install" not in refusal + capsys.readouterr().out


def test_commands_name_what_is_there(embedded, tmp_path):
    """Without a convenience copy none is fetched; a package is named once it is on offer, in the suite of the copy."""
    embedded.configure(suites=[{}, {"name": "testing", "codename": "testing"}])
    for name, suites in (("elsewhere", ["testing"]), ("old", ["stable"]), ("tool", ["stable"])):
        embedded.define_uploads(name, suites=suites)
    first = call("first_start")
    assert "sudo apt update\n" in first
    assert "install tool" not in first
    for name in ("elsewhere", "old", "tool"):
        stage_upload(build_deb(tmp_path, name, "1.0"), f"{name}_1.0_amd64.deb", wake_worker=False)
    embedded.run_jobs()
    embedded.define_uploads("old", enabled=False)
    assert "sudo apt install tool" in call("first_start")
    embedded.bucket.delete("kiro-repo.deb")
    assert "apt install" not in call("first_start")


def test_what_waits_for_a_person_is_said_and_the_admin_may_start(embedded, settings, tmp_path):
    """A new bucket has no pool files, so the publication is held back: clients can't be set up yet."""
    call("first_start")
    settings.BUCKET = FolderStore(tmp_path / "another")
    embedded.bucket.create()
    embedded.bucket.put("kiro-repo.deb", b"a copy that somebody left there")
    said = call("first_start")
    assert HeldCandidate.objects.get().suite == "stable"
    assert "stable: " in said
    assert "apt install" not in said
    assert embedded.bucket.head("dists/stable/InRelease") is None


def test_a_bootstrap_package_that_is_built_elsewhere_is_not_built_here(embedded):
    source = {"type": "build_script", "staging_prefix": "kiro-repo"}
    embedded.define("kiro-repo", source, architecture="all", bootstrap={"copy": "kiro-repo.deb"})
    assert "apt install" not in call("first_start")
    assert {job.kind for job in Job.objects.all()} == {"publish"}
