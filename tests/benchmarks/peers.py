"""The tools that ours is compared with: each makes a signed repository of the same files and publishes one more."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Protocol

from packages_app.core.layout import pool_path
from tests.benchmarks.processes import plain_environment, run
from tests.benchmarks.tiny_debs import TinyDeb

_FILES_OF_A_CALL = 5000
_OF_SNAPSHOTS = "snapshots"
_DISTRIBUTION = """\
Codename: stable
Suite: stable
Origin: Bench
Label: Bench
Description: A repository that is measured
Components: main
Architectures: amd64
DebIndices: Packages . .gz .xz
SignWith: {key}
"""


class Peer(Protocol):
    """A tool with a repository of its own."""

    name: str

    def set_up(self, debs: Sequence[TinyDeb]) -> None:
        """Make the repository and publish it."""
        ...

    def publish_one(self, deb: TinyDeb) -> float:
        """Add a file and publish; gives the seconds."""
        ...

    def rebuild(self) -> float:
        """Make and sign all indexes again from what the tool keeps of the files; gives the seconds."""
        ...

    @property
    def packages(self) -> Path:
        """The published index."""
        ...


class SigningKey:
    """A key of the bench's own in a keyring of its own."""

    def __init__(self, home: Path) -> None:
        home.mkdir(mode=0o700)
        self.environment = plain_environment(GNUPGHOME=str(home), HOME=str(home.parent), LC_ALL="C")
        quick = ["--quick-gen-key", "Bench <bench@example.org>", "ed25519", "sign", "never"]
        run(["gpg", "--batch", "--quiet", "--passphrase", "", *quick], self.environment)
        listed = run(["gpg", "--batch", "--list-keys", "--with-colons"], self.environment).output
        self.fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))


@contextmanager
def signing_key(home: Path) -> Iterator[SigningKey]:
    """Make a key for the block; its agent ends with it."""
    key = SigningKey(home)
    try:
        yield key
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], env=key.environment, check=False)


class Aptly:
    """aptly: gz and bz2, since it makes no xz.

    `computed` are the CPU seconds of all that it was told so far, `more` what it was given one by one and has.
    """

    name: ClassVar[str] = "aptly"
    repository: ClassVar[str] = "bench"

    def __init__(self, root: Path, key: SigningKey) -> None:
        root.mkdir()
        self._root, self._key = root, key
        self.computed = 0.0
        self.more: list[TinyDeb] = []
        self._config = root / "aptly.conf"
        self._config.write_text(json.dumps({"rootDir": str(root), "architectures": ["amd64"], "gpgProvider": "gpg"}))

    def set_up(self, debs: Sequence[TinyDeb]) -> None:
        incoming = linked(self._root / "incoming", debs)
        self.create()
        self.add(incoming)
        self.publish()

    def create(self) -> None:
        """Make the repository without files."""
        self._aptly("repo", "create", "-component=main", "-distribution=stable", self.repository)

    def add(self, files: Path) -> float:
        """Add a file, or a folder of files; gives the seconds."""
        return self._aptly("repo", "add", self.repository, str(files))

    def publish(self) -> float:
        """Publish for the first time; gives the seconds."""
        return self._aptly("publish", "repo", "-acquire-by-hash", *self._how(), self.repository)

    def publish_one(self, deb: TinyDeb) -> float:
        self.more += [] if deb in self.more else [deb]
        return self.add(deb.path) + self.rebuild()

    def rebuild(self) -> float:
        return self._aptly("publish", "update", *self._how(), "stable")

    def rebuild_gz_alone(self) -> float:
        """Do as `rebuild`, without bz2."""
        return self._aptly("publish", "update", "-skip-bz2", *self._how(), "stable")

    def remove_one(self, deb: TinyDeb) -> float:
        """Take a package out again and publish; gives the seconds."""
        self.more.remove(deb)
        return self._aptly("repo", "remove", self.repository, f"{deb.name} (= {deb.version})") + self.rebuild()

    def snapshot(self, name: str) -> float:
        """Make a snapshot of the repository; gives the seconds."""
        return self._aptly("snapshot", "create", name, "from", "repo", self.repository)

    def snapshot_without(self, name: str, source: str, query: str) -> float:
        """Make a snapshot of another one without what a query selects; gives the seconds."""
        return self._aptly("snapshot", "filter", source, name, f"!({query})")

    def snapshot_with(self, name: str, target: str, source: str, query: str) -> float:
        """Make a snapshot of a target with what a query selects of a source, which it has no versions of.

        Without -no-remove aptly takes out what provides a name that is pulled, too. Gives the seconds.
        """
        return self._aptly("snapshot", "pull", "-no-deps", "-no-remove", "-all-matches", target, source, name, query)

    def publish_snapshot(self, name: str) -> float:
        """Publish a snapshot beside the repository for the first time; gives the seconds."""
        how = ("-acquire-by-hash", "-distribution=stable", *self._how())
        return self._aptly("publish", "snapshot", *how, name, _OF_SNAPSHOTS)

    def switch(self, name: str) -> float:
        """Publish another snapshot there; gives the seconds."""
        return self._aptly("publish", "switch", *self._how(), "stable", _OF_SNAPSHOTS, name)

    @property
    def packages(self) -> Path:
        return self._root / "public/dists/stable/main/binary-amd64/Packages"

    @property
    def packages_of_snapshot(self) -> Path:
        """The index of the snapshot that is published."""
        return self._root / f"public/{_OF_SNAPSHOTS}/dists/stable/main/binary-amd64/Packages"

    @property
    def environment(self) -> dict[str, str]:
        """What it runs in."""
        return self._key.environment

    @property
    def fingerprint(self) -> str:
        """Of the key that it signs with."""
        return self._key.fingerprint

    def command(self, *arguments: str) -> list[str]:
        """Give the command line that does something with this repository."""
        return ["aptly", f"-config={self._config}", *arguments]

    def _how(self) -> list[str]:
        return ["-batch", "-skip-contents", f"-gpg-key={self.fingerprint}"]

    def _aptly(self, *arguments: str) -> float:
        done = run(self.command(*arguments), self.environment)
        self.computed += done.cpu
        return done.seconds


class Reprepro:
    """reprepro: gz and xz."""

    name: ClassVar[str] = "reprepro"

    def __init__(self, root: Path, key: SigningKey) -> None:
        (root / "conf").mkdir(parents=True)
        self._root, self._key = root, key
        (root / "conf/distributions").write_text(_DISTRIBUTION.format(key=key.fingerprint))

    def set_up(self, debs: Sequence[TinyDeb]) -> None:
        for first in range(0, len(debs), _FILES_OF_A_CALL):
            files = [str(deb.path) for deb in debs[first : first + _FILES_OF_A_CALL]]
            self._reprepro("--export=never", "includedeb", "stable", *files)
        self.rebuild()

    def publish_one(self, deb: TinyDeb) -> float:
        return self._reprepro("includedeb", "stable", str(deb.path))

    def rebuild(self) -> float:
        return self._reprepro("export", "stable")

    @property
    def packages(self) -> Path:
        return self._root / "dists/stable/main/binary-amd64/Packages"

    def _reprepro(self, *arguments: str) -> float:
        return run(["reprepro", "--silent", "-b", str(self._root), *arguments], self._key.environment).seconds


class AptFtparchive:
    """apt-ftparchive with its cache of what it read of the files, gzip and xz at once beside each other, and gpg."""

    name: ClassVar[str] = "apt-ftparchive"

    def __init__(self, root: Path, key: SigningKey) -> None:
        root.mkdir()
        self._root, self._key = root, key
        self.packages.parent.mkdir(parents=True)

    def set_up(self, debs: Sequence[TinyDeb]) -> None:
        for deb in debs:
            self._take(deb)
        self.rebuild()

    def publish_one(self, deb: TinyDeb) -> float:
        self._take(deb)
        return self.rebuild()

    def rebuild(self) -> float:
        return run(["sh", "-e", "-c", self._script()], self._key.environment, folder=self._root).seconds

    @property
    def packages(self) -> Path:
        return self._root / "dists/stable/main/binary-amd64/Packages"

    def _take(self, deb: TinyDeb) -> None:
        target = self._root / pool_path("main", deb.name, deb.path.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(deb.path, target)

    def _script(self) -> str:
        release = " ".join(
            f"-o APT::FTPArchive::Release::{name}={value}"
            for name, value in (
                ("Origin", "Bench"),
                ("Label", "Bench"),
                ("Suite", "stable"),
                ("Codename", "stable"),
                ("Architectures", "amd64"),
                ("Components", "main"),
            )
        )
        packages = self.packages.relative_to(self._root)
        return f"""
            apt-ftparchive --quiet --quiet --db cache.db --arch amd64 packages pool > {packages}
            gzip -9nkf {packages} & gz=$!
            xz -6kf {packages}
            wait $gz
            rm -f dists/stable/Release dists/stable/Release.gpg dists/stable/InRelease
            apt-ftparchive {release} release dists/stable > Release.new
            mv Release.new dists/stable/Release
            gpg --batch --yes --clearsign -o dists/stable/InRelease dists/stable/Release
            gpg --batch --yes -abs -o dists/stable/Release.gpg dists/stable/Release
        """


def linked(folder: Path, debs: Sequence[TinyDeb]) -> Path:
    """Give a folder with links to these files."""
    folder.mkdir()
    for deb in debs:
        os.link(deb.path, folder / deb.path.name)
    return folder
