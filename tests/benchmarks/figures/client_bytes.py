"""Bytes of clients: what a real `apt-get update` downloads after publications of one package each."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.apt.client import AptClient
from tests.benchmarks.bench import Bench
from tests.benchmarks.ours import GZ_AND_XZ, WITH_PDIFF, WITHOUT_PDIFF, OurRepository, paths, understood
from tests.benchmarks.processes import BenchFailed, say
from tests.benchmarks.rows import Goal, Row
from tests.loopback import LoopbackServer

_GOAL_BYTES = 3000
_FEW = 3
_CLOCK_OF_HTTP = 1.1
"""Seconds: If-Modified-Since tells no two versions of one second apart."""


class CountedFolder(LoopbackServer):
    """A folder behind HTTP; `sent` are the bytes of each body that went out, by path."""

    def __init__(self, root: Path) -> None:
        self.sent: list[tuple[str, int]] = []
        counted = self

        class Files(SimpleHTTPRequestHandler):
            def copyfile(self, source: Any, outputfile: Any) -> None:
                counted.sent.append((self.path, os.fstat(source.fileno()).st_size))
                super().copyfile(source, outputfile)

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        super().__init__(partial(Files, directory=str(root)))

    def during(self, client: AptClient) -> dict[str, int]:
        """Let a client update; gives the bytes of each body that it was sent, by the last part of its path."""
        self.sent.clear()
        client.update()
        return {path.rpartition("/dists/stable/")[2]: size for path, size in self.sent}


def measure(bench: Bench) -> Iterator[Row]:
    """Give the bytes without `Packages.diff`, then with it for clients that are some publications behind."""
    count = bench.sizes.most
    whole = f"apt-get update after one change, N = {count:,}, whole index"
    yield _row(whole, _bytes(bench, (1,), WITHOUT_PDIFF if understood(WITHOUT_PDIFF) else {})[1])
    if not understood(WITH_PDIFF):
        figure = f"apt-get update, N = {count:,}, Packages.diff, 1 publications behind"
        yield Row(figure, "bytes", None, Goal(_GOAL_BYTES), detail={"why": "repository.yaml knows no pdiff"})
        return
    for behind, sent in _bytes(bench, bench.sizes.behind, WITH_PDIFF).items():
        figure = f"apt-get update, N = {count:,}, Packages.diff, {behind} publications behind"
        yield _row(figure, sent, Goal(_GOAL_BYTES) if behind == 1 else None)
    few = _bytes(bench, (1, _FEW), {**WITH_PDIFF, "pdiff_history": _FEW})
    figure = f"apt-get update, N = {count:,}, Packages.diff from {_FEW} publications only (pdiff_history), 1 behind"
    yield _row(figure, few[1], Goal(_GOAL_BYTES))


def _bytes(bench: Bench, behind: tuple[int, ...], suite: dict[str, Any]) -> dict[int, dict[str, int]]:
    """Give what clients that are so many publications behind are sent, by the name of the file."""
    most = max(behind)
    debs = bench.to_add[:most]
    clients: dict[int, AptClient] = {}
    with bench.ours(bench.sizes.most) as ours, CountedFolder(ours.bucket) as served:
        ours.configure(debs, **GZ_AND_XZ, **suite)
        ours.run("rebuild")
        done = 0
        for distance in sorted(behind, reverse=True):
            say(f"bytes of clients: one that will be {distance} behind")
            ours.run("publish_each", debs=paths(debs[done : most - distance]))
            done = most - distance
            clients[distance] = _client(bench, ours, served, f"client-{most}-{distance}")
            time.sleep(_CLOCK_OF_HTTP)
        ours.run("publish_each", debs=paths(debs[done:]))
        sent = {distance: served.during(client) for distance, client in sorted(clients.items())}
        _check(clients, debs[-1].name)
    return sent


def _client(bench: Bench, ours: OurRepository, served: CountedFolder, name: str) -> AptClient:
    client = AptClient(bench.scratch / name)
    source = f"deb [signed-by={ours.keyring}] {served.url} stable main\n"
    (client.root / "etc/apt/sources.list.d/bench.list").write_text(source)
    client.update()
    return client


def _check(clients: dict[int, AptClient], newest: str) -> None:
    for distance, client in clients.items():
        if not client.candidate(newest):
            raise BenchFailed(f"The client that was {distance} publications behind does not see {newest}.")


def _row(figure: str, sent: dict[str, int], goal: Goal | None = None) -> Row:
    return Row(figure, "bytes", sum(sent.values()), goal, detail={"sent": sent})
