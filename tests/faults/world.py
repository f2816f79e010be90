"""A repository that a test makes again and again, in either column, and what readers see of it."""

from __future__ import annotations

import hashlib
import shutil
import time
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import boto3
from django.conf import settings as live_settings
from django.db import connection
from django.db.models import F

from packages_app.core.checksums import checksums_of_file
from packages_app.core.errors import RepomgrError
from packages_app.core.locations import DynamoTable, FolderStore, S3Store, SqliteTable, TableLocation
from packages_app.core.ports import ObjectStore, PackageTable, Silent
from packages_app.debian.stanza import parse_stanzas
from packages_app.models import ClearedCaution, HeldCandidate, Job, Notice, Package, Publication
from packages_app.package_table.dynamo_table import DynamoPackageTable
from packages_app.package_table.sqlite_table import SqlitePackageTable
from packages_app.services import adapters
from packages_app.services.adapters import Ports
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.mirror.packages import reconcile_mirror
from packages_app.services.publication.publish import publish
from packages_app.stores.immutable import put_immutable
from packages_app.stores.open_store import open_store
from repomgr.servers.process import end_with_parent
from tests.apt.client import AptClient
from tests.bootstraps import bootstrap_files
from tests.debs import build_deb
from tests.faults.moment import Moment, bring_back, moment_of
from tests.reader import read_everything, read_release
from tests.records import make_record
from tests.stack import Stack

REGION = "eu-central-1"
OLD, NEW, OTHER = ("tool", "1.0"), ("tool", "1.1"), ("tool", "2.0")
AN_HOUR = 3600
TABLE_KEY = ("package_id", "architecture")
FEW = 2
"""Partitions of a list of keys: each is asked at every publication, and one by one where there is one server."""
A_BATCH = 25
"""Items of one BatchWriteItem at most (DynamoDB API reference)."""


def an_hour_ahead() -> float:
    """The clock of a host for which this one's leases are over."""
    return time.time() + AN_HOUR


def nothing_more() -> None:
    """Do nothing to a world that is as it was kept."""


@dataclass(frozen=True)
class Connections:
    """A table and stores of moto that worlds use one after the other, and what reaches them, which is dear to make."""

    name: str = field(default_factory=lambda: f"world-{uuid.uuid4().hex}")
    opened: dict[object, Ports] = field(default_factory=dict)
    clients: dict[str, Any] = field(default_factory=dict)


@dataclass
class World:
    """A repository that can be made again, as it was after its first publication."""

    stack: Stack
    home: Path
    moto: str = ""
    connections: Connections = field(default_factory=Connections)
    items: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)
    prepared: tuple[Callable[[], object], Moment] | None = None
    read: dict[str, bytes] = field(default_factory=dict)

    def ports(self, clock: Callable[[], float] = time.time) -> Ports:
        """Give ports that go past all faults."""
        table = live_settings.PACKAGE_TABLE
        key = (clock, table, live_settings.BUCKET)
        opened = self.connections.opened
        if key not in opened:
            stores = (open_store(live_settings.BUCKET), open_store(live_settings.STAGING))
            opened[key] = Ports(self._table(table, clock), *stores)
        return opened[key]

    @staticmethod
    def _table(location: TableLocation, clock: Callable[[], float]) -> PackageTable:
        if isinstance(location, SqliteTable):
            return SqlitePackageTable(location.path, clock=clock)
        return DynamoPackageTable(location, clock=clock, slots=FEW)

    def part_from_parent(self) -> None:
        """Let a forked process close the connections that it shares with its parent; it opens others by itself.

        And let it end with its parent, stopped or not.
        """
        end_with_parent()
        if connection.vendor == "postgresql":
            connection.connection = None  # not closed: the server would end the parent's
        for ports in self.connections.opened.values():
            if not isinstance(ports.table, DynamoPackageTable):
                continue
            for client in (ports.bucket._client, ports.staging._client, connection_of(ports.table)):
                client.close()

    def remember(self) -> None:
        """Keep the present state."""
        ports = self.ports()
        self.objects = {
            key: (ports.bucket.read(key), ports.bucket.head(key).metadata) for key, _ in ports.bucket.keys("")
        }
        self.generations = {key: ports.staging.read(key) for key, _ in ports.staging.keys("releases/")}
        self.publications = list(Publication.objects.values_list("pk", flat=True))
        self.records, self.items, self.prepared = list(ports.table.all_records()), {}, None

    def again(self, settings, prepare: Callable[[], object] = nothing_more) -> None:
        """Bring the kept state back, and do to it what shall be done before; in folders both are done once, and copied.

        What is done before is known again by its identity.
        """
        if self.moto:
            self._make(self._clear(settings))
            prepare()
            return
        place = self._go_elsewhere(settings)
        if self.prepared is not None and self.prepared[0] is prepare:
            bring_back(self.prepared[1], place)
            return
        self._create()
        self._make(set())
        prepare()
        self.prepared = prepare, moment_of(place, self.home / "moment")

    def _make(self, there: set[str]) -> None:
        """Put the kept objects that are not there yet, and bring the rows back."""
        bucket = self.ports().bucket
        for key, body in self.generations.items():
            self.ports().staging.put(key, body)
        for key, (body, metadata) in self.objects.items():
            if key not in there:
                bucket.put(key, body, metadata=metadata)
        Job.objects.all().delete()
        Publication.objects.exclude(pk__in=self.publications).delete()
        HeldCandidate.objects.all().delete()
        ClearedCaution.objects.all().delete()
        Notice.objects.all().delete()
        Package.objects.exclude(version=OLD[1]).delete()

    def _go_elsewhere(self, settings) -> Path:
        """Let the settings name a place where nothing is yet; return it."""
        shutil.rmtree(self.home / "place", ignore_errors=True)
        place = self.home / "place" / uuid.uuid4().hex
        settings.PACKAGE_TABLE = SqliteTable(place / "table.sqlite3")
        settings.BUCKET = FolderStore(place / "bucket")
        settings.STAGING = FolderStore(place / "staging")
        return place

    def _create(self) -> None:
        ports = self.ports()
        for port in (ports.table, ports.bucket, ports.staging):
            port.create()
        ports.table.put_many_new(self.records)

    def _clear(self, settings) -> set[str]:
        """Bring table and stores back to what they held when they were made; return the kept objects that are there.

        Connections are dear, so they stay, and so do objects whose ETag, their MD5 sum, says that they are the same.
        """
        name, clients = self.connections.name, self.connections.clients
        settings.PACKAGE_TABLE = DynamoTable(name, REGION, self.moto)
        settings.BUCKET = S3Store(name, "apt", REGION, self.moto, "public-read")
        settings.STAGING = S3Store(name, "staging", REGION, self.moto, "")
        if not clients:
            options = {"region_name": REGION, "endpoint_url": self.moto}
            clients.update({service: boto3.client(service, **options) for service in ("s3", "dynamodb")})
        if not self.items:
            self._create()
            self._write([{"DeleteRequest": {"Key": _key(item)}} for item in self._items().values()])
            self._create()
            self.items = self._items()
        kept = {f"apt/{key}": f'"{hashlib.md5(body).hexdigest()}"' for key, (body, _) in self.objects.items()}
        listed = self._listed()
        there = {key for key, etag in listed.items() if kept.get(key) == etag}
        if gone := [{"Key": key} for key in listed.keys() - there]:
            clients["s3"].delete_objects(Bucket=name, Delete={"Objects": gone})
        found = self._items()
        changes = [{"DeleteRequest": {"Key": _key(found[key])}} for key in found.keys() - self.items.keys()]
        self._write(
            changes + [{"PutRequest": {"Item": item}} for key, item in self.items.items() if found.get(key) != item]
        )
        return {key.removeprefix("apt/") for key in there}

    def _write(self, changes: list[dict[str, Any]]) -> None:
        for some in (changes[at : at + A_BATCH] for at in range(0, len(changes), A_BATCH)):
            name, client = self.connections.name, self.connections.clients["dynamodb"]
            done = client.batch_write_item(RequestItems={name: some})
            assert done["UnprocessedItems"] == {}

    def _items(self) -> dict[tuple[str, ...], dict[str, Any]]:
        items = self.connections.clients["dynamodb"].scan(TableName=self.connections.name)["Items"]
        return {tuple(item[part]["S"] for part in TABLE_KEY): item for item in items}

    def _listed(self) -> dict[str, str]:
        """Return the ETags of all objects by their keys in S3."""
        found = self.connections.clients["s3"].list_objects_v2(Bucket=self.connections.name)
        return {entry["Key"]: entry["ETag"] for entry in found.get("Contents", [])}

    def client_reads(self) -> ObjectStore:
        """Return the bucket as it stands, for one reading of everything.

        From S3 each content is fetched once, however many objects have it at whatever time: by the ETag in its listing.
        """
        bucket = self.ports().bucket
        return cast("ObjectStore", ReadOnce(bucket, self._listed(), self.read)) if self.moto else bucket

    @property
    def url(self) -> str:
        bucket = live_settings.BUCKET
        return f"{self.moto}/{bucket.bucket}/apt" if self.moto else f"file:{bucket.path}"


class ReadOnce:
    """A bucket of S3 that is read: of the objects with one ETag, the MD5 sum of their bytes, one is fetched."""

    def __init__(self, bucket: ObjectStore, listed: dict[str, str], known: dict[str, bytes]) -> None:
        self._bucket, self._listed, self._known = bucket, listed, known

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bucket, name)

    def read(self, key: str) -> bytes:
        """Return an object's bytes; what was not listed is asked for, which says how it is missing."""
        etag = self._listed.get(f"apt/{key}")
        if etag is None:
            return self._bucket.read(key)
        if etag not in self._known:
            self._known[etag] = self._bucket.read(key)
        return self._known[etag]


def _key(item: dict[str, Any]) -> dict[str, Any]:
    return {part: item[part] for part in TABLE_KEY}


def connection_of(table: DynamoPackageTable) -> Any:
    return table._items.client


def stage(deb: Path) -> bool:
    """Upload a package; gives whether the uploader was told that it arrived."""
    try:
        stage_upload(deb, deb.name, wake_worker=False)
    except RepomgrError:
        return False
    return True


def overtake(world: World) -> None:
    """Publish another package, as a second host does when this one's lease is over."""
    ports = world.ports(an_hour_ahead)
    deb = build_tool(world.home / "other", *OTHER)
    sums = checksums_of_file(deb)
    record = make_record(*OTHER, package_type="build_script", file_size=sums.size, md5_hash=sums.md5,
                         sha1_hash=sums.sha1, sha256_hash=sums.sha256, sha512_hash=sums.sha512)  # fmt: skip
    with adapters.given(ports):
        put_immutable(ports.bucket, record.pool_path, deb, sums)
        ports.table.put_new(record)
        publish("stable", Silent())


def seen(world: World, *, settled: bool = True) -> set[tuple[str, str]]:
    """Read everything as a client does, hashes checked; when `settled`, by canonical names too."""
    keyring = adapters.signer().public_keyring()
    return {key[:2] for key in read_everything(world.client_reads(), keyring, settled=settled)}


def canonical_names_fit(world: World) -> None:
    """Every index under its canonical name is the one that Release lists."""
    bucket = world.ports().bucket
    for entry in read_release(bucket, adapters.signer().public_keyring())["SHA256"]:
        info = bucket.head(f"dists/stable/{entry['name']}")
        assert info is not None
        assert info.metadata["sha256"] == entry["sha256"], entry["name"]


class Apt:
    """A client that comes for the first time, whenever it looks."""

    def __init__(self, client: AptClient, keyring: bytes) -> None:
        self.client = client
        self.known: dict[bytes, set[tuple[str, str]]] = {}
        (client.root / "key.gpg").write_bytes(keyring)

    def sees(self, world: World) -> set[tuple[str, str]]:
        """Let apt update, and return the packages of the indexes that it has then.

        An InRelease names the bytes of all that apt reads, so the one that it has read already is not read again;
        whether those bytes are there, `seen` looks each time.
        """
        inrelease = world.ports().bucket.read("dists/stable/InRelease")
        if inrelease not in self.known:
            self.known[inrelease] = self._read(world)
        return self.known[inrelease]

    def _read(self, world: World) -> set[tuple[str, str]]:
        root = self.client.root
        line = f"deb [signed-by={root}/key.gpg] {world.url} stable main\n"
        (root / "etc/apt/sources.list.d/tool.list").write_text(line)
        lists = root / "var/lib/apt/lists"
        shutil.rmtree(lists)
        (lists / "partial").mkdir(parents=True)
        self.client.update()
        stanzas = (stanza for index in lists.glob("*_Packages") for stanza in parse_stanzas(index.read_bytes()))
        return {(stanza["Package"], stanza["Version"]) for stanza in stanzas}


def build_tool(folder: Path, name: str, version: str) -> Path:
    """Build a version of the package, which sets clients up; return its path."""
    return build_deb(folder, name, version, files=bootstrap_files(name))


def settle(world: World, *, failed: Collection[str] = ()) -> None:
    """What workers and the clock do next, when leases of the dead are over: their jobs, waiting ones, the mirror.

    All jobs are done then, but for those that ended with an error of these codes.
    """
    Job.objects.filter(state=Job.State.RUNNING).update(state=Job.State.QUEUED, tries=F("tries") + 1)
    with adapters.given(world.ports(an_hour_ahead)):
        world.stack.run_jobs()
        reconcile_mirror(Silent())
        world.stack.run_jobs()
    others = Job.objects.exclude(state=Job.State.DONE).exclude(error_code__in=failed)
    left = list(others.values("kind", "state", "error"))
    assert left == [], left
