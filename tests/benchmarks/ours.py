"""Our repository as the bench sees it: a home and a configuration of its own, worked on by processes of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from packages_app.core.errors import DefinitionError
from packages_app.core.home import make_home
from packages_app.core.repository import load_repository
from tests.benchmarks.processes import Run, memory_watched, plain_environment, run
from tests.benchmarks.tiny_debs import TinyDeb

REPOSITORY = Path(__file__).resolve().parents[2]
KEYRING = "bench-archive-keyring"
GZ_AND_XZ: dict[str, Any] = {"index_forms": ["plain", "gz", "xz"]}
GZ_ALONE: dict[str, Any] = {"index_forms": ["plain", "gz"]}
WITH_PDIFF: dict[str, Any] = {"pdiff_above": 0}
WITHOUT_PDIFF: dict[str, Any] = {"pdiff_above": 1_000_000_000}
"""Keys of a suite in repository.yaml."""


@dataclass(frozen=True)
class OurRepository:
    """A repository with one suite, in the embedded column unless `settings` say otherwise."""

    home: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def bucket(self) -> Path:
        return self.home / "bucket"

    @property
    def keyring(self) -> Path:
        return self.bucket / f"{KEYRING}.gpg"

    @property
    def packages(self) -> Path:
        """The published index."""
        return self.bucket / "dists/stable/main/binary-amd64/Packages"

    def configure(
        self,
        uploads: Sequence[TinyDeb] = (),
        *,
        names: Sequence[str] = ("stable",),
        allow: Sequence[str] = (),
        **suite: Any,
    ) -> None:
        """Write repository.yaml, with further keys of each suite, and a definition of each package that is uploaded.

        `allow` are the cautions that all of these are meant to have.
        """
        make_home(self.home)
        config = self.home / "config"
        shutil.rmtree(config, ignore_errors=True)
        (config / "packages").mkdir(parents=True)
        (config / "repository.yaml").write_text(yaml.safe_dump(_repository(suite, names), sort_keys=False))
        for deb in uploads:
            path = config / "packages" / f"{deb.name}.yaml"
            path.write_text(yaml.safe_dump({**_definition(deb), "allow": [*allow]}, sort_keys=False))

    def run(self, order: str, **arguments: Any) -> dict[str, Any]:
        """Give what a process of its own answers to an order of `our_process`."""
        return self._answer(run(self._command(order, arguments), self.environment(), folder=REPOSITORY))

    def run_watched(self, order: str, **arguments: Any) -> dict[str, Any]:
        """Do as `run`; `peak_bytes` of the answer is that of the process and its children together."""
        with memory_watched() as (begin, peak):
            done = run(self._command(order, arguments), self.environment(), folder=REPOSITORY, on_start=begin)
        answer = self._answer(done)
        answer["peak_bytes"] = max(answer["peak_bytes"], peak[0])
        return answer

    def manage(self, *arguments: str) -> Run:
        """Run a command of manage.py."""
        return run(_manage(arguments), self.environment(), folder=REPOSITORY)

    def manage_watched(self, *arguments: str) -> tuple[Run, int]:
        """Do as `manage`; gives also the peak of the process and its children together, in bytes."""
        with memory_watched() as (begin, peak):
            done = run(_manage(arguments), self.environment(), folder=REPOSITORY, on_start=begin)
        return done, peak[0]

    @contextmanager
    def copied(self, home: Path) -> Iterator[OurRepository]:
        """Give a copy for the block. The bucket's files are linked: ours are replaced, never written in place."""
        home.mkdir()
        for path in sorted(self.home.iterdir()):
            how = "-al" if path.name == "bucket" else "-a"
            subprocess.run(["cp", how, str(path), str(home)], check=True)
        try:
            yield OurRepository(home, self.settings)
        finally:
            shutil.rmtree(home)

    def _command(self, order: str, arguments: dict[str, Any]) -> list[str]:
        return [sys.executable, "-m", "tests.benchmarks.our_process", order, json.dumps(arguments)]

    def environment(self) -> dict[str, str]:
        """Give what its processes have as environment."""
        own = {
            "REPOMGR_HOME": str(self.home),
            "REPOMGR_CONFIG": str(self.home / "config"),
            "LOG_LEVEL": "ERROR",
            "APT_CHECK": "off",
            **self.settings,
        }
        return plain_environment(**own)

    def _answer(self, done: Run) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(done.output.splitlines()[-1])
        return answer


def paths(debs: Sequence[TinyDeb]) -> list[str]:
    """Give the files' paths as orders take them."""
    return [str(deb.path) for deb in debs]


def understood(suite: dict[str, Any]) -> bool:
    """Say whether repository.yaml may have these keys of a suite."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "repository.yaml"
        path.write_text(yaml.safe_dump(_repository(suite)))
        try:
            load_repository(path)
        except DefinitionError:
            return False
    return True


def _manage(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, str(REPOSITORY / "manage.py"), *arguments]


def _repository(suite: dict[str, Any], names: Sequence[str] = ("stable",)) -> dict[str, Any]:
    alike = {
        "version": "1.0",
        "description": "Packages of the bench",
        "components": ["main"],
        "architectures": ["amd64"],
    }
    return {
        "origin": "Bench",
        "label": "Bench",
        "description": "A repository that is measured",
        "keyring": KEYRING,
        "suites": [{"name": name, "codename": name, **alike, **suite} for name in names],
    }


def _definition(deb: TinyDeb) -> dict[str, Any]:
    return {
        "name": deb.name,
        "description": f"The package {deb.name}",
        "maintainer": "Bench <bench@example.org>",
        "homepage": "https://apt.example.org",
        "section": "misc",
        "priority": "optional",
        "architecture": deb.architecture,
        "source": {"type": "build_script", "staging_prefix": deb.name},
    }
