"""A published repository to verify: a bootstrap package, packages of a vendor, all of them to be had there again."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as live_settings
from django.db import transaction
from django.db.models import Model
from django.test import override_settings

from packages_app.core.ports import Silent
from packages_app.models import Job, Package
from packages_app.services import adapters
from packages_app.services.intake.sync import sync_packages
from packages_app.services.mirror.packages import reconcile_mirror
from packages_app.services.verification.verify import verify_repository
from packages_app.stores.local_files import etag_of
from packages_app.verification.finding import PoolScope, Verification
from tests.bootstraps import bootstrap_files
from tests.debs import build_deb
from tests.feeds import Feed
from tests.reader import read_everything
from tests.served import ServedBucket
from tests.stack import Stack, point_settings_at

COPY = "setup.deb"
TWO_DAYS = 2 * 24 * 3600


@dataclass
class Repository:
    """A repository in place, its vendor, and the server that clients read it from."""

    stack: Stack
    feed: Feed
    server: ServedBucket

    @property
    def folder(self) -> Path:
        """The embedded bucket's folder."""
        return live_settings.BUCKET.path

    def path(self, key: str) -> Path:
        return self.folder / key

    def objects(self) -> dict[str, bytes]:
        """Every object's bytes by its key."""
        return {key: self.path(key).read_bytes() for key, _ in self.stack.bucket.keys("")}

    def corrupt(self, key: str, body: bytes | None = None) -> None:
        """Put other bytes at a key, as no writer of ours does: another file, or the same file's bytes turned round."""
        path = self.path(key)
        body = path.read_bytes()[::-1] if body is None else body
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)

    def age(self, key: str, seconds: float = TWO_DAYS) -> None:
        """Let an object be two days old, or so many seconds."""
        then = time.time() - seconds
        os.utime(self.path(key), (then, then))

    def verify(self, *suites: str, pool: PoolScope = PoolScope.ALL, **options: Any) -> Verification:
        return verify_repository(suites, Silent(), pool=pool, **options)

    def clients_see(self) -> set[tuple[str, str, str]]:
        """Read everything as a client does, hashes checked."""
        return read_everything(self.stack.bucket, adapters.signer().public_keyring())


def found(verification: Verification) -> set[tuple[str, str]]:
    """Give what a verification found, as (code, where)."""
    return {(finding.code, finding.where) for finding in verification.findings}


def fill(stack: Stack, feed: Feed, folder: Path) -> None:
    """Take in a vendor's packages and publish them."""
    for definition in (stack.config / "packages").glob("*.yaml"):
        definition.unlink()
    for name, versions, architecture in (
        ("setup", ("1.0", "1.1"), "all"),
        ("tool", ("1.0+b~1", "2:1.1"), "amd64"),
        ("other", ("3.0",), "arm64"),
    ):
        feed.releases.clear()
        for version in versions:
            files = bootstrap_files(name) if name == "setup" else None
            feed.publish(build_deb(folder / name, name, version, architecture, files=files), version)
        feed.files[f"/{name}.json"] = feed.files.pop("/metadata.json")
        bootstrap = {"bootstrap": {"copy": COPY}} if name == "setup" else {}
        source = {"type": "external_download", "endpoint": f"{feed.url}/{name}.json", "signature_policy": "off"}
        source["additional_files"] = {"certificate": "certificate.pem", "signature": "signature.bin"}
        stack.define(name, source, architecture=architecture, **bootstrap)
    sync_packages([], Silent())
    stack.run_jobs()
    reconcile_mirror(Silent())
    assert Package.objects.count() == 5
    Job.objects.all().delete()


@dataclass(frozen=True)
class Template:
    """A repository as `fill` leaves it: made once a process, and copied for each test.

    Its addresses stand in definitions, records and pages, so vendor and server are the same for all tests.
    """

    home: Path
    rows: list[Model]
    feed: Feed
    offered: dict[str, bytes]
    server: ServedBucket


@pytest.fixture(scope="session")
def template(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any
) -> Iterator[Template]:
    """Make the repository that `standing` copies; its rows are read, and none stays in the database."""
    folder = tmp_path_factory.mktemp("template")
    with Feed() as feed, ServedBucket(adapters.bucket()) as server:

        def serve(stack: Stack) -> None:
            live_settings.PUBLIC_URL, server.store = server.url, stack.bucket
            stack.configure(suites=[{"architectures": ["amd64", "arm64"]}])
            fill(stack, feed, folder / "debs")

        home, rows = made_once(django_db_blocker, folder, serve)
        yield Template(home, rows, feed, dict(feed.files), server)


@pytest.fixture
def standing(tmp_path: Path, settings: Any, db: None, template: Template) -> Repository:
    """A published repository in the embedded column, served over HTTP."""
    stack = copy_of(template.home, template.rows, tmp_path / "home", settings)
    feed, server = template.feed, template.server
    feed.files, feed.faults, feed.requests = dict(template.offered), {}, []
    server.store, server.instead, server.asked = stack.bucket, {}, []
    server.start_again()
    settings.PUBLIC_URL = server.url
    return Repository(stack, feed, server)


@pytest.fixture
def served(embedded: Stack, settings: Any) -> Iterator[None]:
    """Serve the repository of `embedded` where clients look for it; a verification asks thrice where nobody answers."""
    with ServedBucket(embedded.bucket) as server:
        settings.PUBLIC_URL = server.url
        yield


def made_once(blocker: Any, folder: Path, fill: Callable[[Stack], None]) -> tuple[Path, list[Model]]:
    """Fill a repository below a folder; give its home and its rows, of which none stays in the database."""
    with blocker.unblock(), override_settings(), transaction.atomic():
        fill(point_settings_at(live_settings, folder / "home"))
        rows = [row for model in apps.get_app_config("packages_app").get_models() for row in model.objects.all()]
        transaction.set_rollback(True)
    return folder / "home", rows


def copy_of(source: Path, rows: list[Model], home: Path, settings: Any) -> Stack:
    """Set up at `home` what was made once at `source`: its files, and the rows that its mirror and jobs had."""
    copy_home(source, home)
    stack = point_settings_at(settings, home)
    for model, its_rows in groupby(rows, type):
        model.objects.bulk_create(its_rows)
    return stack


def copy_home(source: Path, target: Path) -> None:
    """Copy a home: links stay links, times stay, and metadata follow their objects to new ETags."""
    subprocess.run(["cp", "--archive", source, target], check=True)
    paths = [path.relative_to(source) for path in source.rglob("*") if path.is_file()]
    etags = {etag_of((source / path).stat()): etag_of((target / path).stat()) for path in paths}
    for file in target.glob("*/.repomgr/metadata/*.json"):
        kept = json.loads(file.read_bytes())
        file.write_text(json.dumps({etags[etag]: metadata for etag, metadata in kept.items() if etag in etags}))
