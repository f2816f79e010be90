"""What readers say: a real apt of an index with given stanzas, a real dpkg of packages unpacked, and ours."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from packages_app.core.errors import InvalidDeb
from packages_app.debian.deb_file import open_deb
from packages_app.debian.payload import read_payload

_COMPLAINTS = re.compile(r"^(?:[EW]: .*|.*(?:Segmentation fault|Aborted|terminate called).*)$", re.MULTILINE)
# What a root that is no system's own says besides.
_HARMLESS = re.compile(r"is configured multiple times|Download is performed unsandboxed|^W: .*trusted=yes")
_REFUSED = re.compile(r"^dpkg: error processing archive (\S+) \(--unpack\):\n((?: .*\n?)+)", re.MULTILINE)
_FORCED = "depends,conflicts,breaks,overwrite,unsafe-io,not-root,script-chrootless,bad-path"
_AT_ONCE = 40  # each looks at the relations of all that are there


def apt_complaints(folder: Path, stanzas: Sequence[str], *, install: Iterable[str] = ()) -> list[str]:
    """Give what apt says against a repository of these stanzas; [] where `update` is silent and no signal ends it.

    `install` are packages to ask for by name, with `-s`. That they can't be installed is none of it.
    """
    root = _apt_root(folder, "\n".join(stanzas))
    said = _apt(root, "update")
    for command in (("upgrade",), ("full-upgrade",), *(("install", name) for name in install)):
        said = said or _apt(root, "-s", *command, may_fail=True)
    return said


def apt_offers(folder: Path, names: Iterable[str]) -> set[tuple[str, str]]:
    """Give names and versions that apt has read of the repository that `apt_complaints` was asked about."""
    command = ["apt-cache", "-c", str(folder / "apt.conf"), "madison", *names]
    shown = subprocess.run(command, capture_output=True, text=True, errors="replace", check=True).stdout
    rows = (line.split("|") for line in shown.splitlines() if line.count("|") >= 2)
    return {(row[0].strip(), row[1].strip()) for row in rows}


def _apt_root(folder: Path, index: str) -> Path:
    repository = folder / "repository"
    for path in ("repository", "lists/partial", "cache/archives/partial", "etc/preferences.d"):
        (folder / path).mkdir(parents=True, exist_ok=True)
    body = index.encode()
    (repository / "Packages").write_bytes(body)
    digest = hashlib.sha256(body).hexdigest()
    (repository / "Release").write_text(
        f"Date: Fri, 27 Nov 2026 00:00:00 UTC\nSHA256:\n {digest} {len(body)} Packages\n"
    )
    (folder / "status").write_bytes(b"")
    (folder / "sources.list").write_text(f"deb [trusted=yes] file:{repository} ./\n")
    configuration = f"""
    Dir::State::Lists "{folder}/lists"; Dir::State::Status "{folder}/status"; Dir::Cache "{folder}/cache";
    Dir::State "{folder}"; Dir::Etc::SourceList "{folder}/sources.list"; Dir::Etc::SourceParts "/dev/null";
    Dir::Etc "{folder}/etc"; Dir::Etc::Main "/dev/null"; Dir::Etc::Parts "/dev/null"; Debug::NoLocking "true";
    APT::Sandbox::User "root"; APT::Architecture "amd64"; APT::Architectures {{ "amd64"; }}; Acquire::Languages "none";
    """
    (folder / "apt.conf").write_text(configuration)
    return folder


def _apt(root: Path, *arguments: str, may_fail: bool = False) -> list[str]:
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "APT_CONFIG": str(root / "apt.conf")}
    command = ["apt-get", "-q", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)
    named = f"apt-get {' '.join(arguments)}"
    if done.returncode < 0 or done.returncode not in (0, 100):
        return [f"{named} ended with {done.returncode}"]
    complaints = [line for line in _COMPLAINTS.findall(done.stderr) if not _HARMLESS.search(line)]
    if may_fail:
        return []
    return [f"{named}: {line}" for line in complaints or ([str(done.returncode)] if done.returncode else [])]


def dpkg_refusals(folder: Path, debs: Sequence[Path]) -> dict[Path, str]:
    """Give the packages that dpkg does not unpack into a root of their own, each with what it says."""
    refused: dict[Path, str] = {}
    for at in range(0, len(debs), _AT_ONCE):
        root = folder / f"root{at}"
        for path in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers"):
            (root / path).mkdir(parents=True)
        (root / "var/lib/dpkg/status").write_bytes(b"")
        command = ["dpkg", f"--root={root}", f"--force-{_FORCED}", "--abort-after=100000", "--unpack"]
        done = subprocess.run(
            [*command, *map(str, debs[at : at + _AT_ONCE])],
            env={**os.environ, "LC_ALL": "C.UTF-8"}, capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
        found = {Path(path): said.strip() for path, said in _REFUSED.findall(done.stderr)}
        assert bool(found) == bool(done.returncode), done.stderr[-2000:]
        refused |= found
    return refused


def smallest_that_fails(items: Sequence[str], fails: Callable[[Sequence[str]], bool]) -> str:
    """Give one of the items over which all of them fail, found by halving."""
    while len(items) > 1:
        half = items[: len(items) // 2]
        items = half if fails(half) else items[len(items) // 2 :]
    return items[0]


def look(path: Path) -> str:
    """Say whether intake refuses a package: what opens it, and what looks at all of its files."""
    try:
        opened = open_deb(path)
        with path.open("rb") as stream:
            read_payload(stream, opened, keep=lambda _file: False)
    except InvalidDeb as error:
        assert error.remedy
        return "refused"
    return "taken"
