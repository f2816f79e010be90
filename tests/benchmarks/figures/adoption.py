"""Adoption: Debian's own main index taken over, metadata only, and what apt sees of it.

aptly, which reads the same index in the same run and keeps none of it, is what the reading is compared with.
"""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

from tests.adoption.existing import ExistingRepository, Served
from tests.benchmarks.bench import Bench
from tests.benchmarks.debian_index import ARCHITECTURE, DebianIndex, debian_index
from tests.benchmarks.ours import GZ_AND_XZ, OurRepository
from tests.benchmarks.processes import BenchFailed, plain_environment, run, say
from tests.benchmarks.rows import Goal, Row
from tests.benchmarks.same_packages import seen_by_apt

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_SECONDS_TO_ADOPT = 10
_OF_THE_INDEX = ("MD5sum", "SHA1", "Description-md5")


def measure(bench: Bench) -> Iterator[Row]:
    """Give what reading, adopting, and adopting again takes, and the publication of it all."""
    index = debian_index()
    scratch = bench.folder("adoption")
    ours = OurRepository(scratch / "home")
    ours.configure(**GZ_AND_XZ)
    ours.run("empty")
    order = [
        "adopt_repository", str(_as_debian_has_it(scratch / "debian", index)), "--keyring", str(_KEYRING),
        "--suite", f"{index.suite}=stable", "--component", "main", "--architecture", ARCHITECTURE, "--pool", "none",
    ]  # fmt: skip
    theirs = _signed_by_us(scratch / "again", index)
    say("adoption: aptly")
    aptly = {"aptly, which keeps nothing": _read_by_aptly(scratch / "aptly", theirs, index.suite)}
    count = index.text.count(b"\nPackage: ") + index.text.startswith(b"Package: ")
    for what, arguments, goal, peers in (
        ("read and compared", [*order, "--dry-run"], None, aptly),
        ("adopted", order, Goal(_SECONDS_TO_ADOPT), aptly),
        ("adopted again", order, None, aptly),
        ("published whole", ["force_rebuild", "stable", "--approve", "1"], None, {}),
    ):
        if "--approve" in arguments:
            _held_as_candidate_one(ours)
        say(f"adoption: {what}")
        done, peak = ours.manage_watched(*arguments)
        detail = {"records_a_second": round(count / done.seconds), "peak_mb": round(peak / 1e6)}
        yield Row(
            f"Debian's {index.suite} main, {count:,} stanzas: {what}", "seconds", done.seconds, goal, peers, detail
        )
    _compare(scratch, ours, theirs, index.suite)


def _held_as_candidate_one(ours: OurRepository) -> None:
    """Ask for what is held back, as the packages that every Debian needs are: apt installs them unasked."""
    with contextlib.suppress(BenchFailed):
        ours.manage("force_rebuild", "stable")


def _as_debian_has_it(root: Path, index: DebianIndex) -> Path:
    place = root / "dists" / index.suite / "main" / f"binary-{ARCHITECTURE}"
    place.mkdir(parents=True)
    (place / "Packages").write_bytes(index.text)
    (place.parents[1] / "InRelease").write_bytes(index.in_release)
    return root


def _signed_by_us(root: Path, index: DebianIndex) -> ExistingRepository:
    """Make a repository of the same text with forms that apt and aptly fetch."""
    repository = ExistingRepository(root)
    _as_debian_has_it(root, index)
    folder = f"dists/{index.suite}"
    (root / folder / "main" / f"binary-{ARCHITECTURE}" / "Packages.gz").write_bytes(gzip.compress(index.text, 1))
    fields = f"Codename: {index.suite}\nComponents: main\nArchitectures: {ARCHITECTURE}\n"
    repository.release(folder, fields=fields, detached=True)
    return repository


def _read_by_aptly(root: Path, repository: ExistingRepository, suite: str) -> float:
    """Let aptly read the index, with a filter that no package passes; gives the seconds."""
    root.mkdir()
    config = root / "aptly.conf"
    config.write_text(json.dumps({"rootDir": str(root), "architectures": [ARCHITECTURE]}))
    command = ["aptly", f"-config={config}", "mirror"]
    environment = plain_environment(HOME=str(root))
    nothing = "-filter=Name (= no-such-package)"
    with Served(repository.root) as served:
        run([*command, "create", "-ignore-signatures", nothing, "bench", served.url, suite, "main"], environment)
        return run([*command, "update", "-ignore-signatures", "bench"], environment).seconds


def _compare(scratch: Path, ours: OurRepository, theirs: ExistingRepository, suite: str) -> None:
    """Compare what apt-cache tells of Debian's index and of ours: every field of every package."""
    before = seen_by_apt(scratch / "client-a", f"[trusted=yes] file:{theirs.root} {suite} main")
    after = seen_by_apt(scratch / "client-b", f"[signed-by={ours.keyring}] file:{ours.bucket} stable main")
    for fields in (*before.values(), *after.values()):
        for name in _OF_THE_INDEX:
            fields.pop(name, None)
    if before != after:
        different = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
        raise BenchFailed(f"apt-cache sees {len(different)} packages that differ: {different[:5]}.")
