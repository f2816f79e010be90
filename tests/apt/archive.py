"""A small repository behind a web server whose every answer can be looked at and corrupted, and a client of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from packages_app.core.errors import ObjectNotFound
from packages_app.core.ports import ObjectStore
from packages_app.services import adapters
from packages_app.services.intake.uploads import stage_upload
from tests.apt.client import AptClient
from tests.debs import build_deb
from tests.loopback import LoopbackServer, QuietHandler
from tests.stack import Stack

IN_RELEASE = "dists/stable/InRelease"
INDEXES = "dists/stable/main/binary-amd64/"


class BucketServer(LoopbackServer):
    """Gives a bucket's objects; `stale` are those that a cache in front of it still has, `asked` the keys asked for."""

    def __init__(self, bucket: ObjectStore) -> None:
        self.asked: list[str] = []
        self.stale: dict[str, bytes] = {}
        server = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                key = server.key_of(self.path)
                server.asked.append(key)
                try:
                    status, body = 200, server.stale.get(key) or bucket.read(key)
                except ObjectNotFound:
                    status, body = 404, b""
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        super().__init__(Handler)

    def key_of(self, path: str) -> str:
        """Give the key of the object that an address is answered by."""
        return unquote(path).lstrip("/")


@dataclass(frozen=True)
class Archive:
    """The repository of a test, with a client that has seen version 1.0 of its package `tool`."""

    stack: Stack
    server: BucketServer
    client: AptClient
    folder: Path

    @property
    def release(self) -> bytes:
        """The published Release, as it is before it is signed."""
        return self.stack.bucket.read("dists/stable/Release")

    @property
    def in_release(self) -> bytes:
        """The published InRelease."""
        return self.stack.bucket.read(IN_RELEASE)

    def publish(self, version: str) -> None:
        """Upload a version of `tool` and publish it."""
        deb = build_deb(self.folder, "tool", version)
        stage_upload(deb, deb.name, wake_worker=False)
        done = self.stack.run_jobs()
        assert {job.state for job in done} == {"done"}, [job.error for job in done]

    def is_refused(self, in_release: bytes) -> str:
        """Show this InRelease to the client, which must refuse it and keep what it knew; gives what it said."""
        good = self.in_release
        self.stack.bucket.put(IN_RELEASE, in_release)
        said = self.client.refused()
        assert self.client.candidate("tool") == "1.0"
        self.stack.bucket.put(IN_RELEASE, good)
        return said


def keyring_of(client: AptClient) -> Path:
    """Give the file of the keys that a client trusts."""
    return client.root / "archive.gpg"


def new_client(root: Path, server: BucketServer) -> AptClient:
    """Give a client that has the archive's key and source, and has read nothing yet."""
    client = AptClient(root)
    keyring_of(client).write_bytes(adapters.signer().public_keyring())
    line = f"deb [signed-by={keyring_of(client)}] {server.url} stable main\n"
    (client.root / "etc/apt/sources.list.d/archive.list").write_text(line)
    return client


def make_archive(stack: Stack, server: BucketServer, folder: Path) -> Archive:
    """Publish `tool` 1.0, and let a client see it."""
    archive = Archive(stack, server, new_client(folder / "client", server), folder)
    stack.define_uploads("tool")
    archive.publish("1.0")
    archive.client.update()
    assert archive.client.candidate("tool") == "1.0"
    return archive
