"""Exit codes of real commands: 1 failed, 2 refused, 75 a server is away (README)."""

import os

import pytest
import yaml

from packages_app.signing.openpgp import generate_key
from repomgr.servers.process import free_port
from repomgr.servers.start import moto_server
from tests.commands.installation import Installation
from tests.debs import build_deb


@pytest.fixture
def installation(tmp_path, migrated):
    return Installation.make(tmp_path / "home", migrated, PRIVATE_UPSTREAMS="127.0.0.1")


def the_last_job(installation):
    return " ".join(filter(None, installation.jobs("kind", "state", "error_code")[-1]))


def test_a_bucket_and_a_table_that_are_away_are_tried_again_later(tmp_path, migrated):
    with moto_server() as endpoint:
        options = f"region=eu-central-1&endpoint={endpoint}"
        stores = {"BUCKET_URL": f"s3://apt?{options}", "STAGING_URL": f"s3://apt-staging?{options}"}
        table = {"PACKAGE_TABLE_URL": f"dynamodb://packages?{options}"}
        installation = Installation.make(
            tmp_path / "home", migrated, **stores, **table, SIGNING_KEY_FILE=_key(tmp_path)
        )
        assert installation.manage("publish").returncode == 0
    assert installation.manage("publish").returncode == 75
    assert the_last_job(installation) == "publish failed table_unavailable"
    without_bucket = installation.with_settings(PACKAGE_TABLE_URL=f"sqlite://{tmp_path}/home/package_table.sqlite3")
    assert without_bucket.manage("create_storage").returncode == 75
    assert without_bucket.manage("force_rebuild").returncode == 75
    assert the_last_job(installation) == "force_rebuild failed store_unavailable"


def test_a_vendor_that_is_away_is_tried_again_later_and_an_unknown_name_is_refused(installation):
    endpoint = f"http://127.0.0.1:{free_port()}/metadata.json"
    installation.define("away", {"type": "external_download", "endpoint": endpoint})
    assert installation.manage("sync_packages", "away").returncode == 75
    assert installation.manage("sync_packages", "ghost").returncode == 2
    assert the_last_job(installation) == "sync_packages failed package_refused"


def test_a_broker_that_is_away_stops_no_command(installation, tmp_path):
    away = installation.with_settings(BROKER_URL=f"redis://127.0.0.1:{free_port()}/0")
    done = away.manage("upload_deb", build_deb(tmp_path, "tool", "1.0"))
    assert done.returncode == 0, done.stderr
    assert the_last_job(installation) == "publish done"


def test_a_file_that_is_no_package_and_one_that_nobody_defined_are_refused(installation, tmp_path):
    page = tmp_path / "page.deb"
    page.write_text("<html>")
    assert installation.manage("upload_deb", page).returncode == 2
    assert installation.manage("upload_deb", build_deb(tmp_path, "stranger", "1.0"), "--no-publish").returncode == 2


def test_a_folder_without_rights_is_a_failure(installation):
    assert installation.manage("publish").returncode == 0
    bucket = installation.home / "bucket"
    bucket.chmod(0)
    # As root a process minds no rights, unless it was made to.
    under = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
    try:
        assert installation.manage("force_rebuild", under=under).returncode == 1
    finally:
        bucket.chmod(0o755)
    assert the_last_job(installation) == "force_rebuild failed store_missing"


def test_every_suite_is_a_job_and_the_worst_decides_the_code(installation):
    path = installation.home / "config" / "repository.yaml"
    repository = yaml.safe_load(path.read_text())
    repository["suites"].append({**repository["suites"][0], "name": "testing", "codename": "testing"})
    path.write_text(yaml.safe_dump(repository, sort_keys=False))
    done = installation.manage("force_rebuild")
    assert done.returncode == 0, done.stderr
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == [
        "force rebuild stable", "force rebuild testing",
    ]  # fmt: skip
    assert installation.manage("force_rebuild", "stable", "nowhere").returncode == 2


def _key(tmp_path):
    path = tmp_path / "key.asc"
    path.write_text(generate_key("Test archive"))
    return str(path)
