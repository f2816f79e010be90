"""`repomgr push`: files go in together, all or none."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

from repomgr_client.bodies import Files
from repomgr_client.changes_file import packages_of
from repomgr_client.faults import Fault
from repomgr_client.following import follow_push, told_of_push
from repomgr_client.parts import push_in_parts
from repomgr_client.server import LONGEST_WAIT, Server
from repomgr_client.told import Told


def push(
    server: Server, named: Sequence[Path], *, suite: str, component: str, seconds: float, parts_above: int, quiet: bool
) -> Told:
    """Push `.deb` files, and those that `.changes` files list; follow them for that many seconds. Raise `Fault`.

    They go in parts where one has more than `parts_above` bytes.
    """
    paths = _each_once([path for one in named for path in _packages(one)])
    place, wait = {"suite": suite, "component": component}, min(int(seconds), LONGEST_WAIT)
    with Files(paths, quiet=quiet) as files:
        seen = push_in_parts(server, files, place, wait) if files.largest > parts_above else None
        if seen is None:
            asked = {**place, "wait": wait, "filename": paths[0].name if len(paths) == 1 else ""}
            seen = server.ask("POST", "/uploads", asked, files.body(), key=str(uuid.uuid4()))
    sent = seen["files"]
    left = seconds - wait
    if seen["job"] is not None and seen["standing"] in ("waiting", "taken in") and left > 0:
        seen = follow_push(server, seen["job"]["id"], left, quiet=quiet)
    return told_of_push({**seen, "files": sent}, waited=seconds > 0)


def _packages(path: Path) -> list[Path]:
    return packages_of(path) if path.name.endswith(".changes") else [path]


def _each_once(paths: Sequence[Path]) -> list[Path]:
    """Return the paths, each once (a `.changes` may list one that is named too); raise `Fault` for two of a name."""
    seen: dict[str, Path] = {}
    for path in paths:
        other = seen.setdefault(path.name, path)
        if other.resolve() != path.resolve():
            raise Fault("two_of_a_name", f"{other} and {path} have one name.", "Push them one after the other.")
    return list(seen.values())
