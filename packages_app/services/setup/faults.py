"""Faults of the configuration: all of them at once, and watched by the clock, so that people hear of each once."""

from __future__ import annotations

from packages_app.core.definition import UNREAD
from packages_app.core.errors import DefinitionError, RepomgrError
from packages_app.core.redaction import redact
from packages_app.core.yaml_reader import Problem
from packages_app.models import DefinitionStatus, Notice
from packages_app.services import adapters
from packages_app.services.intake.bootstrap_values import check_templates_of
from packages_app.services.mirror.definitions import mirror_definitions
from packages_app.services.notices.notify import notify, settle_notices

_MENDED = "(mended)"
REMEDY = "Mend each; its remedy stands beside it."


def configuration_faults() -> list[Problem]:
    """Return every fault of repository.yaml, of all definitions and of the templates that they name, sorted.

    Raise the table's error where the repository may be a document and none was ever read.
    """
    faults = list(adapters.configuration().faults())
    try:
        bootstraps = adapters.definitions().bootstrap_packages()
    except DefinitionError:  # of the repository, and among the faults
        return faults
    for definition in bootstraps:
        try:
            check_templates_of(definition)
        except RepomgrError as error:
            faults.append(Problem(definition.file, 1, "source.templates", error.message, error.remedy))
    return sorted(faults)


def watch_configuration() -> list[str]:
    """Bring the rows of definitions up to date, and tell people once of each file at fault and once when it is mended.

    Return the files at fault. Raise as `configuration_faults`.
    """
    faults = configuration_faults()
    said: dict[str, list[str]] = {}
    for fault in faults:
        said.setdefault(fault.file, []).append(redact(str(fault)))
    _show_definitions()
    for file, lines in said.items():
        settle_notices(Notice.Kind.CONFIGURATION_FAULTY, f"{file} {_MENDED}")
        notify(Notice.Kind.CONFIGURATION_FAULTY, file, "\n".join(lines), remedy=REMEDY)
    if UNREAD not in said:  # of documents that can't be read nobody knows whether they are mended
        _tell_mended({*said})
    return sorted(said)


def _show_definitions() -> None:
    """Mirror the definitions where a row is other than it should be: nearly each look finds that none is."""
    try:
        definitions = adapters.definitions()
    except DefinitionError:  # nothing can be said of any; the rows stay
        return
    at_fault = {problem.file for problem in definitions.problems}
    rows = dict(DefinitionStatus.objects.values_list("file", "problems"))
    known = {definition.file for definition in definitions.by_name.values()}
    told = {file for file, problems in rows.items() if problems}
    said = [redact(str(problem)) for problem in definitions.problems]
    same = sorted(line for lines in rows.values() for line in lines) == sorted(said)
    if rows.keys() != known | at_fault or told != at_fault or not same:
        mirror_definitions()


def _tell_mended(at_fault: set[str]) -> None:
    open_ones = Notice.objects.filter(kind=Notice.Kind.CONFIGURATION_FAULTY, settled=None).exclude(level="info")
    for file in open_ones.exclude(subject__in=at_fault).values_list("subject", flat=True):
        if settle_notices(Notice.Kind.CONFIGURATION_FAULTY, file):
            text = f"{file} has no fault any more: it is mended, or gone."
            notify(Notice.Kind.CONFIGURATION_FAULTY, f"{file} {_MENDED}", text, level="info")
