"""Definitions: one YAML file in `config/packages/`, or one document of the package table, describes one package.

See docs/REQUIREMENTS.md R6.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from packages_app.core.builds import Build, build_of_file, read_builds, suites_of_build
from packages_app.core.caution import ALLOWABLE, HTTP
from packages_app.core.documents import of_package
from packages_app.core.errors import PackageRefused
from packages_app.core.policies import PromotionPolicy, RetentionPolicy, read_promotion, read_retention
from packages_app.core.repository import Repository
from packages_app.core.rollout import ALL_CLIENTS, check_steps
from packages_app.core.yaml_reader import Problem, YamlReader, read_yaml

PACKAGE_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+\Z")  # Debian Policy 5.6.1
PRIORITIES = ("required", "important", "standard", "optional", "extra")  # Debian Policy 2.5
_LONGEST_NAME = 230
"""With a version and an architecture it is the name of a file, of which apt keeps 247 characters (debian/limits.py)."""
_NAME_REMEDY = "Use a-z, 0-9, + - . (Debian Policy 5.6.1)."
_SOURCE_FILE = re.compile(r"/etc/apt/sources\.list\.d/[A-Za-z0-9][A-Za-z0-9_.+-]*\.(list|sources)\Z")
_COPY_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]*\.deb\Z")

SourceSettings = object
"""What a source type's reader gives: its own frozen dataclass."""
SettingsReader = Callable[[YamlReader], SourceSettings]
UNREAD = "package table"
"""The file that a problem names where the documents of the package table could not be read."""


@dataclass(frozen=True)
class Bootstrap:
    """Says that a package sets clients up; `copy` is the convenience copy's name (docs/REQUIREMENTS.md R2-R3).

    `replaces` are the files of /etc/apt/sources.list.d that earlier packages left, and that it puts away.
    `unattended_upgrades` says that it lets unattended-upgrades take this repository's upgrades; False puts the file
    away that says so, None does neither.
    """

    copy: str
    replaces: tuple[str, ...] = ()
    unattended_upgrades: bool | None = None


@dataclass(frozen=True)
class Definition:
    """One package as its file describes it; texts are "" where the control paragraph alone says them.

    `source_settings` is what the source type read of `source`.
    `allow` are the cautions (core/caution.py) that need nobody's word, and `http` where upstream has no https. `retain`
    counts in place of the suites' own. `rollout` are the percentages of clients, one a day, that a version is given to
    in a suite; () for all at once. `builds` tell apart what is built several times for one version and architecture.
    `packages` are the names of other packages that it describes too, such as those that a release brings beside `name`.
    """

    name: str
    description: str
    maintainer: str
    homepage: str
    section: str
    priority: str
    architectures: tuple[str, ...]
    depends: str
    enabled: bool
    suites: tuple[str, ...]
    component: str
    source_type: str
    source_settings: SourceSettings
    bootstrap: Bootstrap | None
    file: str
    allow: tuple[str, ...] = ()
    retain: RetentionPolicy | None = None
    promote: PromotionPolicy | None = None
    rollout: tuple[int, ...] = ()
    builds: tuple[Build, ...] = ()
    packages: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all packages that it describes, its own first."""
        return (self.name, *self.packages)

    @property
    def is_document(self) -> bool:
        """Whether a document of the package table defines it, which can be changed in the admin, and no file."""
        return self.file == of_package(self.name)

    @property
    def every_suite(self) -> tuple[str, ...]:
        """Return its suites, and those that its builds go to."""
        return tuple(dict.fromkeys((*self.suites, *(name for build in self.builds for name in build.suites))))

    def build_of(self, filename: str) -> str:
        """Return the label of the build that a file is, by its name; "" for none."""
        return build_of_file(self.builds, filename)

    def suites_for(self, build: str) -> tuple[str, ...]:
        """Return the suites that a build goes to; "" is none, which goes to its own."""
        return suites_of_build(self.builds, build, self.suites)


@dataclass(frozen=True)
class Definitions:
    """All definitions found: the good ones by name, sorted, and the problems of the others, sorted.

    `overruled` are the packages of documents that do not count, since a file defines them, sorted.
    """

    by_name: Mapping[str, Definition] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    overruled: tuple[str, ...] = ()

    @cached_property
    def by_package(self) -> Mapping[str, Definition]:
        """The good ones by the name of each package that they describe, sorted."""
        return dict(sorted((name, one) for one in self.by_name.values() for name in one.names))

    @property
    def are_all(self) -> bool:
        """Whether none is missing since the package table could not be read."""
        return not any(problem.file == UNREAD for problem in self.problems)

    def bootstrap_packages(self) -> tuple[Definition, ...]:
        """Return the definitions of bootstrap packages, sorted by name."""
        return tuple(definition for definition in self.by_name.values() if definition.bootstrap)


def load_definitions(
    folder: Path,
    repository: Repository,
    source_types: Mapping[str, SettingsReader],
    *,
    read: Callable[[Path], YamlReader] = read_yaml,
    documents: Mapping[str, YamlReader] | None = None,
) -> Definitions:
    """Read every `*.yaml` of a folder; `read` returns a new reader of one file, `documents` are those of packages.

    `source_types` maps a type's name to the reader of its settings. A bad file is named with its problems and does
    not hide the good ones; a name or a convenience copy that two files claim is a fault of the later file only.
    A file counts before a document of the same package, also where the file can't be used.
    """
    good: dict[str, Definition] = {}
    taken: dict[str, str] = {}
    copies: dict[str, str] = {}
    problems: list[Problem] = []
    paths = sorted(folder.glob("*.yaml"))
    overruled: list[str] = []
    in_files = {path.stem for path in paths}
    readers = [("", read(path)) for path in paths] + sorted((documents or {}).items(), key=lambda each: each[0])
    for package, reader in readers:
        if package and (package in in_files or package in good):
            overruled.append(package)
            continue
        definition = _definition(reader, repository, source_types) if reader.values or not reader.problems else None
        if definition is not None:
            _check_not_taken(reader, definition, taken, copies)
        if definition is not None and package and definition.name not in ("", package):
            reader.problem("name", f"{definition.name} is not {package}.", f"Write name: {package}, or define another.")
        problems += reader.problems
        if definition is not None and not reader.problems:
            good[definition.name] = definition
            taken |= dict.fromkeys(definition.names, definition.file)
            if definition.bootstrap:
                copies[definition.bootstrap.copy] = definition.name
    return Definitions(dict(sorted(good.items())), tuple(sorted(problems)), tuple(overruled))


def _check_not_taken(
    reader: YamlReader, definition: Definition, taken: Mapping[str, str], copies: Mapping[str, str]
) -> None:
    """Note names, and a convenience copy, that a file before has; `taken` has a name's file, `copies` the package."""
    for field_name, names in (("name", (definition.name,)), ("packages", definition.packages)):
        for name in taken.keys() & {*names}:
            reader.problem(field_name, f"{name} is defined in {taken[name]} already.", "Remove one of the two.")
    if definition.bootstrap and definition.bootstrap.copy in copies:
        reader.problem(
            "bootstrap",
            f"{definition.bootstrap.copy} is the copy of {copies[definition.bootstrap.copy]} already.",
            "Give each bootstrap package a copy name of its own.",
        )


def _definition(reader: YamlReader, repository: Repository, source_types: Mapping[str, SettingsReader]) -> Definition:
    suites = reader.texts("suites", required=False, default=(repository.default_suite.name,))
    configured = [suite.name for suite in repository.suites]
    builds = read_builds(reader, suites, configured)
    known = [suite for name in suites if (suite := repository.suite(name))]
    default_component = known[0].components[0] if known else ""
    source = reader.mapping("source")
    source_type = source.text("type")
    built_here = "templates" in source.values  # whose control paragraph is made of the definition
    definition = Definition(
        name=reader.text("name"),
        description=reader.text("description", required=built_here),
        maintainer=reader.text("maintainer", required=built_here),
        homepage=reader.text("homepage", required=built_here),
        section=reader.text("section", required=built_here),
        priority=reader.text("priority", required=built_here),
        architectures=reader.texts("architecture"),
        depends=reader.text("depends", required=False),
        enabled=reader.flag("enabled", default=True),
        suites=suites,
        component=reader.text("component", required=False, default=default_component),
        source_type=source_type,
        source_settings=_source_settings(source, source_type, source_types),
        bootstrap=_bootstrap(reader),
        file=reader.file,
        allow=_allow(reader),
        retain=read_retention(reader),
        promote=read_promotion(reader, (*suites, *(name for build in builds for name in build.suites)), configured),
        rollout=_rollout(reader),
        builds=builds,
        packages=_packages(reader),
    )
    _check_identity(reader, definition)
    _check_place(reader, definition, repository)
    reader.finish()
    return definition


def _source_settings(
    source: YamlReader, source_type: str, source_types: Mapping[str, SettingsReader]
) -> SourceSettings:
    read_settings = source_types.get(source_type)
    if read_settings is None:
        if source_type:
            known = ", ".join(sorted(source_types))
            source.problem("type", f"{source_type} is no known source type.", f"Use one of: {known}.")
        return None
    settings = read_settings(source)
    source.finish()
    return settings


def _bootstrap(reader: YamlReader) -> Bootstrap | None:
    if "bootstrap" not in reader.values:
        return None
    mapping = reader.mapping("bootstrap")
    copy = mapping.text("copy")
    if copy and not _COPY_NAME.match(copy):
        mapping.problem("copy", f"{copy!r} is no file name of the root.", "Write it like example-repo.deb.")
    replaces = mapping.texts("replaces", required=False)
    for file in replaces:
        if not _SOURCE_FILE.match(file):
            mapping.problem(
                "replaces", f"{file!r} is no file of sources.", "Write it like /etc/apt/sources.list.d/old.list."
            )
    unattended = mapping.flag("unattended_upgrades", default=None)
    mapping.finish()
    return Bootstrap(copy, replaces, unattended)


def _packages(reader: YamlReader) -> tuple[str, ...]:
    """Take the names of other packages that are described too; the definition's own name may be among them."""
    packages = reader.texts("packages", required=False)
    for name in packages:
        _check_name(reader, "packages", name)
    if packages and "bootstrap" in reader.values:
        reader.problem("packages", "A bootstrap package is one package.", "Define the others by themselves.")
    return tuple(name for name in dict.fromkeys(packages) if name != reader.values.get("name"))


def _allow(reader: YamlReader) -> tuple[str, ...]:
    allow = reader.texts("allow", required=False)
    for code in allow:
        if code not in (*ALLOWABLE, HTTP):
            known = ", ".join((*ALLOWABLE, HTTP))
            reader.problem("allow", f"{code!r} can't be allowed.", f"Use some of: {known}.")
    return allow


def _rollout(reader: YamlReader) -> tuple[int, ...]:
    steps = reader.numbers("rollout")
    try:
        check_steps(steps or (ALL_CLIENTS,))
    except PackageRefused as error:
        reader.problem("rollout", error.message, error.remedy)
    return steps


def _check_name(reader: YamlReader, field_name: str, name: str) -> None:
    if not PACKAGE_NAME.match(name):
        reader.problem(field_name, f"{name[:_LONGEST_NAME]!r} is no package name.", _NAME_REMEDY)
    elif len(name) > _LONGEST_NAME:
        said = f"{len(name)} characters are too many for the names of its files."
        reader.problem(field_name, said, f"Use at most {_LONGEST_NAME}.")


def _check_identity(reader: YamlReader, definition: Definition) -> None:
    if definition.name:
        _check_name(reader, "name", definition.name)
    if definition.priority and definition.priority not in PRIORITIES:
        reader.problem("priority", f"{definition.priority!r} is no priority.", f"Use one of: {', '.join(PRIORITIES)}.")
    if definition.maintainer and not re.search(r"<[^<>@\s]+@[^<>@\s]+>\Z", definition.maintainer):
        reader.problem("maintainer", "It has no e-mail address.", "Write it as: Name <mail@example.org>.")


def _check_place(reader: YamlReader, definition: Definition, repository: Repository) -> None:
    for name in definition.every_suite:
        suite = repository.suite(name)
        if suite is None and name in definition.suites:
            known = ", ".join(suite.name for suite in repository.suites)
            reader.problem("suites", f"{name} is no suite of repository.yaml.", f"Use one of: {known}.")
        elif suite and definition.component and definition.component not in suite.components:
            known = ", ".join(suite.components)
            reader.problem("component", f"{definition.component} is not in suite {name}.", f"Use one of: {known}.")
    for architecture in definition.architectures:
        if architecture not in repository.architectures:
            known = ", ".join(repository.architectures)
            reader.problem("architecture", f"{architecture} is not configured.", f"Use one of: {known}.")


def check_belongs(definition: Definition, name: str, architecture: str) -> Sequence[str]:
    """Return why a package of this name and architecture is not what the definition describes; empty when it is."""
    faults = []
    if name not in definition.names:
        faults.append(f"it is the package {name}, not {' or '.join(definition.names)}")
    if architecture not in definition.architectures:
        wanted = " or ".join(definition.architectures)
        faults.append(f"its architecture is {architecture}, not {wanted}")
    return faults
