"""The processes of a running repomgr: web, workers, beat. `python -m repomgr.processes` runs all on one host.

They run in the foreground until Ctrl-C; one that ends is started again. All end when this one is killed, or when one
can't be kept running. With a name (`web`, `worker1`, `publisher`, `beat`) it becomes that process alone, as containers
want it. Workers take jobs of all queues; the publisher takes publications alone, so that no intake and no long check
holds one up. With SWEEPER a process `sweeper` alone sweeps, purges and repairs, and workers leave that to it: then no
other one needs the right to delete from the pool.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence

from packages_app.core.disk import disk_error
from packages_app.core.errors import RepomgrError
from packages_app.core.home import UMASK
from repomgr import environment
from repomgr.command_line import look_for_home
from repomgr.settings_file import load_settings
from repomgr.supervision import supervise

_ENDED_BY_SIGNAL = 128
_BIN = os.path.dirname(sys.executable)
_OF_AMAZON = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_OF_SOURCES = ("GITHUB_TOKEN", "SOURCE_TOKENS")
_OF_WEB = ("METRICS_TOKEN", "SIGN_IN_OIDC_CLIENT_SECRET")
_NO_NEED_OF: Mapping[str, tuple[str, ...]] = {
    "web": ("SIGNING_KEY", *_OF_SOURCES),
    "worker": _OF_WEB,
    "publisher": _OF_WEB,
    "sweeper": (*_OF_SOURCES, *_OF_WEB),
    "beat": ("SIGNING_KEY", *_OF_SOURCES, "NOTIFY_URLS", "SECRET_KEY", *_OF_WEB, *_OF_AMAZON),
}
"""Secrets that a process has no use for: strangers reach web, which alone signs in, and beat only wakes workers."""


def commands(bind: str, port: int, workers: int, *, sweeper: bool = False) -> dict[str, list[str]]:
    """Return each process's command line by its name; with `sweeper` one of its own sweeps, purges and repairs."""
    celery = [f"{_BIN}/celery", "--app", "repomgr", "--quiet"]
    quietly = ["--loglevel", "WARNING"]
    worker = [
        *celery,
        "worker",
        "--pool",
        "threads",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
        *quietly,
    ]
    # Slow jobs hold two of them at most (services/jobs/turns.py): an upload never waits behind a download.
    several, one = ["--concurrency", "3"], ["--concurrency", "1"]
    if sweeper:
        several += ["--queues", "publish,intake,slow"]
    own = {"sweeper": [*worker, *one, "--queues", "sweep", "--hostname", "sweeper@%h"]} if sweeper else {}
    return {
        "web": [sys.executable, "-m", "repomgr.web", bind, str(port)],
        **{
            f"worker{number}": [*worker, *several, "--hostname", f"worker{number}@%h"]
            for number in range(1, workers + 1)
        },
        "publisher": [*worker, *one, "--queues", "publish", "--hostname", "publisher@%h"],
        **own,
        "beat": [*celery, "beat", *quietly],
    }


def environment_of(name: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return a process's environment: ours, without what it has no need of, also not from the settings file."""
    kind = "worker" if name.startswith("worker") else name
    withheld = _NO_NEED_OF.get(kind, ())
    lacking = {form for each in withheld for form in (each, f"{each}_FILE")}
    kept = {key: value for key, value in environment.items() if key not in lacking}
    return {**kept, "WITHHELD": ",".join(withheld)} if withheld else kept


def _become_less(name: str) -> None:
    kept = environment_of(name)
    os.environ.clear()
    os.environ.update(kept)


def chosen() -> dict[str, list[str]]:
    """Return the processes as the environment chooses them: where web listens, how many workers, and a sweeper."""
    bind = environment.text("BIND", default="127.0.0.1")
    port = environment.port("PORT", default=8000)
    workers = environment.number("WORKERS", default=1)
    return commands(bind, port, workers, sweeper=environment.flag("SWEEPER", default=False))


def main(names: Sequence[str]) -> int:
    """Run them all; return 0 after Ctrl-C, else the exit code of the error or signal that ended it."""
    os.umask(UMASK)
    try:
        load_settings()
        known = chosen()
        if names and names[0] in known:
            _become_less(names[0])
        if not names or names[0] in known:
            look_for_home()
    except RepomgrError as error:
        sys.stderr.write(f"{error.code}: {error}\n")
        return error.outcome.exit_code
    except OSError as error:
        told = disk_error(error)
        if told is None:
            raise
        sys.stderr.write(f"{told.code}: {told}\n")
        return told.outcome.exit_code
    if names:
        return _become(names[0], known)
    # They write to us, so they can't see whether a person watches.
    watched = "console" if sys.stdout.isatty() else "json"
    given = {} if environment.is_given("LOG_FORMAT") else {"LOG_FORMAT": watched}
    try:
        ended_by = supervise(
            known, {name: {**environment_of(name), "PYTHONUNBUFFERED": "1", **given} for name in known}
        )
    except RepomgrError as error:
        sys.stderr.write(f"{error.code}: {error}\n")
        return error.outcome.exit_code
    return 0 if ended_by == signal.SIGINT else _ENDED_BY_SIGNAL + ended_by


def _become(name: str, known: Mapping[str, list[str]]) -> int:
    if name not in known:
        sys.stderr.write(f"There is no process {name}; there are {', '.join(known)}.\n")
        return 2
    return os.execve(known[name][0], known[name], dict(os.environ))  # noqa: S606 - a program of ours, no shell


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
