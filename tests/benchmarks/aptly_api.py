"""aptly's REST API: a file is sent, added and published, each by a request, as its documentation has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from repomgr.servers.process import free_port, listens, process, wait_until
from tests.benchmarks.peers import Aptly
from tests.benchmarks.tiny_debs import TinyDeb


@dataclass(frozen=True)
class AptlyApi:
    """aptly that serves its API as process `pid`."""

    aptly: Aptly
    http: httpx.Client
    pid: int

    def send(self, deb: TinyDeb) -> None:
        """Send a file, which waits in a folder of its own until it is added."""
        with deb.path.open("rb") as body:
            self.http.post(f"/api/files/{deb.name}", files={"file": (deb.path.name, body)}).raise_for_status()

    def publish_one(self, deb: TinyDeb) -> None:
        """Send a file, add it, and publish; each request is answered once that is done."""
        self.send(deb)
        self.http.post(f"/api/repos/{self.aptly.repository}/file/{deb.name}").raise_for_status()
        signing = {"Batch": True, "GpgKey": self.aptly.fingerprint}
        said = {"Signing": signing, "SkipContents": True}
        self.http.put("/api/publish/:./stable", json=said).raise_for_status()
        self.aptly.more.append(deb)


@contextmanager
def aptly_api(aptly: Aptly, log: Path) -> Iterator[AptlyApi]:
    """Serve the API of a repository for the block."""
    port = free_port()
    command = aptly.command("api", "serve", f"-listen=127.0.0.1:{port}")
    with (
        log.open("w") as said,
        process(*command, env=aptly.environment, stdout=said, stderr=said) as served,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=600) as http,
    ):
        wait_until(lambda: listens(port), "aptly's API", 60)
        yield AptlyApi(aptly, http, served.pid)
