"""What is looked at during a soak: what clients are offered and when, and how processes, rows and messages grow."""

from __future__ import annotations

import gzip
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import redis
from django.db import DatabaseError

from packages_app.core.layout import by_hash_path
from packages_app.indexes.release import parse_release
from packages_app.models import Conflict, DefinitionStatus, HeldCandidate, Job, Notice, Package, Publication
from packages_app.signing.openpgp import verified_text
from repomgr.servers.process import wait_until

QUEUES = ("publish", "intake", "slow", "sweep")
_MODELS = (Conflict, DefinitionStatus, HeldCandidate, Job, Notice, Package, Publication)
_INDEX = "main/binary-amd64/Packages.gz"
_ENDS = ("job_done", "job_went_on_elsewhere")
"""What a worker says when it has done a job's work; the second, that the job was another's by then."""
_PAGE_BYTES = os.sysconf("SC_PAGESIZE")


class Published:
    """What `InRelease` of a suite names, as a client finds it: each version with the moment when it was first seen."""

    def __init__(self, address: str, suite: str, keyring: bytes) -> None:
        self._client = httpx.Client(base_url=address + "/", timeout=30)
        self._suite, self._keyring = suite, keyring
        self.seen: dict[tuple[str, str], float] = {}
        self.dates: list[float] = []
        self._text = b""

    def __call__(self) -> None:
        text = self._get(f"dists/{self._suite}/InRelease")
        if text == self._text:
            return
        plain = verified_text(text, self._keyring)
        assert plain is not None, "InRelease has no good signature"
        release = parse_release(plain)
        entry = release.entries[_INDEX]
        stanzas = gzip.decompress(self._get(by_hash_path(self._suite, _INDEX, entry.sha256))).decode().split("\n\n")
        now = time.monotonic()
        names = [dict(line.split(": ", 1) for line in each.splitlines() if ": " in line) for each in stanzas]
        found = {(each["Package"], each["Version"]) for each in names if "Package" in each}
        assert found >= self.seen.keys(), f"gone from the index: {sorted(self.seen.keys() - found)}"
        for key in found - self.seen.keys():
            self.seen[key] = now
        self.dates.append(now)
        self._text = text

    def _get(self, path: str) -> bytes:
        answer = self._client.get(path)
        assert answer.status_code == httpx.codes.OK, f"{path}: {answer.status_code}"
        return answer.content


class Health:
    """Asks the web process whether it is well; `slowest` is the longest answer, in seconds."""

    def __init__(self, address: str) -> None:
        self._client = httpx.Client(base_url=address, timeout=60)
        self.slowest, self.asked = 0.0, 0

    def __call__(self) -> None:
        began = time.monotonic()
        assert self._client.get("/healthz").status_code == httpx.codes.OK
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.asked += 1


@dataclass
class Samples:
    """Memory of each process (bytes), and messages in the broker, one after the other."""

    home: Path
    broker: str
    memory: dict[str, list[int]] = field(default_factory=dict)
    messages: list[int] = field(default_factory=list)

    def __call__(self) -> None:
        for name, size in memory_of(self.home).items():
            self.memory.setdefault(name, []).append(size)
        self.messages.append(waiting_messages(self.home, self.broker))


def memory_of(home: Path) -> dict[str, int]:
    """Return the resident bytes of each process of a product, by the name that `repomgr.processes` has for it."""
    mark, found = f"REPOMGR_HOME={home}\0".encode(), dict[str, int]()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_bytes().split(b"\0")
            name = next((name for name, sign in _SIGNS.items() if sign in command), "")
            if name and mark in (process / "environ").read_bytes():
                found[name] = int((process / "statm").read_text().split()[1]) * _PAGE_BYTES
    return found


_SIGNS = {
    "web": b"repomgr.web", "worker1": b"worker1@%h", "worker2": b"worker2@%h", "publisher": b"publisher@%h",
    "beat": b"beat",
}  # fmt: skip


def waiting_messages(home: Path, broker: str) -> int:
    """Return how many messages the broker holds."""
    if broker.startswith("redis"):
        with redis.Redis.from_url(broker) as client:
            return sum(int(client.llen(queue)) for queue in QUEUES) + int(client.hlen("unacked"))
    return sum(1 for _ in (home / "broker" / "queue").iterdir())


def rows() -> dict[str, int]:
    """Return the number of rows of each of our tables."""
    return {model.__name__: model.objects.count() for model in _MODELS}


def wait_for_jobs(seconds: float) -> int:
    """Wait until all jobs have ended, but for checks of vendors that drip; return how many had not."""

    def left() -> int:
        try:
            return Job.objects.exclude(state__in=Job.ENDED).exclude(kind=Job.Kind.SYNC).count()
        except DatabaseError:  # another process has the file at just this moment
            return 1

    with suppress(TimeoutError):
        wait_until(lambda: left() == 0, "the end of all jobs", seconds)
    return left()


def events(logs: Iterable[Path], wanted: Callable[[dict[str, object]], bool]) -> list[dict[str, object]]:
    """Return the events of a product's log that are wanted; the name of the process stands before each."""
    found = []
    for log in logs:
        for line in log.read_text(errors="replace").splitlines():
            begin = line.find("{")
            with suppress(ValueError):
                event = json.loads(line[begin:]) if begin >= 0 else {}
                if wanted(event):
                    found.append(event)
    return found


def done_twice(logs: Iterable[Path]) -> dict[str, int]:
    """Return the jobs whose work came to its end more than once, by the log of all processes, and how often."""
    done = Counter(str(event["job"]) for event in events(logs, lambda event: event.get("event") in _ENDS))
    return {job: times for job, times in done.items() if times > 1}


def taken_in_twice(logs: Iterable[Path]) -> dict[str, int]:
    """Return the packages that were recorded as new more than once, by the log of all processes."""
    new = events(logs, lambda event: event.get("event") == "packages_taken_in" and bool(event.get("new")))
    taken = Counter(str(package) for event in new for package in event["packages"])  # type: ignore[attr-defined]
    return {package: times for package, times in taken.items() if times > 1}
