"""`make bench`: Debian's own main index adopted, metadata only: records a second, peak memory, and what apt sees of it.

Debian's index comes from this machine's apt lists (run `apt-get update` where there are none); nothing is downloaded.
aptly, which reads the same index in the same run and keeps none of it, is what the reading is compared with.
"""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.adoption.existing import ExistingRepository, Served
from tests.apt.client import AptClient

REPOSITORY = Path(__file__).resolve().parents[2]
_LISTS = Path("/var/lib/apt/lists")
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_ARCHITECTURE = "amd64"
_OF_THE_INDEX = ("MD5sum", "SHA1", "Description-md5")


@dataclass(frozen=True)
class Measured:
    """How long a process took (seconds), and the most memory that it held (MiB)."""

    seconds: float
    memory: float
    output: str


def main() -> int:
    """Run it all; gives 0 when apt sees the same packages in both repositories."""
    with tempfile.TemporaryDirectory(prefix="repomgr-bench-") as folder:
        scratch = Path(folder)
        suite, text = debian_index()
        signed = scratch / "debian"
        place = signed / "dists" / suite / "main" / f"binary-{_ARCHITECTURE}"
        place.mkdir(parents=True)
        (place / "Packages").write_bytes(text)
        (place.parents[1] / "InRelease").write_bytes(next(_LISTS.glob(f"*_dists_{suite}_InRelease")).read_bytes())
        environment = {**os.environ, "REPOMGR_HOME": str(scratch / "home"), "LOG_LEVEL": "ERROR"}
        for command in ("migrate", "create_storage"):
            measure(manage(command), environment)
        order = manage(
            "adopt_repository", str(signed), "--keyring", str(_KEYRING), "--suite", f"{suite}=stable",
            "--component", "main", "--architecture", _ARCHITECTURE, "--pool", "none",
        )  # fmt: skip
        count = text.count(b"\nPackage: ") + text.startswith(b"Package: ")
        read = measure([*order, "--dry-run"], environment)
        adopted = measure(order, environment)
        again = measure(order, environment)
        theirs = aptly(scratch / "aptly", again_signed(scratch / "again", suite, text), suite)
        say(f"index of {suite} main {_ARCHITECTURE}", f"{count} stanzas, {len(text) / 2**20:.1f} MiB")
        for name, run in (("read and compared (--dry-run)", read), ("adopted", adopted), ("adopted again", again)):
            say(name, f"{run.seconds:6.1f} s, {count / run.seconds:7.0f} records/s, peak {run.memory:.0f} MiB")
        say("aptly, read and kept nothing", f"{theirs.seconds:6.1f} s, peak {theirs.memory:.0f} MiB")
        say("ratio of reading to aptly's", f"{read.seconds / theirs.seconds:.1f} x")
        published = measure(manage("force_rebuild", "stable"), environment)
        say("published whole", f"{published.seconds:6.1f} s, peak {published.memory:.0f} MiB")
        return compare(scratch, suite)


def debian_index() -> tuple[str, bytes]:
    """Give the suite and the text of the largest main index in the machine's apt lists."""
    found = sorted(
        _LISTS.glob(f"*_dists_*_main_binary-{_ARCHITECTURE}_Packages*"), key=lambda path: path.stat().st_size
    )
    if not found:
        sys.exit("This machine has no apt lists: run apt-get update first.")
    suite = re.search(r"_dists_(.+)_main_binary-", found[-1].name)
    assert suite
    done = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", str(found[-1])], capture_output=True, check=True)
    return suite[1], done.stdout


def manage(*arguments: str) -> list[str]:
    return [sys.executable, str(REPOSITORY / "manage.py"), *arguments]


def measure(command: list[str], environment: dict[str, str]) -> Measured:
    """Run a command to its end; its output is shown when it fails."""
    with tempfile.TemporaryFile() as output:
        began = time.monotonic()
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, cwd=REPOSITORY)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read().decode()
    if process.returncode:
        sys.exit(f"{command} gave {process.returncode}:\n{said[-2000:]}")
    return Measured(seconds, usage.ru_maxrss / 1024, said)


def again_signed(root: Path, suite: str, text: bytes) -> ExistingRepository:
    """Make a repository of the same text with forms that apt and aptly fetch."""
    repository = ExistingRepository(root)
    place = root / "dists" / suite / "main" / f"binary-{_ARCHITECTURE}"
    place.mkdir(parents=True)
    (place / "Packages").write_bytes(text)
    (place / "Packages.gz").write_bytes(gzip.compress(text, 1))
    fields = f"Codename: {suite}\nComponents: main\nArchitectures: {_ARCHITECTURE}\n"
    repository.release(f"dists/{suite}", fields=fields, detached=True)
    return repository


def aptly(root: Path, repository: ExistingRepository, suite: str) -> Measured:
    """Let aptly read the index, with a filter that no package passes."""
    root.mkdir()
    config = root / "aptly.conf"
    config.write_text(f'{{"rootDir": "{root}", "architectures": ["{_ARCHITECTURE}"]}}')
    command = ["aptly", f"-config={config}", "mirror"]
    environment = {**os.environ, "HOME": str(root)}
    with Served(repository.root) as served:
        create = [
            "create",
            "-ignore-signatures",
            "-filter=Name (= no-such-package)",
            "bench",
            served.url,
            suite,
            "main",
        ]
        measure([*command, *create], environment)
        return measure([*command, "update", "-ignore-signatures", "bench"], environment)


def compare(scratch: Path, suite: str) -> int:
    """Compare what apt-cache tells of Debian's index and of ours: every field of every package."""
    theirs = seen_by_apt(scratch / "client-a", f"[trusted=yes] file:{scratch}/again {suite} main")
    bucket = scratch / "home" / "bucket"
    ours = seen_by_apt(scratch / "client-b", f"[signed-by={bucket}/kiro-archive-keyring.gpg] file:{bucket} stable main")
    different = [key for key in theirs if theirs[key] != ours.get(key)]
    same = not different and set(ours) == set(theirs)
    say("apt-cache sees", f"{len(theirs)} packages of theirs, {len(ours)} of ours, {len(different)} with other fields")
    return 0 if same else 1


def seen_by_apt(root: Path, source: str) -> dict[tuple[str, str, str], dict[str, str]]:
    client = AptClient(root)
    (root / "etc/apt/sources.list.d/bench.list").write_text(f"deb {source}\n")
    (root / "var/lib/dpkg/status").write_text("")
    client.apt_get("update")
    packages = {}
    for stanza in client.run("apt-cache", "dumpavail").stdout.split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z0-9-]+): ?(.*(?:\n[ \t].*)*)", stanza, re.MULTILINE))
        if fields:
            key = (fields["Package"], fields["Version"], fields["Architecture"])
            packages[key] = {name: value for name, value in fields.items() if name not in _OF_THE_INDEX}
    return packages


def say(what: str, figures: str) -> None:
    sys.stdout.write(f"{what:<34} {figures}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
