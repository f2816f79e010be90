"""What changes suites: promote, withdraw, rollback, snapshot. What would be done is shown first, and agreed to."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from repomgr_client.faults import Exit, Fault
from repomgr_client.following import follow_job, told_of_job
from repomgr_client.server import Server
from repomgr_client.told import Told, plain

_OF_A_VERSION = ("package", "version", "built_for")


def selection(what: Sequence[str]) -> dict[str, Any]:
    """Return what a query, or a name, a version and an architecture, select, as the API takes it; raise `Fault`."""
    if len(what) == 1:
        return {"query": what[0]}
    if len(what) == len(_OF_A_VERSION):
        return {"versions": [dict(zip(_OF_A_VERSION, what, strict=True))]}
    raise Fault("bad_arguments", f"{len(what)} words select nothing.", "Say QUERY, or NAME VERSION ARCHITECTURE.")


def move(server: Server, said: dict[str, Any], *, agreed: bool, seconds: float, quiet: bool) -> Told:
    """Promote or withdraw, as `said` has it; raise `Fault`."""
    preview = server.post("/moves/preview", said, changes=False)
    _agree(preview, agreed=agreed, quiet=quiet)
    return _end(server, server.post("/moves", {**said, "shown": preview["shown"]}), seconds, quiet=quiet)


def roll_back(server: Server, suite: str, to: str, reason: str, *, agreed: bool, seconds: float, quiet: bool) -> Told:
    """Let a suite show what an earlier publication showed, the one before the newest unless one is named."""
    said = {"to": to or _before(server, suite), "reason": reason}
    preview = server.post(f"/suites/{suite}/rollback/preview", said, changes=False)
    _agree(preview, agreed=agreed, quiet=quiet)
    job = server.post(f"/suites/{suite}/rollback", {**said, "shown": preview["shown"]})
    return _end(server, job, seconds, quiet=quiet)


def snapshot(server: Server, suite: str, name: str, reason: str, *, seconds: float, quiet: bool) -> Told:
    """Keep a suite's state at an address of its own."""
    return _end(server, server.post(f"/snapshots/{suite}", {"name": name, "reason": reason}), seconds, quiet=quiet)


def _before(server: Server, suite: str) -> str:
    newest = server.get("/publications", suite=suite, limit=2)["items"]
    if len(newest) < 2:
        raise Fault("publication_unknown", f"{suite} has no publication before its newest.", "Name one.")
    return str(newest[1]["number"])


def _end(server: Server, job: Mapping[str, Any], seconds: float, *, quiet: bool) -> Told:
    if seconds > 0:
        job = follow_job(server, job["id"], seconds, quiet=quiet)
    return told_of_job(job, waited=seconds > 0)


def _agree(preview: Mapping[str, Any], *, agreed: bool, quiet: bool) -> None:
    """Show what would be done; raise `Fault` unless a person, or `--yes`, agrees."""
    if not quiet:
        sys.stderr.write("".join(f"{plain(line)}\n" for line in _lines(preview)))
    if agreed:
        return
    if not sys.stdin.isatty():
        raise Fault("not_agreed", "Nobody can be asked whether to do this.", "Say --yes.")
    sys.stderr.write("Do it? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Fault("not_agreed", "Nothing was done.", "", Exit.REFUSED)


def _lines(preview: Mapping[str, Any]) -> list[str]:
    lines = [f"{preview['versions']} versions, in {', '.join(preview['suites'])}"]
    for one in preview["seen"]:
        back = " (goes back)" if one["goes_back"] else ""
        before, after = one["before"] or "none", one["after"] or "none"
        lines.append(f"  {one['suite']}: {one['package']} {one['architecture']}: {before} -> {after}{back}")
    if preview["more"]:
        lines.append(f"  and {preview['more']} more")
    for name in ("broken", "older", "emptied"):
        lines += [f"  {name}: {text}" for text in preview[name]]
    return lines
