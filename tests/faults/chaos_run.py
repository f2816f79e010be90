"""The run of chaos: uploads, workers that are killed, readers that find fault, and the reckoning."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from django.core.management import call_command
from django.db import connection

from packages_app.core.errors import RepomgrError
from packages_app.core.locations import S3Store
from packages_app.core.ports import Silent
from packages_app.models import Job, Publication
from packages_app.services import adapters
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.jobs import waking
from packages_app.services.publication.publish import publish
from packages_app.services.publication.requests import request_publication
from packages_app.services.setup.storage import create_storage
from packages_app.stores.open_store import open_store
from tests import prepared
from tests.apt.client import AptClient
from tests.debs import build_deb
from tests.faults.chaos_server import ChaosServer
from tests.reader import read_suite
from tests.stack import Stack

SUITES = {"alpha": "stable", "beta": "testing", "gamma": "unstable"}
"""The suite of each package; a client updates from each."""
DISTURB_EVERY = 5.0
INDEXES = 6
"""Three forms of the index of each of two architectures."""
STOPPED_FOR = 12.0
"""Twice the lease: another publisher is long at work when this one goes on."""
SHARE_OF_STOPS = 0.3
SETTLE_SECONDS = 240.0


@dataclass
class Tally:
    """What the last line says."""

    publications: int = 0
    faults: int = 0
    kills: int = 0
    stops: int = 0
    reads: int = 0
    apt_updates: int = 0
    errors: list[str] = field(default_factory=list)
    acknowledged: set[tuple[str, str]] = field(default_factory=set)
    lost: set[tuple[str, str]] = field(default_factory=set)

    def __str__(self) -> str:
        return (
            f"publications={self.publications} faults={self.faults} kills={self.kills} stops={self.stops} "
            f"uploads={len(self.acknowledged)} reads={self.reads} apt_updates={self.apt_updates} "
            f"reader_errors={len(self.errors)} lost={len(self.lost)}"
        )


class Workers:
    """Celery workers; one is killed and replaced, or stopped for a while, whenever `disturb` is called."""

    def __init__(self, many: int, home: Path, tally: Tally, dice: random.Random) -> None:
        self._home, self._tally, self._dice = home, tally, dice
        self._processes = [self._start(number) for number in range(many)]

    def disturb(self) -> None:
        number = self._dice.randrange(len(self._processes))
        process = self._processes[number]
        if self._dice.random() < SHARE_OF_STOPS:
            os.killpg(process.pid, signal.SIGSTOP)
            self._tally.stops += 1
            timer = threading.Timer(STOPPED_FOR, self._go_on, [process])
            timer.daemon = True
            timer.start()
            return
        self._end(process)
        self._tally.kills += 1
        self._processes[number] = self._start(number)

    def end(self) -> None:
        for process in self._processes:
            self._end(process)

    def _start(self, number: int) -> prepared.PreparedProcess:
        command = [
            "-m", "celery", "--app", "repomgr", "--quiet", "worker", "--pool", "threads",
            "--concurrency", "2", "--without-gossip", "--without-mingle", "--loglevel", "WARNING",
            "--hostname", f"chaos{number}@%h",
        ]  # fmt: skip
        with (self._home / f"worker{number}.log").open("ab") as log:
            return prepared.start(command, stdout=log, stderr=log, start_new_session=True)

    def _go_on(self, process: prepared.PreparedProcess) -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGCONT)

    def _end(self, process: prepared.PreparedProcess) -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class FastReader:
    """Reads what InRelease names, by hash, and each new pool file; what was there once must stay."""

    def __init__(self, moto: str, suite: str, tally: Tally) -> None:
        self._suite = suite
        self._store = open_store(S3Store("apt", "", "eu-central-1", moto, ""))
        self._keyring = adapters.signer().public_keyring()
        self._tally = tally
        self._seen: set[tuple[str, str]] = set()

    def __call__(self) -> None:
        packages = read_suite(self._store, self._keyring, self._suite, settled=False)
        now = {key[:2] for key in packages}
        assert now >= self._seen, f"gone from the index: {sorted(self._seen - now)}"
        for stanza in packages.values():
            if (stanza["Package"], stanza["Version"]) not in self._seen:
                info = self._store.head(stanza["Filename"])
                assert info is not None, f"{stanza['Filename']} is not in the pool"
                assert info.size == int(stanza["Size"])
                self._tally.reads += 1
        self._seen = now
        self._tally.reads += 1 + INDEXES


class AptReader:
    """A client that updates again and again; it may never see fewer packages than before."""

    def __init__(self, root: Path, suite: str, tally: Tally) -> None:
        self._client, self._tally = AptClient(root), tally
        (root / "key.gpg").write_bytes(adapters.signer().public_keyring())
        line = f"deb [signed-by={root}/key.gpg] {os.environ['PUBLIC_URL']} {suite} main\n"
        (root / "etc/apt/sources.list.d/chaos.list").write_text(line)
        self._most = 0

    def __call__(self) -> None:
        self._client.update()
        self._tally.apt_updates += 1
        # apt keeps no file for an index without packages.
        indexes = (self._client.root / "var/lib/apt/lists").glob("*_binary-amd64_Packages")
        stanzas = sum(index.read_text().count("Package: ") for index in indexes)
        assert stanzas >= self._most, f"{stanzas} packages after {self._most}"
        self._most = stanzas


class Uploads:
    """Uploads one small package after another; what is acknowledged must be in the final index."""

    def __init__(self, home: Path, tally: Tally, dice: random.Random) -> None:
        self._home, self._tally, self._dice = home, tally, dice
        self._number = 0

    def __call__(self) -> None:
        self._number += 1
        name, version = self._dice.choice(list(SUITES)), f"1.{self._number}"
        deb = build_deb(self._home / "builds", name, version)
        try:
            stage_upload(deb, deb.name)
        except RepomgrError:
            return  # refused: nobody was told that it arrived
        self._tally.acknowledged.add((name, version))


def prepare(home: Path) -> None:
    """Make database and storage, define the packages, and publish the empty suites."""
    stack = Stack(home, home / "config")
    for definition in (home / "config" / "packages").glob("*.yaml"):
        definition.unlink()
    stack.configure(suites=[{"name": name, "codename": name} for name in SUITES.values()])
    for name, suite in SUITES.items():
        stack.define_uploads(name, suites=[suite])
    call_command("migrate", verbosity=0, interactive=False)
    create_storage(Silent())
    for suite in SUITES.values():
        publish(suite, Silent())


@contextmanager
def repeated(work: Callable[[], None], tally: Tally, *, pause: float = 0.0) -> Iterator[None]:
    """Do something again and again in a thread until the block ends; whatever it raises is an error seen."""
    stop = threading.Event()

    def loop() -> None:
        while not stop.is_set():
            try:
                work()
            except Exception as error:
                tally.errors.append(f"{type(error).__name__}: {error}")
            stop.wait(pause)
        connection.close()

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def wake() -> None:
    """Do what beat does each minute, more often."""
    waking.wake_silent_jobs()


def settle() -> None:
    """Wait until the work that was asked for is done."""
    deadline = time.monotonic() + SETTLE_SECONDS
    for suite in SUITES.values():
        request_publication(suite)
    while Job.objects.exclude(state__in=Job.ENDED).exists() and time.monotonic() < deadline:
        time.sleep(0.5)


def reckon(tally: Tally, server: ChaosServer, moto: str) -> None:
    """Count, and see what of the acknowledged uploads the final index lacks."""
    store = open_store(S3Store("apt", "", "eu-central-1", moto, ""))
    keyring = adapters.signer().public_keyring()
    final = {key[:2] for suite in SUITES.values() for key in read_suite(store, keyring, suite)}
    tally.lost = tally.acknowledged - final
    tally.publications, tally.faults = Publication.objects.count(), server.injected
    for job in Job.objects.filter(state=Job.State.FAILED)[:10]:
        sys.stdout.write(f"failed: {job}: {job.error_code}: {job.error}\n")
    left = Job.objects.exclude(state__in=Job.ENDED).count()
    if left:
        sys.stdout.write(f"{left} jobs had not ended after {SETTLE_SECONDS:.0f} s\n")


def run(seconds: float, seed: int, many: int, home: Path, server: ChaosServer, moto: str) -> Tally:
    """Let chaos reign among so many workers for so many seconds, then let the work end, and count."""
    tally, dice = Tally(), random.Random(seed)
    prepare(home)
    with ExitStack() as ends:
        workers = Workers(many, home, tally, dice)
        ends.callback(workers.end)
        ends.enter_context(repeated(wake, tally, pause=2.0))
        for suite in SUITES.values():
            ends.enter_context(repeated(FastReader(moto, suite, tally), tally, pause=0.3))
            ends.enter_context(repeated(AptReader(home / f"client-{suite}", suite, tally), tally, pause=0.3))
        server.dice = random.Random(seed + 1)
        with repeated(Uploads(home, tally, random.Random(seed + 2)), tally, pause=0.3):
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                time.sleep(min(DISTURB_EVERY, max(0.0, end - time.monotonic())))
                workers.disturb()
        server.dice = None
        settle()
    reckon(tally, server, moto)
    return tally
