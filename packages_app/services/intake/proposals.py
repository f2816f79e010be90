"""Proposals: the definition that the control paragraph of a package without one suggests, and its making."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from packages_app.core.definition import Definition
from packages_app.core.documents import ConfigurationOutdated
from packages_app.core.errors import DefinitionError, RepomgrError
from packages_app.core.layout import ALL
from packages_app.core.readable import check_readable
from packages_app.core.yaml_writer import written_yaml
from packages_app.debian.deb_file import open_deb
from packages_app.services import adapters
from packages_app.services.configuration.definitions import definition_in, require_definer, save_definition
from packages_app.services.intake.admit import is_known
from packages_app.services.rights.asker import Asker


@dataclass(frozen=True)
class Proposal:
    """A definition that may be made: whoever may upload uploads the package, for these architectures, to this place."""

    name: str
    text: str
    definition: Definition


def proposed(name: str, architectures: Collection[str], *, suite: str = "", component: str = "") -> Proposal:
    """Return what would be defined of a package with files for these architectures.

    `suite` and `component` are where somebody wants it, "" for the first suite that has an index for all of them.
    Raise `DefinitionError` for what no definition may say, such as an architecture that is not configured.
    """
    repository = adapters.repository()
    of_machines = {*architectures} - {ALL}
    fitting = [one.name for one in repository.suites if of_machines <= {*one.architectures}]
    values = {
        "name": name,
        "architecture": sorted(architectures),
        "suites": [suite or next(iter(fitting), repository.default_suite.name)],
        "component": component,
        "source": {"type": "build_script"},
    }
    text = written_yaml({field: value for field, value in values.items() if value})
    definition, faults = definition_in(name, text)
    if definition is None:
        raise DefinitionError(f"{name} can't be defined so. {faults[0].message}", remedy=faults[0].remedy)
    return Proposal(name, text, definition)


def define(proposals: Iterable[Proposal], user: Asker | None, *, who: str = "") -> None:
    """Make the definitions that were proposed; one that somebody made meanwhile stays as it is.

    `user` asks in the admin; a command says `who` runs it. Raise as `save_definition`.
    """
    require_definer(user)
    for proposal in proposals:
        try:
            save_definition(proposal.name, proposal.text, read=0, user=user, who=who)
        except ConfigurationOutdated:
            adapters.configuration().look()


def define_unknown(paths: Iterable[Path], *, suite: str = "", component: str = "", who: str) -> list[str]:
    """Define the packages of files, as a command does, where no definition has their names; return these, sorted.

    A file that can't be read is nobody's here: its intake names it. Raise as `proposed` and `save_definition`, before
    anything is defined where a proposal has a fault.
    """
    require_definer(None)
    architectures: dict[str, set[str]] = {}
    for path in paths:
        try:
            check_readable(path)  # a pipe would be waited for
            control = open_deb(path).control
        except (RepomgrError, OSError):
            continue
        if not is_known(control["Package"]):
            architectures.setdefault(control["Package"], set()).add(control["Architecture"])
    wanted = sorted(architectures.items())
    define([proposed(name, some, suite=suite, component=component) for name, some in wanted], None, who=who)
    return [name for name, _ in wanted]
