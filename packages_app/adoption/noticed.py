"""What clients notice of an adoption: another identity of the repository, and what of the old one is left behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from packages_app.adoption.index import Index
from packages_app.adoption.release import ExistingRelease
from packages_app.core.repository import Repository, Suite

_MEANINGS = {
    "Origin": "pins by o= and Unattended-Upgrade::Origins-Pattern by origin= match no more",
    "Label": "pins by l= and Unattended-Upgrade::Origins-Pattern by label= match no more",
    "Suite": "pins by a= and Unattended-Upgrade::Origins-Pattern by archive= or suite= match no more",
    "Codename": "pins by n= and Unattended-Upgrade::Origins-Pattern by codename= match no more",
    "NotAutomatic": "apt gives all of its packages another priority (apt_preferences(5))",
    "ButAutomaticUpgrades": "apt gives all of its packages another priority (apt_preferences(5))",
    "dists/": "clients have to name another suite in their lists of sources",
}
_REFUSED = tuple(name for name in _MEANINGS if name not in ("Suite", "dists/"))
_REFUSAL = "apt-get update of a client that stays at this address fails until --allow-releaseinfo-change is said once; "
"""What clients do about a field of Release that is another now (apt-secure(8); tried with apt 2.6)."""
_FLAGS = ("NotAutomatic", "ButAutomaticUpgrades")

LEFT_BEHIND = {
    "Sources": "apt-get source finds nothing",
    "udeb": "debian-installer finds nothing",
    "Contents": "apt-file finds nothing",
    "DEP-11": "software centres show less of the packages",
    "Translation": "descriptions that only these have are missing",
    "command-not-found": "shells do not tell which package has a command",
    "installer": "nothing can be installed over the network by it",
    "Packages": "these components or architectures are not read",
    "other": "nothing of it is read",
}
"""What a repository has that is no index of packages which an adoption reads, and what clients miss then."""
_ENDINGS = (".xz", ".gz", ".bz2", ".zst", ".lzma", ".lz4")


@dataclass(frozen=True)
class Difference:
    """A field of the identity that is another here; `theirs` and `ours` are "" where it is not there."""

    suite: str
    field: str
    theirs: str
    ours: str

    @property
    def is_refused(self) -> bool:
        """Whether clients that stay at the address refuse the repository until they are told to accept it."""
        return self.field in _REFUSED

    @property
    def meaning(self) -> str:
        """Return what clients notice of it."""
        return f"{_REFUSAL if self.is_refused else ''}{_MEANINGS[self.field]}"

    def __str__(self) -> str:
        theirs, ours = self.theirs or "not said", self.ours or "not said"
        return f"{self.suite}: {self.field} is {ours}, was {theirs}: {self.meaning}"


def differences(release: ExistingRelease, repository: Repository, suite: Suite) -> list[Difference]:
    """Return how the identity of a suite of ours differs from that of the suite of theirs that is taken over."""
    own: dict[str, str] = {
        "Origin": repository.origin, "Label": repository.label, "Suite": suite.name, "Codename": suite.codename,
        **dict.fromkeys(_FLAGS, ""), **suite.fields.named(),
    }  # fmt: skip
    found = [
        Difference(suite.name, name, release.fields.get(name.lower(), ""), own[name])
        for name in ("Origin", "Label", "Suite", "Codename")
    ]
    for name in _FLAGS:
        theirs = "yes" if release.fields.get(name.lower(), "").lower() in ("yes", "true", "1") else ""
        found.append(Difference(suite.name, name, theirs, own[name]))
    if release.folder != f"dists/{suite.name}":
        found.append(Difference(suite.name, "dists/", release.folder or "flat", f"dists/{suite.name}"))
    return [one for one in found if one.theirs != one.ours]


def left_behind(release: ExistingRelease, taken: Collection[Index]) -> Counter[str]:
    """Return how many files that a Release lists no adoption reads, by their kind (`LEFT_BEHIND`).

    One that is there in several forms is one; patches of an index, and the Release of a component, tell nothing more.
    """
    read = {index.name for index in taken}
    plain = {_plain(name) for name in release.entries}
    return Counter(kind for name in plain if name not in read and (kind := _kind_of(name)))


def told_of(left: Mapping[str, int]) -> list[str]:
    """Return what is left behind as people read it, in the order of `LEFT_BEHIND`."""
    return [f"{left[kind]} {kind} left behind: {meaning}" for kind, meaning in LEFT_BEHIND.items() if left.get(kind)]


def _plain(name: str) -> str:
    return next((name.removesuffix(ending) for ending in _ENDINGS if name.endswith(ending)), name)


def _kind_of(name: str) -> str:
    folders, _, file = name.rpartition("/")
    parts = folders.split("/")
    if ".diff" in f"{folders}/{file}" or file in ("Release", "InRelease", "Release.gpg"):
        return ""
    if any(part.startswith("installer-") for part in parts):
        return "installer"
    if "debian-installer" in parts or file.startswith("Contents-udeb"):
        return "udeb"
    by_folder = {"dep11": "DEP-11", "appstream": "DEP-11", "i18n": "Translation", "cnf": "command-not-found"}
    by_file = {"Sources": "Sources", "Packages": "Packages", "Contents": "Contents"}
    of_folder = (kind for folder, kind in by_folder.items() if folder in parts)
    return by_file.get(file.partition("-")[0]) or next(of_folder, "other")
