"""The whole product running as a user runs it: `first_start`, then web, workers and beat as processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import httpx
import yaml

from packages_app.core.home import FIRST_PASSWORD_FILE
from repomgr.processes import commands, environment_of
from repomgr.servers.process import bound_to_us, free_port, wait_until
from tests import prepared
from tests.stack import REPOSITORY


@dataclass(frozen=True)
class Running:
    """A running product: its address, how clients reach the repository, and its first password."""

    url: str
    public_url: str
    password: str
    home: Path
    config: Path
    environment: dict[str, str]

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of manage.py beside it."""
        done = prepared.run((prepared.MANAGE, *arguments), env=self.environment)
        if check and done.returncode != 0:
            raise AssertionError(f"{arguments} gave {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def define(self, name: str, endpoint: str) -> None:
        """Let the product watch a nested feed for a Debian package."""
        source = {
            "type": "external_download",
            "endpoint": endpoint,
            "additional_files": {"certificate": "certificate.pem", "signature": "signature.bin"},
        }
        definition = {
            "name": name, "description": name, "maintainer": "Test <test@example.org>", "section": "misc",
            "homepage": "https://example.org", "priority": "optional", "architecture": "amd64", "source": source,
        }  # fmt: skip
        (self.config / "packages" / f"{name}.yaml").write_text(yaml.safe_dump(definition))


@contextmanager
def running(
    home: Path,
    *,
    database: Path | None = None,
    workers: int = 1,
    program: str = "",
    name: str = "",
    **settings: str,
) -> Iterator[Running]:
    """Start the product with an empty home, or one with a copy of a database alone, and stop it.

    It has a copy of our configuration, or one of its own that `init` makes of a `name`. With a `program` that is
    started, and stopped as Ctrl-C does; else each process of the product, prepared.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    config = home / "var" / "config" if name else home / "config"
    if not name:
        shutil.copytree(REPOSITORY / "config", config)
        (config / "packages" / "kiro.yaml").unlink()  # its feed can't be reached from a test
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("COV_")},
        "REPOMGR_HOME": str(home / "var"),
        **({} if name else {"REPOMGR_CONFIG": str(config)}),
        "PORT": str(port),
        "WORKERS": str(workers),
        "LOG_LEVEL": "INFO",
        "PRIVATE_UPSTREAMS": "127.0.0.1",
        "PYTHONPATH": str(REPOSITORY),
        **settings,
    }
    public_url = settings.get("PUBLIC_URL", f"{url}/repository")
    product = Running(url, public_url, "", home, config, environment)
    if name:
        product.manage("init", "--name", name)
    if database is not None:
        (home / "var").mkdir(exist_ok=True)
        shutil.copy(database, home / "var")
    welcome = product.manage("first_start").stdout
    kept = home / "var" / FIRST_PASSWORD_FILE
    assert (str(kept) in welcome) is kept.exists()
    password = kept.read_text().strip() if kept.exists() else ""
    product = replace(product, password=password)
    with (home / "log").open("w") as log:
        started = _started(program, product, log) if program else _prepared(product, log)
        with started:
            wait_until(lambda: _healthy(url), "the web process")
            yield product


@contextmanager
def _started(program: str, product: Running, log: IO[str]) -> Iterator[None]:
    processes = subprocess.Popen(
        bound_to_us([sys.executable, "-m", program], signal.SIGINT), env=product.environment, cwd=REPOSITORY,
        stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    try:
        yield
        processes.send_signal(signal.SIGINT)
        assert processes.wait(30) == 0, (product.home / "log").read_text()
    finally:
        if processes.poll() is None:
            os.killpg(processes.pid, signal.SIGKILL)
            processes.wait()


@contextmanager
def _prepared(product: Running, log: IO[str]) -> Iterator[None]:
    known = commands("127.0.0.1", int(product.environment["PORT"]), int(product.environment["WORKERS"]))
    with ExitStack() as running:
        for name, command in known.items():
            arguments = [each for each in command if each != sys.executable]
            running.enter_context(
                prepared.process(arguments, env=environment_of(name, product.environment), stdout=log, stderr=log)
            )
        yield


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False
