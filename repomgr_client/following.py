"""Following work until it ends: a job's end, or that clients see what was pushed."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from tqdm import tqdm

from repomgr_client.faults import Exit, Fault
from repomgr_client.server import LONGEST_WAIT, Server
from repomgr_client.told import Told, named, published

_LEAST_PAUSE = 0.5
_JOB = re.compile(r"[0-9A-Za-z-]{1,64}\Z", re.ASCII)
_EXITS = {"shown": Exit.SHOWN, "failed": Exit.FAILED}
"""Of a push that was waited for; all others are on their way, or held back until a person decides."""


def _follow(look: Callable[[int], Any], is_over: Callable[[Any], bool], seconds: float, what: str, quiet: bool) -> Any:
    """Look, the server waiting a while in each, until it is over or that many seconds are; return what was seen."""
    until = time.monotonic() + seconds
    bar = tqdm(desc=what, bar_format="{desc} {elapsed}", disable=quiet or not sys.stderr.isatty(), leave=False)
    with bar:
        while True:
            began = time.monotonic()
            seen = look(max(0, min(LONGEST_WAIT, int(until - began))))
            bar.update()
            if is_over(seen) or time.monotonic() >= until:
                return seen
            if time.monotonic() - began < _LEAST_PAUSE:  # it answers at once where many wait already
                time.sleep(min(_LEAST_PAUSE, max(0.0, until - time.monotonic())))


def follow_push(server: Server, job: str, seconds: float, *, quiet: bool) -> dict[str, Any]:
    """Return how far a push is once clients see it, it failed or is held back, or after that many seconds."""
    seen: dict[str, Any] = _follow(
        lambda wait: server.get(f"/uploads/{job}", wait=wait),
        lambda seen: seen["standing"] not in ("waiting", "taken in"), seconds, "waiting for the Release", quiet,
    )  # fmt: skip
    return seen


def follow_job(server: Server, job: str, seconds: float, *, quiet: bool) -> dict[str, Any]:
    """Return a job once it has ended, or after that many seconds."""
    seen: dict[str, Any] = _follow(
        lambda wait: server.get(f"/jobs/{job}", wait=wait),
        lambda seen: seen["state"] in ("done", "failed"), seconds, "waiting for the job", quiet,
    )  # fmt: skip
    return seen


def wait(server: Server, job: str, seconds: float, *, quiet: bool) -> Told:
    """Follow a job; an upload's until clients see what it took in. Raise `Fault` for one that failed, or is none."""
    if not _JOB.match(job):
        raise Fault("bad_arguments", f"{job[:80]!r} is no job.", "Give the ID that push printed.")
    try:
        return told_of_push(follow_push(server, job, seconds, quiet=quiet), waited=True)
    except Fault as fault:
        if fault.code != "record_not_found":
            raise
    return told_of_job(follow_job(server, job, seconds, quiet=quiet), waited=True)


def told_of_job(job: Mapping[str, Any], *, waited: bool) -> Told:
    """Return what is told of a job; raise `Fault` with its error where it failed."""
    if job["state"] == "failed":
        raise Fault(job["code"] or "job_failed", job["error"], job["remedy"], Exit.FAILED)
    over = job["state"] == "done" or not waited
    line = f"{job['subject'] or job['kind']}: {job['state']} (job {job['id']})"
    return Told(Exit.SHOWN if over else Exit.WAITING, [line], job)


def told_of_push(seen: Mapping[str, Any], *, waited: bool) -> Told:
    """Return what is told of a push: each file, and the Releases that show it, or where it is."""
    job = seen["job"] or {}
    if seen["standing"] == "failed":
        refused = "; ".join((job.get("result") or {}).get("refused") or ())  # of a batch, of which others are in
        detail = job.get("error") or refused
        raise Fault(job.get("code") or "job_failed", detail, job.get("remedy") or "", Exit.FAILED)
    lines = [
        f"{file['file']}: {'known' if file['known'] else 'new'}: {named(file['package'])} "
        f"{file['package']['sha256'][:16]}"
        for file in seen["files"]
    ]
    if seen["standing"] == "shown":
        lines += [published(one) for one in seen["publications"]]
    else:
        whom = ", until a person decides in the admin, under Held back" if seen["standing"] == "held back" else ""
        lines.append(f"{seen['standing']}{whom}: repomgr wait {job.get('id', '')}".rstrip())
    code = _EXITS.get(seen["standing"], Exit.WAITING) if waited else Exit.SHOWN
    return Told(code, lines, dict(seen))
