"""Ours as people run it: web and workers as processes over a repository of the bench, to which machines push."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx

from repomgr.servers.process import free_port, process, wait_until
from tests.benchmarks.ours import REPOSITORY, OurRepository
from tests.benchmarks.processes import BenchFailed, plain_environment, run
from tests.benchmarks.tiny_debs import TinyDeb

_PROCESSES = ("web", "worker1", "publisher")
"""Without beat, whose jobs by the clock are none of a push."""
_WAIT_SECONDS = 120
_REQUEST_SECONDS = 600
_START_SECONDS = 120
_PACKAGE = "application/vnd.debian.binary-package"


@dataclass(frozen=True)
class Product:
    """A running product of ours: `http` shows `token`, which may push, `web` is the process that requests reach."""

    http: httpx.Client
    token: str
    web: int
    workers: tuple[int, ...]

    def push(self, deb: TinyDeb) -> dict[str, Any]:
        """Push a file as `curl -T` does, and wait until clients see it; gives what is answered."""
        with deb.path.open("rb") as body:
            length = {"Content-Length": str(deb.path.stat().st_size), "Content-Type": _PACKAGE}
            answer = self.http.put(f"/upload/-/-/{deb.path.name}?wait={_WAIT_SECONDS}", content=body, headers=length)
        return self._shown(answer)

    def push_form(self, deb: TinyDeb) -> dict[str, Any]:
        """Do as `push` by a form of the API."""
        with deb.path.open("rb") as body:
            files = {"file": (deb.path.name, body, _PACKAGE)}
            answer = self.http.post("/api/v1/uploads", params={"wait": _WAIT_SECONDS}, files=files)
        return self._shown(answer)

    def push_by_client(self, deb: TinyDeb) -> None:
        """Do as `push` by the command `repomgr`, which sends a large file in parts."""
        own = {"REPOMGR_SERVER": str(self.http.base_url), "REPOMGR_TOKEN": self.token}
        words = ["push", str(deb.path), "--wait", str(_REQUEST_SECONDS), "--json"]
        run([sys.executable, "-m", "repomgr_client", *words], plain_environment(**own), folder=REPOSITORY)

    def release(self) -> bytes:
        """Fetch the suite's Release as clients do."""
        return self.http.get("/repository/dists/stable/Release").raise_for_status().content

    def _shown(self, answer: httpx.Response) -> dict[str, Any]:
        said: dict[str, Any] = answer.json()
        while answer.is_success and said["standing"] in ("waiting", "taken in"):
            answer = self.http.get(f"/api/v1/uploads/{said['job']['id']}", params={"wait": _WAIT_SECONDS})
            said = answer.json()
        if not answer.is_success or said["standing"] != "shown":
            raise BenchFailed(f"A push was answered {answer.status_code}: {str(said)[:1000]}")
        return said


@contextmanager
def product(repository: OurRepository, **settings: str) -> Iterator[Product]:
    """Start the product over a repository for the block; settings are its defaults but for those that are given."""
    port = free_port()
    given = {"PORT": str(port), "APT_CHECK": "auto", "API_REQUESTS_A_MINUTE": "100000", **settings}
    served = replace(repository, settings={**repository.settings, **given})
    served.manage("first_start")
    made = served.manage("tokens", "make", "bench", "--owner", "admin", "--action", "read", "--action", "upload")
    token = made.output.split()[-1]
    shown = {"Authorization": f"Bearer {token}"}
    command = [sys.executable, "-m", "repomgr.processes"]
    with ExitStack() as running:
        log = running.enter_context((repository.home / "processes.log").open("w"))
        options = {"env": served.environment(), "cwd": REPOSITORY, "stdout": log, "stderr": log}
        web, *workers = (running.enter_context(process(*command, name, **options)).pid for name in _PROCESSES)
        http = running.enter_context(
            httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=shown, timeout=_REQUEST_SECONDS)
        )
        wait_until(lambda: _is_ready(http), "our product", _START_SECONDS)
        yield Product(http, token, web, tuple(workers))


def _is_ready(http: httpx.Client) -> bool:
    try:
        return http.get("/readyz").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
