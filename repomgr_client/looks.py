"""What is looked at alone: how the suites stand, and packages."""

from __future__ import annotations

import itertools
import time
from datetime import datetime
from typing import Any

from repomgr_client.faults import Exit
from repomgr_client.server import Server
from repomgr_client.told import Told, named, published

_PAGE = 500


def status(server: Server) -> Told:
    """Tell of each suite's newest publication and its seconds to Valid-Until, open notices, and jobs under way."""
    suites = server.get("/suites")
    now = time.time() + server.clock_ahead
    for suite in suites:
        newest = suite["publication"]
        until = datetime.fromisoformat(newest["valid_until"]).timestamp() if newest else None
        suite["valid_seconds"] = int(until - now) if until is not None else None
    notices = list(server.pages("/notices", limit=_PAGE))
    jobs = [job for state in ("running", "queued") for job in server.pages("/jobs", state=state, limit=_PAGE)]
    lines = [_suite_line(suite) for suite in suites]
    lines += [f"notice: {one['level']}: {one['kind']}: {one['subject']}: {one['text']}" for one in notices]
    lines += [f"job: {one['state']}: {one['kind']} {one['subject']} ({one['id']})" for one in jobs]
    return Told(Exit.SHOWN, lines, {"suites": suites, "notices": notices, "jobs": jobs})


def packages(server: Server, query: str, suite: str, most: int) -> Told:
    """Tell of the packages that a query selects, by name and newest first; `most` of them, all where it is 0."""
    found = server.pages("/packages", query=query, suite=suite, limit=min(_PAGE, most) if most else _PAGE)
    items: list[dict[str, Any]] = list(itertools.islice(found, most or None))
    lines = [f"{named(one)} {one['component']} {','.join(one['suites']) or '-'}" for one in items]
    return Told(Exit.SHOWN, lines, items)


def _suite_line(suite: dict[str, Any]) -> str:
    if suite["publication"] is None:
        return f"{suite['name']}: never published"
    return f"{published(suite['publication'])}, valid for {suite['valid_seconds']} s"
