"""A candidate read by the real apt before any client can: `apt-get update` in a private root (DESIGN 4, step 4)."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from packages_app.core.errors import CandidateRefused, SettingsError
from packages_app.publishing.candidate import Candidate

_SECONDS = 120.0
_COMPLAINTS = ("W:", "E:", "Err:", "Ign:")
_FOLDERS = (
    "etc/apt/sources.list.d", "etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/trusted.gpg.d",
    "var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/lib/dpkg",
)  # fmt: skip


def apt_reader(choice: str, keyring: bytes) -> Callable[[Candidate], None]:
    """Give what reads a candidate with apt, or does nothing, as the setting APT_CHECK says.

    `auto`: where apt-get is installed. `required`: raises `SettingsError` where it is not. `off`: never.
    """
    installed = shutil.which("apt-get") is not None
    if choice == "required" and not installed:
        raise SettingsError("APT_CHECK is required, and apt-get is not installed.", remedy="Install apt, or set auto.")
    if choice == "off" or not installed:
        return lambda _candidate: None
    return partial(read_with_apt, keyring=keyring)


def read_with_apt(candidate: Candidate, keyring: bytes) -> None:
    """Let apt read a candidate's InRelease and indexes from a folder; what it stores must be our bytes.

    Raises `CandidateRefused` with what apt complained of.
    """
    with tempfile.TemporaryDirectory(prefix="repomgr-apt-") as folder:
        root, archive = Path(folder) / "root", Path(folder) / "archive"
        _write_archive(candidate, archive)
        _write_root(candidate, root, archive, keyring)
        said = _run(root, "apt-get", "update")
        complaints = [line for line in said.splitlines() if line.startswith(_COMPLAINTS)]
        if complaints:
            raise _refused(candidate, " ".join(complaints))
        _compare(candidate, root)
        _run(root, "apt-cache", "gencaches")


def _write_archive(candidate: Candidate, archive: Path) -> None:
    suite = archive / "dists" / candidate.suite.name
    files: Mapping[str, bytes] = {index.name: index.body for index in candidate.indexes}
    for name, body in {**files, "InRelease": candidate.in_release}.items():
        path = suite / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


def _write_root(candidate: Candidate, root: Path, archive: Path, keyring: bytes) -> None:
    for name in _FOLDERS:
        (root / name).mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    (root / "key.gpg").write_bytes(keyring)
    suite = candidate.suite
    (root / "etc/apt/sources.list.d/candidate.sources").write_text(
        f"Types: deb\nURIs: file:{archive}\nSuites: {suite.name}\nComponents: {' '.join(suite.components)}\n"
        f"Architectures: {' '.join(suite.architectures)}\nSigned-By: {root}/key.gpg\n",
        encoding="utf-8",
    )
    architectures = " ".join(f'"{name}";' for name in suite.architectures)
    (root / "apt.conf").write_text(
        f'Dir "{root}";\nDir::State::status "{root}/var/lib/dpkg/status";\nDir::Bin::Methods "/usr/lib/apt/methods";\n'
        f'APT::Architecture "{suite.architectures[0]}";\nAPT::Architectures {{ {architectures} }};\n'
        'Acquire::Languages "none";\nAcquire::By-Hash "no";\nAPT::Sandbox::User "";\nDebug::NoLocking "true";\n',
        encoding="utf-8",
    )


def _run(root: Path, *command: str) -> str:
    """Run a program of apt's with the private root; gives what it said. Raises `CandidateRefused` when it fails."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath), "APT_CONFIG": str(root / "apt.conf"), "LC_ALL": "C",
        "HOME": str(root), "TMPDIR": str(root),
    }  # fmt: skip
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise CandidateRefused(
            f"{command[0]} did not read the candidate within {_SECONDS:.0f} s.", remedy="Try again; look at the load."
        ) from error
    said = f"{done.stdout}\n{done.stderr}"
    if done.returncode:
        complaints = [line for line in said.splitlines() if line.startswith(_COMPLAINTS)]
        raise CandidateRefused(
            f"{' '.join(command)} refuses the candidate: {' '.join(complaints) or said.strip()[-500:]}",
            remedy="Report this: it is a fault of repomgr. APT_CHECK=off publishes without apt's word.",
        )
    return said


def _compare(candidate: Candidate, root: Path) -> None:
    """See that what apt holds to be the indexes is what was made."""
    lists = root / "var/lib/apt/lists"
    for index in candidate.indexes:
        if not index.name.endswith("/Packages"):
            continue
        # apt's names of files: the address with its slashes as underscores.
        [*found] = lists.glob(f"*_dists_{candidate.suite.name}_{index.name.replace('/', '_')}")
        body = found[0].read_bytes() if found else b""
        if body != index.body:
            raise _refused(candidate, f"{index.name} has {len(body)} bytes in apt's lists, not {len(index.body)}")


def _refused(candidate: Candidate, what: str) -> CandidateRefused:
    return CandidateRefused(
        f"apt does not read the candidate of suite {candidate.suite.name}: {what}.",
        remedy="Report this: it is a fault of repomgr. APT_CHECK=off publishes without apt's word.",
    )
