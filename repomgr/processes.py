"""The processes of a running repomgr on one host: web, workers, beat. `python -m repomgr.processes`.

They run in the foreground until Ctrl-C; when one ends, all are ended.
"""

from __future__ import annotations

import os
import shlex
import sys

from honcho.manager import Manager
from honcho.printer import Printer

from repomgr import environment

_INTERRUPTED = 130
_BIN = os.path.dirname(sys.executable)


def commands(port: int, workers: int) -> dict[str, list[str]]:
    """Give each process's command line by its name."""
    celery = [f"{_BIN}/celery", "--app", "repomgr", "--quiet"]
    web = [f"{_BIN}/gunicorn", "repomgr.wsgi", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread"]
    quietly = ["--loglevel", "WARNING"]
    worker = [
        *celery,
        "worker",
        "--pool",
        "threads",
        "--concurrency",
        "2",
        "--without-gossip",
        "--without-mingle",
        *quietly,
    ]
    return {
        # As many threads as a page, its pictures and a few clients ask at once; the answers are files and small pages.
        "web": [*web, "--threads", "8", "--timeout", "120", "--graceful-timeout", "3", "--log-level", "warning"],
        **{f"worker{number}": [*worker, "--hostname", f"worker{number}@%h"] for number in range(1, workers + 1)},
        "beat": [*celery, "beat", *quietly],
    }


def main() -> int:
    """Run them all; gives 0 after Ctrl-C, else the exit code of the process that ended first."""
    port = environment.port("PORT", default=8000)
    workers = environment.number("WORKERS", default=1)
    manager = Manager(Printer(sys.stdout, colour=sys.stdout.isatty()))
    for name, command in commands(port, workers).items():
        manager.add_process(name, f"exec {shlex.join(command)}", env={**os.environ, "PYTHONUNBUFFERED": "1"})
    manager.loop()
    return 0 if manager.returncode == _INTERRUPTED else int(manager.returncode or 0)


if __name__ == "__main__":
    sys.exit(main())
