"""A candidate read by the real apt before any client can: `apt-get update` in a private root.

See docs/ARCHITECTURE.md, Publishing.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from packages_app.core.checksums import checksums_of_bytes, checksums_of_file
from packages_app.core.errors import CandidateRefused, SettingsError
from packages_app.debian.apt_root import COMPLAINTS, make_root, run_in_root
from packages_app.indexes.packages import plan_of
from packages_app.publishing.candidate import Candidate

_SECONDS = 120.0


@dataclass(frozen=True)
class SecondReader:
    """Reads a candidate with apt before the switch.

    `of_changes` says that it reads those too that change a published index in places, not only whole ones.
    """

    keyring: bytes
    of_changes: bool

    def read(self, candidate: Candidate) -> None:
        """Let apt read it, all of whose files lie in its folder; raise `CandidateRefused`."""
        read_with_apt(candidate, self.keyring)


def second_reader(choice: str, keyring: bytes) -> SecondReader | None:
    """Return what reads a candidate with apt, as the setting APT_CHECK says; None where apt is not asked.

    `auto`: whole candidates, where apt-get is installed. `required`: every one; raise `SettingsError` where apt-get is
    missing. `off`: none.
    """
    installed = shutil.which("apt-get") is not None
    if choice == "required" and not installed:
        raise SettingsError("APT_CHECK is required, and apt-get is not installed.", remedy="Install apt, or set auto.")
    if choice == "off" or not installed:
        return None
    return SecondReader(keyring, of_changes=choice == "required")


def read_with_apt(candidate: Candidate, keyring: bytes) -> None:
    """Let apt read a candidate's InRelease and the indexes in its folder; what it stores must be what Release lists.

    Raise `CandidateRefused` with what apt complained of.
    """
    with tempfile.TemporaryDirectory(prefix="repomgr-apt-") as folder:
        root, archive = Path(folder) / "root", Path(folder) / "archive"
        _write_archive(candidate, archive)
        _write_root(candidate, root, archive, keyring)
        said = _run(root, "apt-get", "update")
        complaints = [line for line in said.splitlines() if line.startswith(COMPLAINTS)]
        if complaints:
            raise _refused(candidate, " ".join(complaints))
        _compare(candidate, root)
        _run(root, "apt-cache", "gencaches")


def _write_archive(candidate: Candidate, archive: Path) -> None:
    suite = archive / "dists" / candidate.suite.name
    for name in plan_of(candidate.suite).stored:
        (suite / name).parent.mkdir(parents=True, exist_ok=True)
        (suite / name).symlink_to(candidate.folder / name)
    (suite / "InRelease").write_bytes(candidate.in_release)


def _write_root(candidate: Candidate, root: Path, archive: Path, keyring: bytes) -> None:
    suite = candidate.suite
    make_root(root, suite.architectures)
    (root / "key.gpg").write_bytes(keyring)
    (root / "etc/apt/sources.list.d/candidate.sources").write_text(
        f"Types: deb\nURIs: file:{archive}\nSuites: {suite.name}\nComponents: {' '.join(suite.components)}\n"
        f"Architectures: {' '.join(suite.architectures)}\nSigned-By: {root}/key.gpg\n",
        encoding="utf-8",
    )


def _run(root: Path, *command: str) -> str:
    """Run a program of apt's with the private root; return what it said. Raise `CandidateRefused` when it fails."""
    try:
        done = run_in_root(root, *command, seconds=_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise CandidateRefused(
            f"{command[0]} did not read the candidate within {_SECONDS:.0f} s.", remedy="Try again; look at the load."
        ) from error
    said = f"{done.stdout}\n{done.stderr}"
    if done.returncode:
        complaints = [line for line in said.splitlines() if line.startswith(COMPLAINTS)]
        raise CandidateRefused(
            f"{' '.join(command)} refuses the candidate: {' '.join(complaints) or said.strip()[-500:]}",
            remedy="Report this: it is a fault of repomgr. APT_CHECK=off publishes without apt's word.",
        )
    return said


def _compare(candidate: Candidate, root: Path) -> None:
    """See that what apt holds to be the indexes is what was made."""
    lists = root / "var/lib/apt/lists"
    for name, entry in candidate.draft.entries.items():
        if not name.endswith("/Packages"):
            continue
        [*found] = lists.glob(f"*_dists_{candidate.suite.name}_{name.replace('/', '_')}")
        sha256 = checksums_of_file(found[0]).sha256 if found else checksums_of_bytes(b"").sha256
        if sha256 != entry.sha256:
            raise _refused(candidate, f"{name} in apt's lists has SHA256 {sha256}, not {entry.sha256}")


def _refused(candidate: Candidate, what: str) -> CandidateRefused:
    return CandidateRefused(
        f"apt does not read the candidate of suite {candidate.suite.name}: {what}.",
        remedy="Report this: it is a fault of repomgr. APT_CHECK=off publishes without apt's word.",
    )
