"""The process that `tests.prepared` has programs forked from: it imports what takes long, then forks for each request.

It sets Django up, by the settings of a home that is not there. In a program that is forked each setting is its own,
read as soon as one is asked for. What was read of the others before must then have the value that the program's own
has, or the program ends with an error: so nothing that was prepared can stand for another setting than the program's.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Any

_LONGEST_REQUEST = 1 << 17
_MOST_FILES = 1 << 16
_END_MILLISECONDS = 15_000
_SETTINGS = "repomgr.settings"
_READ_WITH_THEM = ("repomgr.settings", "repomgr.sign_in_settings")
_IMPORTED = (
    "celery.bin.celery", "celery.apps.worker", "celery.apps.beat", "django_celery_beat.schedulers", "boto3",
    "packages_app.tasks", "packages_app.views", "unfold.admin", "unfold.sites",
)  # fmt: skip
"""What commands and workers import, besides the modules of all commands."""
_LOOKED_AT = frozenset({"NOTIFY_KINDS", "DATABASES"})
"""What is looked at without being kept: our application does so again in each program, and of the database models ask
how long a name may be."""
_LONGEST_NAME = 63
"""In any database: none of ours is cut (PostgreSQL, Identifiers)."""


def ask(preparing: socket.socket, request: Mapping[str, Any], files: Sequence[int]) -> None:
    """Ask for a program. Its three streams are files, and so is where it is told of."""
    socket.send_fds(preparing, [json.dumps(request).encode()], files)


class SettingsOfEach:
    """What Django's settings stand on: those of a home that is not there, then the program's own."""

    def __init__(self) -> None:
        self._before: dict[str, Any] = {}
        self._load()

    def _load(self) -> None:
        from django.conf import Settings

        self._values: Any = Settings(_SETTINGS)

    def __getattr__(self, name: str) -> Any:
        if self._values is None:
            self._load()
            self._agree()
        value = getattr(self._values, name)
        self._before.setdefault(name, value)
        return value

    def _agree(self) -> None:
        """Let the program's settings be those of Django's parts, where these have been made."""
        from django.apps import apps
        from django.db import connections
        from django.db.utils import ConnectionHandler

        others = {each for each, value in self._before.items() if getattr(self._values, each) != value}
        assert others == set(), f"what was prepared has read of another program's settings {sorted(others)}"
        connections.settings.clear()
        connections.settings.update(ConnectionHandler(self._values.DATABASES).settings)
        apps.get_app_config("packages_app").ready()

    def forget(self) -> None:
        """Have the program's own read, when next a setting is asked for."""
        from django.conf import settings
        from django.db import connections

        from repomgr import environment

        self._before = {name: self._before[name] for name in self._before.keys() - _LOOKED_AT if name.isupper()}
        self._values = None
        for name in [name for name in vars(settings) if name.isupper()]:
            del vars(settings)[name]
        environment.READ.clear()
        del connections["default"]
        for name in _READ_WITH_THEM:
            del sys.modules[name]


def prepare() -> None:
    """Import what takes long, and set Django up but for its logs."""
    own_path, umask = sys.path[:], os.umask(0)
    os.environ["REPOMGR_HOME"] = "/nonexistent"
    from django.apps import apps
    from django.conf import settings

    each = SettingsOfEach()
    settings.configure(each)
    importlib.import_module("repomgr")
    apps.populate(settings.INSTALLED_APPS)
    commands = importlib.import_module("packages_app.management.commands")
    names = [f"{commands.__name__}.{found.name}" for found in pkgutil.iter_modules(commands.__path__)]
    for name in (*_IMPORTED, *names):
        importlib.import_module(name)
    from repomgr import celery_app

    assert not celery_app.configured, "what was imported has read where the broker is"
    assert [model for model in apps.get_models() if len(model._meta.db_table) > _LONGEST_NAME] == []
    assert threading.active_count() == 1, "what was imported has started a thread, which no forked process would have"
    each.forget()
    os.umask(umask)
    sys.path[:] = own_path
    gc.collect()
    gc.freeze()


@dataclass(frozen=True)
class _Program:
    """A program that was forked, where it is told of, and the signal that it gets when nobody listens any more."""

    number: int
    told: socket.socket
    end: int


class Programs:
    """Forks programs, and tells of each that it has begun and how it has ended, as long as anybody asks."""

    def __init__(self, asked: socket.socket) -> None:
        self._asked, self._poll = asked, select.poll()
        self._ended: dict[int, _Program] = {}
        self._listening: dict[int, _Program] = {}
        self._poll.register(asked, select.POLLIN)

    def next(self) -> dict[str, Any] | None:
        """Return what was asked for in the process that is to become it; None in this one when all is over."""
        over = False
        while not over or self._ended:
            ready = self._poll.poll(_END_MILLISECONDS if over else None)
            for program in [] if ready else self._ended.values():
                os.kill(program.number, signal.SIGKILL)
            for file, _ in ready:
                if file in self._ended:
                    self._tell_of_its_end(file)
                elif file in self._listening:
                    self._let_end(file)
                elif request := self._fork():
                    return request
                else:
                    over = not self._is_asked
        return None

    _is_asked = True

    def _fork(self) -> dict[str, Any] | None:
        message, files, _, _ = socket.recv_fds(self._asked, _LONGEST_REQUEST, 4)
        if not message:
            self._is_asked = False
            self._poll.unregister(self._asked)
            return None
        request: dict[str, Any] = json.loads(message)
        number = os.fork()
        if number == 0:
            for stream, file in enumerate(files[:3]):
                os.dup2(file, stream)
            os.closerange(3, _MOST_FILES)
            return request
        for file in files[:3]:
            os.close(file)
        program = _Program(number, socket.socket(fileno=files[3]), request["end"])
        program.told.send(str(number).encode())
        for which, file in ((self._ended, os.pidfd_open(number)), (self._listening, files[3])):
            which[file] = program
            self._poll.register(file, select.POLLIN)
        return None

    def _tell_of_its_end(self, file: int) -> None:
        program = self._ended.pop(file)
        self._poll.unregister(file)
        os.close(file)
        if self._listening.pop(program.told.fileno(), None):
            self._poll.unregister(program.told)
        code = os.waitstatus_to_exitcode(os.waitpid(program.number, 0)[1])
        with suppress(OSError):
            program.told.send(str(code).encode())
        program.told.close()

    def _let_end(self, file: int) -> None:
        program = self._listening.pop(file)
        self._poll.unregister(file)
        os.kill(program.number, program.end)


def become(request: Mapping[str, Any]) -> None:
    """Run the program as an interpreter would that was started for it."""
    if request["new_session"]:
        os.setsid()
    os.chdir(request["folder"])
    if request["umask"] >= 0:
        os.umask(request["umask"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    sys.stdout.reconfigure(line_buffering=sys.stdout.isatty())
    first, *given = request["arguments"]
    sys.path[:1] = [os.path.dirname(first), *filter(None, os.environ.get("PYTHONPATH", "").split(":"))]
    if first == "-m":
        sys.argv, sys.path[0] = given, os.getcwd()
        runpy.run_module(given[0], run_name="__main__", alter_sys=True)
        return
    sys.argv = request["arguments"]
    main = sys.modules["__main__"] = ModuleType("__main__")
    if first == "-c":
        sys.argv, sys.path[0] = ["-c", *given[1:]], ""
        code = compile(given[0], "<string>", "exec")
    else:
        main.__file__ = first
        with open(first, encoding="utf-8") as file:
            code = compile(file.read(), first, "exec")
    exec(code, main.__dict__)


class _Ending:
    """Ends a program when all that is to be done at its end is done.

    An interpreter would take its modules apart then, which of these makes a copy of all memory.
    """

    code: int | None = None

    def __call__(self) -> None:
        if self.code is not None:
            with suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(self.code)


if __name__ == "__main__":
    ending = _Ending()
    atexit.register(ending)  # the first that is registered is the last that is called
    prepare()
    wanted = Programs(socket.socket(fileno=os.dup(0))).next()
    if wanted is not None:
        try:
            become(wanted)
            ending.code = 0
        except SystemExit as end:
            ending.code = end.code if isinstance(end.code, int) else 0 if end.code is None else None
            raise
