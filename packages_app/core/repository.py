"""`config/repository.yaml`: the repository's identity, its suites, components and architectures."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from packages_app.core.errors import DefinitionError, PackageRefused
from packages_app.core.layout import ALL
from packages_app.core.policies import RetentionPolicy, read_retention
from packages_app.core.release_fields import NO_FIELDS, ReleaseFields, read_release_fields
from packages_app.core.snapshot import MARK, PERIODS, SnapshotSchedule
from packages_app.core.yaml_reader import MOST, MOST_DAYS, Problem, YamlReader, read_yaml

_NAME = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}\Z")
_FORMS = ("plain", "gz", "xz")
NEVER_PATCHED = MOST
"""No suite has so many packages: `pdiff_above` of one whose indexes have no patches."""
DEBIANS_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
"""Of Debian's package debian-archive-keyring."""
_FOLDERS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*\Z")
_SUITE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_PLACE_OF_ID = "@SNAPSHOTID@"
_SNAPSHOTS_ADDRESS = re.compile(rf"https?://[^\s@]+/{MARK}/{_PLACE_OF_ID}/\Z")


class Installability(StrEnum):
    """What becomes of a candidate in which packages can't be installed any more that could."""

    OFF = "off"
    WARN = "warn"
    HOLD = "hold"


class Definers(StrEnum):
    """Who may make and change definitions in the admin."""

    SUPERUSERS = "superusers"
    PUBLISHERS = "publishers"
    NOBODY = "nobody"


@dataclass(frozen=True)
class Base:
    """A suite of another repository that clients have beside ours: dependencies may be met there.

    `uri` is a web address or a folder, `signed_by` the file of its keyring.
    """

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: Path

    def __str__(self) -> str:
        return f"{self.uri} {self.suite}"


@dataclass(frozen=True)
class Suite:
    """One `dists/<name>`. `architectures` are without `all`; `valid_for` is Valid-Until less Date.

    `index_forms` are the forms of each index that clients can fetch; Release lists the uncompressed one always. With
    more packages than `pdiff_above` each index has patches from its last `pdiff_history` states. Without `retain` every
    version stays. `snapshots` says when the clock makes one, `installability` what becomes of a candidate in which
    packages can't be installed any more. `fields` are those of Release that are there by setting alone.
    """

    name: str
    codename: str
    version: str
    description: str
    components: tuple[str, ...]
    architectures: tuple[str, ...]
    valid_for: timedelta
    index_forms: tuple[str, ...] = _FORMS
    pdiff_above: int = NEVER_PATCHED
    pdiff_history: int = 20
    retain: RetentionPolicy | None = None
    snapshots: SnapshotSchedule | None = None
    installability: Installability = Installability.OFF
    fields: ReleaseFields = NO_FIELDS

    @property
    def may_have_patches(self) -> bool:
        """Say whether clients may be offered patches of indexes, if the suite is large enough."""
        return self.pdiff_above < NEVER_PATCHED


@dataclass(frozen=True)
class Repository:
    """The repository as clients know it. `keyring` is the file name of the keyring, without its ending.

    `snapshots_address` is where apt asks for snapshots by itself, with `@SNAPSHOTID@` for the ID, or "". `bases` are
    the suites of other repositories that its clients have besides. `define` says who makes definitions in the admin.
    """

    origin: str
    label: str
    description: str
    keyring: str
    suites: tuple[Suite, ...]
    snapshots_address: str = ""
    bases: tuple[Base, ...] = ()
    define: Definers = Definers.SUPERUSERS

    @property
    def default_suite(self) -> Suite:
        """The suite that a package goes to when nothing else is said: the first."""
        return self.suites[0]

    @property
    def keyring_key(self) -> str:
        """The public keyring's key in the bucket's root."""
        return f"{self.keyring}.gpg"

    @property
    def architectures(self) -> tuple[str, ...]:
        """Every architecture of any suite, and `all`, sorted."""
        return tuple(sorted({ALL, *(name for suite in self.suites for name in suite.architectures)}))

    def suite(self, name: str) -> Suite | None:
        """Return the suite of this name, or None."""
        return next((suite for suite in self.suites if suite.name == name), None)

    def suite_named(self, name: str) -> Suite:
        """Return the suite of this name; raise `PackageRefused` that lists those there are."""
        suite = self.suite(name)
        if suite is None:
            known = ", ".join(suite.name for suite in self.suites)
            raise PackageRefused(f"{name} is no suite of repository.yaml.", remedy=f"Use one of: {known}.")
        return suite


def is_suite_name(text: str) -> bool:
    """Return whether a text may name a suite: one part of a path below `dists/`."""
    return _SUITE.match(text) is not None


def load_repository(path: Path, *, read: Callable[[Path], YamlReader] = read_yaml) -> Repository:
    """Read `repository.yaml`; raise `DefinitionError` that names every fault with its line and remedy.

    `read` returns a new reader of a file.
    """
    repository, problems = repository_in(read(path), path.parent)
    if repository is None or problems:
        raise definition_error(problems)
    return repository


def repository_in(reader: YamlReader, folder: Path) -> tuple[Repository | None, tuple[Problem, ...]]:
    """Return the repository that a reader of its file holds, as far as it can be read, and the problems of the file.

    It is None where nothing can. Keyrings of base suites are looked for below `folder`.
    """
    repository = _repository(reader, folder) if reader.values or not reader.problems else None
    return repository, tuple(reader.problems)


def definition_error(problems: Sequence[Problem]) -> DefinitionError:
    """Make one error of problems: of several each stands on a line with its remedy."""
    if len(problems) == 1:
        first = problems[0]
        return DefinitionError(f"{first.file}:{first.line}: {first.field}: {first.message}", remedy=first.remedy)
    return DefinitionError("\n".join(map(str, problems)), remedy="Mend each; its remedy stands beside it.")


def _repository(reader: YamlReader, folder: Path) -> Repository:
    suites = tuple(_suite(suite) for suite in reader.mappings("suites"))
    names = [suite.name for suite in suites] + [suite.codename for suite in suites if suite.codename != suite.name]
    for name in sorted({name for name in names if names.count(name) > 1}):
        reader.problem("suites", f"{name} names two suites.", "Give each suite and codename a name of its own.")
    repository = Repository(
        origin=_line(reader, "origin"),
        label=_line(reader, "label"),
        description=_line(reader, "description"),
        keyring=reader.text("keyring"),
        suites=suites,
        snapshots_address=reader.text("snapshots_address", required=False),
        bases=tuple(_base(base, folder) for base in reader.mappings("bases", required=False)),
        define=_definers(reader),
    )
    if repository.snapshots_address and not _SNAPSHOTS_ADDRESS.match(repository.snapshots_address):
        reader.problem(
            "snapshots_address",
            f"{repository.snapshots_address!r} is no address of snapshots.",
            f"Write PUBLIC_URL, then /{MARK}/{_PLACE_OF_ID}/, such as https://apt.example.org/{MARK}/{_PLACE_OF_ID}/.",
        )
    if repository.keyring and not _NAME.match(repository.keyring):
        reader.problem("keyring", f"{repository.keyring!r} is no file name.", "Write it like acme-archive-keyring.")
    reader.finish()
    return repository


def _line(reader: YamlReader, name: str) -> str:
    """Return a text as a field of Release can hold it: what begins another line would be another field."""
    text = reader.text(name)
    if not text.isprintable():
        reader.problem(
            name, f"{text[:80]!r} is more than one line of print.", "Write one line, without control characters."
        )
        return ""
    return text


def _definers(reader: YamlReader) -> Definers:
    text = reader.text("define", required=False, default=Definers.SUPERUSERS)
    if text not in tuple(Definers):
        reader.problem("define", f"{text!r} is no choice.", f"Use one of: {', '.join(Definers)}.")
        return Definers.SUPERUSERS
    return Definers(text)


def _installability(reader: YamlReader) -> Installability:
    said = reader.values.get("installability")
    if said is False:  # what YAML makes of off
        reader.flag("installability", default=False)
        return Installability.OFF
    text = reader.text("installability", required=False, default=Installability.OFF)
    if text not in tuple(Installability):
        reader.problem("installability", f"{text!r} is no choice.", f"Use one of: {', '.join(Installability)}.")
        return Installability.OFF
    return Installability(text)


def _base(reader: YamlReader, folder: Path) -> Base:
    base = Base(
        uri=reader.text("uri").rstrip("/"),
        suite=reader.text("suite"),
        components=reader.texts("components"),
        signed_by=folder / reader.text("signed_by", required=False, default=DEBIANS_KEYRING),
    )
    if not base.uri.startswith(("https://", "http://", "/")):
        reader.problem("uri", f"{base.uri!r} is no web address, nor a folder from /.", "Write https://… or /….")
    for name in (base.suite, *base.components):
        if not _FOLDERS.match(name) or ".." in name:
            reader.problem("suite", f"{name!r} can't be a folder of dists/.", "Write it as in a line of sources.list.")
    reader.finish()
    return base


def _suite(reader: YamlReader) -> Suite:
    suite = Suite(
        name=reader.text("name"),
        codename=reader.text("codename"),
        version=_line(reader, "version"),
        description=_line(reader, "description"),
        components=reader.texts("components"),
        architectures=reader.texts("architectures"),
        valid_for=timedelta(days=reader.number("valid_days", default=14, least=1, most=MOST_DAYS)),
        index_forms=reader.texts("index_forms", required=False, default=_FORMS),
        pdiff_above=reader.number("pdiff_above", default=NEVER_PATCHED),
        pdiff_history=reader.number("pdiff_history", default=20, least=1),
        retain=read_retention(reader),
        snapshots=_schedule(reader),
        installability=_installability(reader),
        fields=read_release_fields(reader),
    )
    if not {"gz"} <= set(suite.index_forms) <= set(_FORMS):
        reader.problem(
            "index_forms",
            f"{', '.join(suite.index_forms)} can't be the forms of an index.",
            f"List gz, which every client takes, and others of {', '.join(_FORMS)}.",
        )
    for name, value in (("name", suite.name), ("codename", suite.codename)):
        if value and not is_suite_name(value):
            reader.problem(
                name, f"{value!r} can't be a folder of dists/.", "Use up to 64 letters, digits, dot, hyphen."
            )
    for component in suite.components:
        if not _NAME.match(component) or component == MARK:  # a folder beside those of components
            reader.problem("components", f"{component!r} is no component.", "Use up to 64 small letters and digits.")
    for architecture in suite.architectures:
        if not _NAME.match(architecture) or architecture in (ALL, "any", "source"):
            reader.problem(
                "architectures",
                f"{architecture!r} is no architecture with an index of its own.",
                "List those that `dpkg --print-architecture` gives; `all` packages go into each of them.",
            )
    reader.finish()
    return suite


def _schedule(reader: YamlReader) -> SnapshotSchedule | None:
    if "snapshots" not in reader.values:
        return None
    schedule = reader.mapping("snapshots")
    every, keep = schedule.text("every"), schedule.number("keep", default=8, least=1)
    if every not in PERIODS:
        schedule.problem("every", f"{every!r} is no period.", f"Use one of {', '.join(PERIODS)}.")
    schedule.finish()
    return SnapshotSchedule(every, keep)
