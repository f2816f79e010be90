"""`build_kiro_repo`: the version, the environment, how far it goes, and what each failure leaves (R5, R8, R13)."""

import os
import uuid
from functools import partial
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from packages_app.core.locations import DynamoTable, S3Store
from packages_app.debian.deb_file import open_deb
from packages_app.models import Job
from packages_app.package_table.open_table import open_table
from packages_app.services import adapters
from packages_app.signing.openpgp import OpenPgpSigner, generate_key
from packages_app.stores.open_store import open_store
from tests.commands.calling import call
from tests.commands.calling import refused as refused_command
from tests.commands.test_terraform_state import OUTPUTS, state_of
from tests.reader import read_everything

build = partial(call, "build_kiro_repo")
refused = partial(refused_command, "build_kiro_repo")


def published(stack):
    return {key[:2] for key in read_everything(stack.bucket, adapters.signer().public_keyring())}


def test_a_build_is_taken_in_and_published_step_by_step(embedded, capfd):
    said = build("--version", "1.4.0")
    assert "publish stable: done" in said
    steps = capfd.readouterr().err
    for step in ("build", "check", "checksums", "upload to staging", "store in pool", "record", "switch InRelease"):
        assert f"\n{step}" in steps
    assert "\n  read environment: done\n" in steps
    assert "\n  build: done\n" in steps
    assert published(embedded) == {("kiro-repo", "1.4.0")}
    pool = embedded.bucket.read("pool/main/k/kiro-repo/kiro-repo_1.4.0_all.deb")
    assert embedded.bucket.read("kiro-repo.deb") == pool
    assert list(embedded.staging.keys("kiro-repo/")) == []


def test_versions_are_incremented_from_the_newest(embedded):
    build("--increment", "patch")
    for part, expected in (("patch", "1.0.1"), ("minor", "1.1.0"), ("minor", "1.2.0"), ("major", "2.0.0")):
        build("--increment", part)
        assert embedded.table.newest_of("kiro-repo").version == expected
    build("--version", "2.0.0+local1")
    said = refused("--increment", "patch")
    assert said.returncode == 2
    assert "2.0.0+local1" in said


def test_a_dry_run_builds_and_checks_and_changes_nothing(embedded):
    build("--version", "1.0.0")
    before = embedded.records(), list(embedded.bucket.keys("")), list(embedded.staging.keys("")), Job.objects.count()
    assert "Version: 1.1.0" in build("--version", "1.1.0", "--dry-run")
    assert "Version: 1.0.0" in build("--version", "1.0.0", "--dry-run")
    said = refused("--version", "1.0.0", "--dry-run", "--repository-url", "https://other.example.org")
    assert (said.code, said.returncode) == ("version_conflict", 2)
    after = embedded.records(), list(embedded.bucket.keys("")), list(embedded.staging.keys("")), Job.objects.count()
    assert after == before


def test_output_builds_only_and_the_same_bytes_each_time(embedded, tmp_path):
    paths = [Path(build("--version", "3.0", "--output", tmp_path / name).strip()) for name in ("a", "b")]
    assert paths[0].name == "kiro-repo_3.0_all.deb"
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert embedded.records() == []
    (tmp_path / "file").touch()
    assert refused("--version", "3.0", "--output", tmp_path / "file" / "x").returncode == 1


def test_an_address_is_put_into_the_package(embedded, tmp_path):
    path = Path(build("--version", "1.0", "--repository-url", "https://new.example.org/", "--output", tmp_path).strip())
    assert "repository at https://new.example.org:" in open_deb(path).control["Description"]
    (tmp_path / "dev.tfstate").write_text(state_of(OUTPUTS))
    for_dev = build("--version", "1.1", "--env", "dev", "--terraform-dir", tmp_path, "--output", tmp_path)
    assert "repository at https://apt.example.org:" in open_deb(Path(for_dev.strip())).control["Description"]


def test_bad_input_is_named_and_changes_nothing(embedded, tmp_path):
    assert refused("--version", "not a version").returncode == 2
    assert refused("--version", "1.0", "--package", "ghost").returncode == 2
    said = refused("--version", "1.0", "--env", "dev", "--terraform-dir", tmp_path / "absent")
    assert (said.code, said.returncode) == ("bad_environment", 2)
    assert str(tmp_path / "absent") in said
    assert refused("--version", "1.0", "--env", "dev", "--repository-url", "https://x.example.org").returncode == 2
    with pytest.raises(CommandError, match="required"):
        build()
    assert embedded.records() == []


def test_a_failing_step_is_named(embedded, monkeypatch, tmp_path, capfd):
    monkeypatch.setenv("PATH", str(tmp_path))
    said = refused("--version", "1.0")
    assert (said.code, said.returncode) == ("build_failed", 1)
    assert "dpkg-deb" in said
    assert "  build: failed" in capfd.readouterr().err
    assert embedded.records() == []


def test_another_environment_than_that_of_the_settings_is_refused(embedded, monkeypatch, tmp_path):
    (tmp_path / "dev.tfstate").write_text(state_of(OUTPUTS))
    monkeypatch.setenv("BUCKET_URL", "s3://another")
    said = refused("--version", "1.0", "--env", "dev", "--terraform-dir", tmp_path)
    assert (said.code, said.returncode) == ("bad_environment", 2)
    assert all(name in said for name in ("dev", "packages-dev", "apt-dev"))


def test_a_build_for_an_environment_goes_into_its_table_and_bucket(embedded, monkeypatch, moto, tmp_path):
    name = f"e{uuid.uuid4().hex}"
    table = open_table(DynamoTable(name, "eu-central-1", moto))
    bucket = open_store(S3Store(name, "", "eu-central-1", moto, ""))
    table.create()
    bucket.create()
    outputs = {"s3_bucket_name": name, "dynamodb_table_name": name, "repo_url": "https://dev.example.org"}
    (tmp_path / "dev.tfstate").write_text(state_of({**outputs, "aws_region": "eu-central-1"}))
    environment = ("--env", "dev", "--terraform-dir", tmp_path)
    key = generate_key("Dev archive")
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    monkeypatch.setenv("PYTHONPATH", os.getcwd())
    assert refused("--version", "1.0.0", *environment).returncode == 1  # a shared bucket asks for a key that is set
    monkeypatch.setenv("SIGNING_KEY", key)
    build("--version", "1.0.0", *environment)
    build("--increment", "minor", *environment)
    assert {record.version for record in table.all_records()} == {"1.0.0", "1.1.0"}
    packages = read_everything(bucket, OpenPgpSigner(key).public_keyring())
    assert {version for _, version, _ in packages} == {"1.0.0", "1.1.0"}
    assert embedded.records() == []
    assert Job.objects.count() == 0
