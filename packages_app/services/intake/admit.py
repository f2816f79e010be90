"""Admission: the one place that gives a package its definition and where it goes, or refuses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from packages_app.core.builds import check_build
from packages_app.core.definition import Definition, check_belongs
from packages_app.core.documents import of_package
from packages_app.core.errors import PackageRefused, RightMissing
from packages_app.core.layout import ALL
from packages_app.core.repository import Repository
from packages_app.core.rights import EVERYTHING, Action, Rights, right_missing
from packages_app.core.yaml_reader import Problem
from packages_app.debian.deb_file import DebContents
from packages_app.services import adapters
from packages_app.sources.registry import source_types


class NotDefined(PackageRefused):
    """A package that no definition has the name of; one can be made of what its control paragraph says."""

    code = "not_defined"


@dataclass(frozen=True)
class Admission:
    """What packages are measured by, read once for all files of a batch.

    Packages belong to the definition of their name among `definitions`, or all to the one that they were fetched or
    built `for_definition`. `suites`, `component` and `build` are what somebody asked for, () and "" for what the
    definition says, of the build by a file's name.
    `rights` are those of who asked: who may publish a package may choose its place.
    `rollout` are the steps that somebody asked for, () for what the definition says.
    """

    repository: Repository
    definitions: Mapping[str, Definition]
    for_definition: Definition | None = None
    suites: tuple[str, ...] = ()
    component: str = ""
    rights: Rights = EVERYTHING
    rollout: tuple[int, ...] = ()
    build: str = ""


@dataclass(frozen=True)
class Destination:
    """Where a package goes: into these suites, in each into this component, by these steps of a roll-out.

    `build` tells it from other builds of its version, "" where there is one.
    """

    suites: tuple[str, ...]
    component: str
    rollout: tuple[int, ...] = ()
    build: str = ""


@dataclass(frozen=True)
class Admitted:
    """A package that may come in: the definition that it belongs to, and where it goes.

    `by_hand` says that it was uploaded although a source brings the package.
    """

    definition: Definition
    destination: Destination
    by_hand: bool = False


def upload_targets(*, hotfixes: bool = False) -> dict[str, Definition]:
    """Return the enabled definitions that take uploads by the names of their packages, sorted.

    With `hotfixes` those that a source watches too.
    """
    return {
        name: definition
        for name, definition in adapters.definitions().by_package.items()
        if definition.enabled and (hotfixes or _takes_uploads(definition))
    }


def actions_to_upload(definition: Definition) -> tuple[Action, ...]:
    """Return all that an upload of a package of this definition is: who uploads it may do each."""
    special = {
        Action.BOOTSTRAP: definition.bootstrap is not None,
        Action.HOTFIX: not _takes_uploads(definition),
    }
    return (*(action for action, needed in special.items() if needed), Action.UPLOAD)


def _takes_uploads(definition: Definition) -> bool:
    return source_types()[definition.source_type].takes_uploads


def admission_of_uploads(
    rights: Rights, *, suite: str = "", component: str = "", rollout: Sequence[int] = (), build: str = ""
) -> Admission:
    """Return what uploads are measured by, of one with these rights.

    Raise `PackageRefused` for a build's label that is none.
    """
    if build:
        check_build(build)
    return Admission(
        adapters.repository(), upload_targets(hotfixes=rights.may_somewhere(Action.HOTFIX)),
        suites=(suite,) if suite else (), component=component, rights=rights, rollout=tuple(rollout), build=build,
    )  # fmt: skip


def defined(name: str) -> Definition:
    """Return the definition of a package; raise `PackageRefused` where there is none that can be used."""
    definition = adapters.definitions().by_package.get(name)
    if definition is None:
        raise PackageRefused(
            f"No usable definition is named {name}.", remedy="Write one in config/packages/, or mend it: see doctor."
        )
    return definition


def admission_of(definition: Definition) -> Admission:
    """Return what packages are measured by that were fetched or built for a definition."""
    return Admission(adapters.repository(), dict.fromkeys(definition.names, definition), for_definition=definition)


def admit(contents: DebContents, admission: Admission, filename: str) -> Admitted:
    """Return the definition of a package, in a file named so upstream, and where it goes.

    Raise `PackageRefused` for a package without a definition that takes it, one that is not what its definition
    describes, and a suite or component that is not configured; `RightMissing` for what only a publisher may offer.
    """
    definition = admission.for_definition or _definition_of(contents, admission.definitions)
    faults = check_belongs(definition, contents.control["Package"], contents.control["Architecture"])
    if faults:
        raise PackageRefused(
            f"The file does not fit {definition.file}: {'; '.join(faults)}.",
            remedy=f"Upload a package of {' or '.join(definition.names)}, or correct {definition.file}.",
        )
    build = admission.build or definition.build_of(filename)
    destination = Destination(admission.suites or definition.suites_for(build),
                              admission.component or definition.component,
                              admission.rollout or definition.rollout, build)  # fmt: skip
    _check_configured(destination, contents.control["Architecture"], admission.repository)
    by_hand = admission.for_definition is None and not _takes_uploads(definition)
    _check_rights(definition, destination, contents.control["Package"], filename, admission.rights, by_hand=by_hand)
    return Admitted(definition, destination, by_hand)


def is_known(name: str) -> bool:
    """Return whether a definition has this name: one that is in use, or one with faults."""
    definitions = adapters.definitions()
    return name in definitions.by_name or name in definitions.by_package or bool(_faults_of(name))


def _faults_of(name: str) -> list[Problem]:
    own = (f"{name}.yaml", of_package(name))
    return [fault for fault in adapters.definitions().problems if fault.file in own]


def _definition_of(contents: DebContents, definitions: Mapping[str, Definition]) -> Definition:
    name = contents.control["Package"]
    if name not in definitions:
        if faults := _faults_of(name):
            raise PackageRefused(
                f"The definition of {name} is not in use. {faults[0].file}:{faults[0].line}: {faults[0].message}",
                remedy=faults[0].remedy,
            )
        if (watched := upload_targets(hotfixes=True).get(name)) is not None:
            raise _hotfix_missing(name, watched)
        refusal = PackageRefused if is_known(name) else NotDefined
        raise refusal(
            f"The package {name} is not one that takes uploads.",
            remedy=f"Upload one of: {', '.join(definitions) or 'none'}; or have it defined: by who may define packages"
            " in the admin (Upload proposes how), by upload_deb --define, or by a build_script definition in"
            " config/packages/.",
        )
    return definitions[name]


def _check_rights(
    definition: Definition, destination: Destination, name: str, filename: str, rights: Rights, *, by_hand: bool
) -> None:
    """Refuse what one may not upload; of one who may not publish it, what his word would do for clients besides."""
    for suite in destination.suites:
        for action in actions_to_upload(definition):
            if (by_hand or action is not Action.HOTFIX) and not rights.may(action, name, suite):
                raise _upload_missing(action, name, suite, definition)
    if all(rights.may(Action.PUBLISH, name, suite) for suite in destination.suites):
        return
    own = definition.suites_for(destination.build)
    elsewhere = [suite for suite in destination.suites if suite not in own]
    if elsewhere or destination.component != definition.component:
        said = f"Another place than {definition.file} says ({', '.join(own)}, {definition.component})"
    elif destination.build != definition.build_of(filename):
        said = f"Another build than {definition.file} says of {filename[:80]}"
    elif destination.rollout != definition.rollout:
        said = f"Another roll-out than {definition.file} says"
    else:
        return
    raise right_missing(Action.PUBLISH, said, name)


def _upload_missing(action: Action, name: str, suite: str, definition: Definition) -> RightMissing:
    if action is Action.HOTFIX:
        return _hotfix_missing(name, definition)
    what = "An upload"
    if action is Action.BOOTSTRAP:
        what = f"A bootstrap package such as {definition.name}, which sets clients up as root,"
    return right_missing(action, what, name, suite)


def _hotfix_missing(name: str, watched: Definition) -> RightMissing:
    return RightMissing(
        f"{name} comes from {watched.source_type} ({watched.file}): a version made by hand needs the right to"
        " upload hot-fixes.",
        remedy="Ask somebody of the group Publishers to upload it, or an administrator for that right.",
    )


def _check_configured(destination: Destination, architecture: str, repository: Repository) -> None:
    for name in destination.suites:
        suite = repository.suite_named(name)
        if destination.component not in suite.components:
            raise PackageRefused(
                f"{destination.component} is not in suite {name}.", remedy=f"Use one of: {', '.join(suite.components)}."
            )
        if architecture not in (ALL, *suite.architectures):
            raise PackageRefused(
                f"A package for {architecture} is in no index of suite {name}.",
                remedy=f"Its architectures are {', '.join(suite.architectures)}: add it in repository.yaml, or another "
                "suite in the definition.",
            )
