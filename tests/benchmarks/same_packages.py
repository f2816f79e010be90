"""Results compared before times are: what each tool's index lists, and what the real apt sees of ours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from packages_app.debian.stanza import parse_stanzas
from tests.apt.client import AptClient
from tests.benchmarks.ours import OurRepository
from tests.benchmarks.peers import Peer
from tests.benchmarks.processes import BenchFailed

Listed = frozenset[tuple[str, str, str, str]]


def listed_in(packages: Path) -> Listed:
    """Give (Package, Version, Architecture, SHA256) of an index; raises `BenchFailed` when one is listed twice."""
    stanzas = [
        (stanza["Package"], stanza["Version"], stanza["Architecture"], stanza["SHA256"])
        for stanza in parse_stanzas(packages.read_bytes())
    ]
    found = frozenset(stanzas)
    if len(found) != len(stanzas):
        raise BenchFailed(f"{packages} lists {len(stanzas) - len(found)} packages twice.")
    return found


def check_same(ours: OurRepository, peers: Iterable[Peer]) -> int:
    """Give how many packages all list; raises `BenchFailed` that names what differs."""
    return check_lists(ours, {peer.name: peer.packages for peer in peers})


def check_lists(ours: OurRepository, indexes: Mapping[str, Path]) -> int:
    """Do as `check_same` with indexes by their tools' names."""
    listed = listed_in(ours.packages)
    for name, packages in indexes.items():
        theirs = listed_in(packages)
        if theirs != listed:
            some = sorted(listed ^ theirs)[:5]
            raise BenchFailed(f"Ours lists {len(listed)} packages, {name} {len(theirs)}; they differ in {some}.")
    return len(listed)


def check_with_apt(ours: OurRepository, root: Path) -> int:
    """Let the real apt read ours, signatures checked; raises `BenchFailed` unless it sees what the index lists."""
    seen = seen_by_apt(root, f"[signed-by={ours.keyring}] file:{ours.bucket} stable main")
    found = frozenset((*key, fields["SHA256"]) for key, fields in seen.items())
    listed = listed_in(ours.packages)
    if found != listed:
        raise BenchFailed(f"apt sees {len(found)} packages; the index lists {len(listed)}.")
    return len(found)


def seen_by_apt(root: Path, source: str) -> dict[tuple[str, str, str], dict[str, str]]:
    """Give what apt-cache tells of a source's packages: their fields by (Package, Version, Architecture)."""
    client = AptClient(root)
    (root / "etc/apt/sources.list.d/bench.list").write_text(f"deb {source}\n")
    (root / "var/lib/dpkg/status").write_text("")
    client.apt_get("update")
    packages = {}
    for stanza in client.run("apt-cache", "dumpavail").stdout.split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z0-9-]+): ?(.*(?:\n[ \t].*)*)", stanza, re.MULTILINE))
        if fields:
            packages[fields["Package"], fields["Version"], fields["Architecture"]] = fields
    return packages
