"""What the figures of one run share: the data, made once, and the repositories of ours and of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.benchmarks.deb_records import write_records
from tests.benchmarks.ours import GZ_AND_XZ, OurRepository
from tests.benchmarks.peers import AptFtparchive, Aptly, Peer, Reprepro, SigningKey
from tests.benchmarks.processes import say
from tests.benchmarks.rows import Row
from tests.benchmarks.tiny_debs import TinyDeb, debian_controls, make_deb

_TO_ADD = 40


@dataclass(frozen=True)
class Sizes:
    """How much of everything there is. `steps` are the packages of the repositories that grow.

    `suites` are how many there are in the repository of many, and among how many records. `in_both` are the packages of
    the repository with two architectures, each of which has a stanza in both. `part_of_full` divides what the
    installation has that all pages of the admin are measured in.
    """

    steps: tuple[int, ...] = (1_000, 10_000, 50_000)
    synthetic: int = 500_000
    small_files: int = 10_000
    large_bytes: int = 100_000_000
    pushed_bytes: int = 2_000_000_000
    requests: tuple[int, int] = (1_000, 10_000)
    admin_rows: int = 1_000_000
    behind: tuple[int, ...] = (1, 5, 20)
    suites: tuple[int, int] = (100, 100_000)
    in_both: int = 47_500
    part_of_full: int = 1

    @property
    def most(self) -> int:
        """The packages of the largest repository."""
        return self.steps[-1]


SMALL = Sizes((50, 150, 500), 1_500, 60, 4_000_000, 90_000_000, (20, 60), 2_000, (1, 2, 4), (5, 300), 250, 200)
"""For a try of the bench itself: the goals make no sense for it."""


@dataclass(frozen=True)
class Peers:
    """The others with repositories of the same packages, and what they were given beyond those of `Bench.debs`."""

    all: tuple[Peer, ...]
    added: list[TinyDeb]

    @property
    def aptly(self) -> Aptly:
        return next(peer for peer in self.all if isinstance(peer, Aptly))


class Bench:
    """One run: everything stands below `scratch`. Repositories are made when a figure first asks for them.

    `peer_rebuilds` are the seconds of the others' rebuilds of the largest repository, where a figure has measured them.
    """

    def __init__(self, sizes: Sizes, scratch: Path, key: SigningKey) -> None:
        self.sizes, self.scratch, self.key = sizes, scratch, key
        self.peer_rebuilds: dict[str, float] = {}
        self._debs: list[TinyDeb] = []
        self._ours: dict[int, OurRepository] = {}
        self._peers: dict[int, Peers] = {}
        self._aptly: dict[int, Aptly] = {}
        self._copies = 0

    def debs(self, count: int) -> list[TinyDeb]:
        """Give the first `count` packages."""
        if len(self._debs) < count:
            say(f"making {count - len(self._debs):,} .deb files")
        wanted = self._controls[len(self._debs) : count]
        self._debs += [make_deb(self.folder("debs"), control) for control in wanted]
        return self._debs[:count]

    @cached_property
    def to_add(self) -> list[TinyDeb]:
        """Packages that are in no repository yet, for adding one after the other."""
        return [make_deb(self.folder("to-add"), control) for control in self._controls[-_TO_ADD:]]

    def records(self, count: int) -> Path:
        """Give the file of the first `count` packages' records."""
        path = self.scratch / f"records-{count}.jsonl"
        if not path.exists():
            write_records(path, self.debs(count))
        return path

    @contextmanager
    def ours(self, count: int) -> Iterator[OurRepository]:
        """Give a published repository of ours with `count` packages for the block; beyond Debian's synthetic ones."""
        if count not in self._ours:
            say(f"setting up ours with {count:,} packages")
            repository = OurRepository(self.folder("ours") / f"{count}")
            repository.configure(**GZ_AND_XZ)
            repository.run("set_up", records=str(self.records(min(count, self.sizes.most))), count=count)
            self._ours[count] = repository
        self._copies += 1
        with self._ours[count].copied(self.folder("ours") / f"{count}-{self._copies}") as copy:
            yield copy

    def peers(self, count: int) -> Peers:
        """Give the others, each with `count` packages and the one that ours warms up with, published."""
        if count not in self._peers:
            folder = self.folder(f"peers-{count}")
            all_of_them: tuple[Peer, ...] = (
                Aptly(folder / "aptly", self.key),
                Reprepro(folder / "reprepro", self.key),
                AptFtparchive(folder / "apt-ftparchive", self.key),
            )
            for peer in all_of_them:
                say(f"setting up {peer.name} with {count:,} packages")
                peer.set_up([*self.debs(count), self.to_add[0]])
            self._peers[count] = Peers(all_of_them, [self.to_add[0]])
            self._peers[count].aptly.more.append(self.to_add[0])
        return self._peers[count]

    def aptly(self, count: int) -> Aptly:
        """Give aptly with `count` packages, published: that of `peers` where a figure has asked for them."""
        if count in self._peers:
            return self._peers[count].aptly
        if count not in self._aptly:
            say(f"setting up aptly with {count:,} packages")
            self._aptly[count] = Aptly(self.scratch / f"aptly-{count}", self.key)
            self._aptly[count].set_up([*self.debs(count), self.to_add[0]])
            self._aptly[count].more.append(self.to_add[0])
        return self._aptly[count]

    def folder(self, name: str) -> Path:
        """Give a folder of the scratch folder."""
        path = self.scratch / name
        path.mkdir(exist_ok=True)
        return path

    @cached_property
    def _controls(self) -> list[str]:
        return debian_controls()


Figure = Callable[[Bench], Iterator[Row | dict[str, Any]]]
"""Measures something and gives its rows, one after the other; rows of others as `Row.as_dict` gives them."""
