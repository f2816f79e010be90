"""An adoption: what is asked for, what came of it, and the indexes that it reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from packages_app.adoption.existing_repository import ExistingRepository
from packages_app.adoption.index import Index
from packages_app.adoption.noticed import Difference
from packages_app.core.layout import deb_filename, pool_path
from packages_app.core.repository import Suite
from packages_app.services.takeover.cautioned import Cautioned
from packages_app.services.takeover.offered_definitions import OfferedDefinitions

POOL = "pool/"
WHO, WAY = "adopt_repository", "adoption"
"""What the history of an adopted record says of who brought it, and how."""
_KEPT_FAULTS = 100


class PoolFiles(Enum):
    """What becomes of the pool files: copied into our pool, kept where they are in our bucket, or left out."""

    COPY = "copy"
    KEEP = "keep"
    NONE = "none"


class NewDefinitions(Enum):
    """What becomes of packages that have no definition: they are uploaded from now on, or nothing is said of them."""

    NONE = "none"
    UPLOAD = "upload"


@dataclass(frozen=True)
class AdoptionRequest:
    """What is asked for: which suites of a repository, and what becomes of its files.

    `suites` and `components` map theirs to ours; the suite "" is a flat repository. Components that are not in the map
    keep their name. `architectures` limits what is read; None stands for those of our suites. Without a `keyring`
    (bytes) no signature is looked at. `allow` are the cautions that records shall not keep: codes, for all packages,
    and `code:name`. `who` is named by the definitions that are made. With `seen` nothing is adopted but Releases of
    these digests, by our suites: what a person was shown before.
    """

    repository: ExistingRepository
    suites: Mapping[str, str]
    pool: PoolFiles
    components: Mapping[str, str] = field(default_factory=dict)
    architectures: tuple[str, ...] | None = None
    keyring: bytes | None = None
    dry_run: bool = False
    skip_broken: bool = False
    allow: tuple[str, ...] = ()
    definitions: NewDefinitions = NewDefinitions.NONE
    who: str = WHO
    seen: Mapping[str, str] | None = None

    def place_of(
        self, component: str, filename: str, name: str, version: str, architecture: str, build: str
    ) -> tuple[str, str]:
        """Return the pool path and the `deb_url` of a package in a component of ours, whose stanza says `filename`.

        Those of files that are copied are found then; the path is theirs until then. Raise `RepositoryRefused` for a
        path that leads out of a repository behind an address.
        """
        if self.pool is PoolFiles.COPY:
            return filename, ""
        ours = filename
        if self.pool is PoolFiles.NONE and not filename.startswith(POOL):
            ours = pool_path(component, name, deb_filename(name, version, architecture), build)
        return ours, self.repository.url_of(filename)


@dataclass
class Adopted:
    """What came of an adoption.

    `stanzas` counts what was read by suite, component and architecture; `packages` are told apart by their key, of
    which `new` and `known` tell how our table stood before, and `added` what was written. `cautioned` is of what was
    written; in a dry run of what is new, as far as stanzas tell. `faults` are sentences.

    `releases` are the digests of the Releases by our suites, `differences` those of the identities, and `left_behind`
    counts what is not taken over by its kind (`adoption/noticed.py`). `undefined` are packages that have no definition
    and could have one of uploads, `defined` those that were given one; `undefinable` says why others can't, a sentence
    each. `suggested` has of both the repositories of GitHub that their homepages are, by their names.
    """

    stanzas: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    packages: int = 0
    new: int = 0
    known: int = 0
    added: int = 0
    fault_count: int = 0
    faults: list[str] = field(default_factory=list)
    cautioned: Cautioned = field(default_factory=Cautioned)
    releases: dict[str, str] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    left_behind: Counter[str] = field(default_factory=Counter)
    offered: OfferedDefinitions = field(default_factory=OfferedDefinitions)
    undefined: tuple[str, ...] = ()
    defined: tuple[str, ...] = ()
    undefinable: tuple[str, ...] = ()
    suggested: dict[str, str] = field(default_factory=dict)

    def fault(self, text: str) -> None:
        """Take note of what can't be adopted; the first hundred are kept."""
        self.fault_count += 1
        if len(self.faults) < _KEPT_FAULTS:
            self.faults.append(text)

    def take_written(self, others: Adopted) -> None:
        """Add what came of other records when they were written."""
        self.added += others.added
        self.cautioned.take(others.cautioned)
        self.fault_count += others.fault_count
        self.faults += others.faults[: _KEPT_FAULTS - len(self.faults)]


@dataclass(frozen=True)
class Part:
    """One index to take over: its plain text on disk, and where its packages go.

    `kept` is the file that gets the documents of its sound records, a line each.
    """

    index: Index
    plain: Path
    suite: Suite
    component: str

    @property
    def kept(self) -> Path:
        """The file of its records."""
        return self.plain.with_name("records")
