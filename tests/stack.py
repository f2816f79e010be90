"""A repository of a test's own: settings that point into a temporary folder, and definitions written for the test."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings as live_settings
from django.test import override_settings

from packages_app.core.locations import DynamoTable, FolderStore, S3Store, SqliteTable, StoreLocation, TableLocation
from packages_app.core.ports import ObjectStore, PackageTable
from packages_app.core.private_upstreams import parse_private_upstreams
from packages_app.core.record import PackageRecord
from packages_app.models import Job
from packages_app.services import adapters, job_services
from packages_app.services.jobs import queue
from packages_app.signing.openpgp import generate_key

LOOPBACK = parse_private_upstreams("PRIVATE_UPSTREAMS", ["127.0.0.1"])  # where the tests' vendors are
REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Stack:
    """What a test holds of its repository."""

    home: Path
    config: Path

    @property
    def table(self) -> PackageTable:
        return adapters.package_table()

    @property
    def bucket(self) -> ObjectStore:
        return adapters.bucket()

    @property
    def staging(self) -> ObjectStore:
        return adapters.staging()

    def define(self, name: str, source: dict[str, Any], **fields: Any) -> Path:
        """Write a definition; fields not given have sound values."""
        return write_definition(self.config, name, source, **fields)

    def define_uploads(self, name: str, **fields: Any) -> Path:
        """Write the definition of a package that takes uploads."""
        return self.define(name, {"type": "build_script", "staging_prefix": name}, **fields)

    def configure(self, **fields: Any) -> None:
        """Change fields of repository.yaml; `suites` is a list of mappings, each added to the first suite's values."""
        path = self.config / "repository.yaml"
        repository = yaml.safe_load(path.read_text())
        first = repository["suites"][0]
        if "suites" in fields:
            fields["suites"] = [{**first, **suite} for suite in fields["suites"]]
        path.write_text(yaml.safe_dump({**repository, **fields}, sort_keys=False))

    def run_jobs(self, *, once: bool = False) -> list[Job]:
        """Run every waiting job, and those that they ask for, oldest first; gives them as they ended.

        With `once` a job that goes back to the queue is left there.
        """
        done: list[Job] = []
        while job := self._waiting(done if once else []):
            done.append(queue.run(job.pk, job_services.do_work))
        return done

    def _waiting(self, but: list[Job]) -> Job | None:
        waiting = Job.objects.filter(state=Job.State.QUEUED).exclude(pk__in=[job.pk for job in but])
        return waiting.order_by("created").first()

    def records(self) -> list[PackageRecord]:
        return sorted(self.table.all_records(), key=lambda record: record.key)

    def dists(self) -> dict[str, bytes]:
        """Every object below dists/ by its key."""
        return {key: self.bucket.read(key) for key, _ in self.bucket.keys("dists/")}


def write_definition(config: Path, name: str, source: dict[str, Any], **fields: Any) -> Path:
    """Write a definition into a folder `config`; fields not given have sound values."""
    definition = {
        "name": name,
        "description": f"The package {name}",
        "maintainer": "Maintainer <maintainer@example.org>",
        "homepage": "https://example.org",
        "section": "misc",
        "priority": "optional",
        "architecture": "amd64",
        **fields,
        "source": source,
    }
    path = config / "packages" / f"{name}.yaml"
    path.write_text(yaml.safe_dump(definition, sort_keys=False))
    return path


def point_settings_at(
    settings: Any,
    home: Path,
    *,
    table: TableLocation | None = None,
    bucket: StoreLocation | None = None,
    staging: StoreLocation | None = None,
) -> Stack:
    """Point Django's settings into a folder (or at the given stores) and make config, table and stores there.

    What is there already, in the copy of another home, stays.
    """
    stack = _name(settings, home, table, bucket, staging)
    for port in (adapters.package_table(), adapters.bucket(), adapters.staging()):
        port.create()
    if settings.EMBEDDED_BUCKET:
        adapters.signer()  # as a first start makes it, before anything is in the pool
    return stack


def _name(
    settings: Any, home: Path, table: TableLocation | None, bucket: StoreLocation | None, staging: StoreLocation | None
) -> Stack:
    """Let Django's settings name what is in a folder, or the given stores; make the definitions' folder alone."""
    config = home / "config"
    if not config.exists():
        shutil.copytree(REPOSITORY / "config", config)
        for definition in (config / "packages").glob("*.yaml"):
            if definition.name != "kiro-repo.yaml":
                definition.unlink()
    settings.HOME = home
    settings.CONFIG_DIR = config
    settings.PACKAGE_TABLE = table or SqliteTable(home / "package_table.sqlite3")
    settings.BUCKET = bucket or FolderStore(home / "bucket")
    settings.STAGING = staging or FolderStore(home / "staging")
    settings.EMBEDDED_BUCKET = isinstance(settings.BUCKET, FolderStore)
    settings.SIGNING_KEY = ""
    settings.GITHUB_TOKEN = ""
    settings.SOURCE_TOKENS = {}
    settings.PRIVATE_UPSTREAMS = LOOPBACK
    settings.APT_CHECK = "off"  # tests of their own switch it on
    settings.SIGNING_KEY_FILE = home / "signing-key.asc"
    settings.PUBLIC_URL = "https://apt.example.org"
    return Stack(home, config)


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in the embedded column as a first start leaves it, made once a process."""
    home = tmp_path_factory.mktemp("empty") / "home"
    with override_settings():
        point_settings_at(live_settings, home)
    return home


def point_settings_at_copy(settings: Any, source: Path, home: Path) -> Stack:
    """Copy a home that was made, its key too, and point Django's settings there."""
    shutil.copytree(source, home, dirs_exist_ok=True)
    return _name(settings, home, None, None, None)


@pytest.fixture
def embedded(tmp_path: Path, settings: Any, db: None, empty_home: Path) -> Stack:
    """A repository in the embedded column, with the kiro-repo definition only."""
    assert live_settings.EMBEDDED_BUCKET
    return point_settings_at_copy(settings, empty_home, tmp_path)


@pytest.fixture
def distributed(tmp_path: Path, settings: Any, db: None, moto: str) -> Stack:
    """A repository in the distributed column, on DynamoDB and S3 as moto plays them."""
    name, region = f"d{uuid.uuid4().hex}", "eu-central-1"
    bucket, staging = (S3Store(name, part, region, moto, "") for part in ("apt", "staging"))
    table = DynamoTable(name, region, moto)
    stack = point_settings_at(settings, tmp_path, table=table, bucket=bucket, staging=staging)
    settings.SIGNING_KEY = generate_key("Test archive")
    return stack
