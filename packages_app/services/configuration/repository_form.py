"""The repository's settings as the fields of forms, and what they say as the text of its document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packages_app.core.file_over_document import SUITES, SUMS, listed
from packages_app.core.repository import Definers, Installability
from packages_app.core.setting_field import Kind, SettingField
from packages_app.core.snapshot import PERIODS
from packages_app.core.yaml_reader import Problem, plain, reader_of_text
from packages_app.core.yaml_writer import written_yaml
from packages_app.services import adapters
from packages_app.services.configuration.form_values import put, shown, take, value_of
from packages_app.services.configuration.repository_settings import RepositorySettings, SuiteExists

BASES = "bases"
"""The field for the suites of other repositories, as YAML."""
REPOSITORY_FIELDS = (
    SettingField("origin", "Origin", "Who publishes, in each Release. Clients' unattended upgrades match on it."),
    SettingField("label", "Label", "The repository's name, in each Release."),
    SettingField("description", "Description", "A sentence for the repository's page."),
    SettingField("keyring", "Keyring", "Its file name without .gpg, such as acme-archive-keyring. Clients have it."),
    SettingField("snapshots_address", "Address of snapshots", "Where apt asks for snapshots by itself, such as "
                 "https://apt.example.org/snapshots/@SNAPSHOTID@/; empty: it is not told."),
    SettingField("define", "Who defines packages in the admin", "Empty: superusers.", Kind.CHOICE, tuple(Definers)),
)  # fmt: skip
SUITE_FIELDS = (
    SettingField("name", "Suite", "As clients write it; a folder of dists/."),
    SettingField("codename", "Codename", "Another name of it in Release; empty for a new one: the same."),
    SettingField("version", "Version", "Such as 1.0."),
    SettingField("description", "Description", "A sentence, in Release; empty for a new one: Suite and its name."),
    SettingField("components", "Components", "Such as main, extra.", Kind.TEXTS),
    SettingField("architectures", "Architectures", "As dpkg --print-architecture says them; files for all go into "
                 "each.", Kind.TEXTS),
    SettingField("valid_days", "Valid for, in days", "From Date to Valid-Until; the signature is renewed at half of "
                 "it. Empty: 14.", Kind.NUMBER),
    SettingField("index_forms", "Forms of an index", "gz, and others of plain and xz; empty: all three.", Kind.TEXTS),
    SettingField("pdiff_above", "Patches above", "With more packages than this clients fetch patches of an index; "
                 "empty: never.", Kind.NUMBER),
    SettingField("pdiff_history", "Patches from the last", "So many publications; empty: 20.", Kind.NUMBER),
    SettingField("not_automatic", "NotAutomatic", "apt installs from it only what is asked for.", Kind.FLAG),
    SettingField("but_automatic_upgrades", "ButAutomaticUpgrades", "With that: what was installed from it is upgraded.",
                 Kind.FLAG),
    SettingField("changelogs", "Changelogs", "Where apt changelog looks, such as "
                 "https://apt.example.org/changelogs/@CHANGEPATH@_changelog, or no."),
    SettingField("signed_by", "Signed-By", "Fingerprints of the keys that may sign the next Release.", Kind.TEXTS),
    SettingField("installability", "Packages that can't be installed any more", "Whether to look, and hold back; "
                 "empty: off.", Kind.CHOICE, tuple(Installability)),
    SettingField("retain.newest", "Keep the newest", "So many versions of a package; empty: all stay.", Kind.NUMBER),
    SettingField("retain.days", "Keep for days", "And versions that are younger.", Kind.NUMBER),
    SettingField("retain.in_other_suites", "Keep what another suite has", "", Kind.FLAG),
    SettingField("snapshots.every", "A snapshot each", "Made by the clock; empty: none.", Kind.CHOICE, PERIODS),
    SettingField("snapshots.keep", "Snapshots kept", "The newest so many; empty: 8.", Kind.NUMBER),
)  # fmt: skip


_NAMING = ("name", "codename", "description", "signed_by")


def fixed_fields(fields: tuple[SettingField, ...], of_file: Mapping[str, Any]) -> dict[str, str]:
    """Return what a file says of fields, by their names: these are not to be changed here, but lists added to."""
    said = {}
    for field in fields:
        setting = field.name.partition(".")[0]
        if setting in of_file:
            said[field.name] = _said(field, of_file) or "not said"
    return said


def said_of(fields: tuple[SettingField, ...], values: Mapping[str, Any]) -> dict[str, str]:
    """Return what the fields of a form show for a mapping."""
    return {field.name: said for field in fields if (said := _said(field, values))}


def like_the_default(now: RepositorySettings) -> dict[str, str]:
    """Return what the form of a new suite shows: what the default suite has, but for what names it."""
    default = now.suite_names[0]
    has = {**now.suite_of_document(default), **now.suite_of_file(default)}
    return {name: said for name, said in said_of(SUITE_FIELDS, has).items() if name not in _NAMING}


def with_settings(now: RepositorySettings, said: Mapping[str, str]) -> tuple[str, tuple[Problem, ...]]:
    """Return the document's text with the settings of the repository itself as a form says, and faults of `bases`."""
    bases = reader_of_text(BASES, said.get(BASES, "").strip() or "{}")
    for name in bases.values:
        if name != BASES:
            bases.problem(name, "This field is not known here.", "Write bases: and its list.")
    document = _filled(now.document, REPOSITORY_FIELDS, now.of_file, said)
    document.pop(BASES, None)
    if BASES not in now.of_file and BASES in bases.values:
        document[BASES] = plain(bases.values[BASES])
    return text_of(document), tuple(bases.problems)


def with_suite(now: RepositorySettings, name: str, said: Mapping[str, str], *, new: bool) -> str:
    """Return the document's text with a suite as a form says; raise `SuiteExists` for a new one that is there.

    The codename of a new one is its name where the form says none.
    """
    if new and name in now.suite_names:
        raise SuiteExists(f"There is a suite {name} already.", remedy="Give the new one another name, or change that.")
    suites = [dict(suite) for suite in now.suites_of_document]
    there = next((suite for suite in suites if suite.get("name") == name), {})
    fixed = now.suite_of_file(name)
    suite = {**_filled(there, SUITE_FIELDS, fixed, said), "name": name}
    if new:
        suite = {"codename": name, "description": f"Suite {name}", **suite}
    for setting in SUMS:
        if setting in fixed and setting in suite:
            suite[setting] = [one for one in listed(suite[setting]) if one not in listed(fixed[setting])]
    suite = {setting: value for setting, value in suite.items() if value != []}
    if there:
        suites[suites.index(there)] = suite
    else:
        suites.append(suite)
    # One of the file that is left as the file has it says nothing; any other is for the reading to fault.
    said_all = [one for one in suites if set(one) != {"name"} or not now.suite_of_file(one["name"])]
    return text_of({**now.document, SUITES: said_all})


def without_suite(now: RepositorySettings, name: str) -> str:
    """Return the document's text without a suite; raise `DefaultSuiteStays`, `SetByFile`, `PackageRefused`."""
    now.require_retirable(name)
    return text_of({**now.document, SUITES: [one for one in now.suites_of_document if one.get("name") != name]})


def text_of(document: Mapping[str, Any]) -> str:
    """Return the text of a document, "" for one that says nothing."""
    said = {name: value for name, value in document.items() if value not in ([], {}, None)}
    return written_yaml(said) if said else ""


def faults_in(text: str) -> tuple[Problem, ...]:
    """Return what is wrong with the repository that the document of this text would make with the file."""
    return adapters.configuration().repository_in(text)[1]


def field_of(problem: Problem, fields: tuple[SettingField, ...]) -> str | None:
    """Return the field that a problem is shown at; None for one that is of no field of this form."""
    name = problem.field.partition("].")[2] if problem.field.startswith(f"{SUITES}[") else problem.field
    names = {field.name for field in fields} | {BASES}
    return name if name in names else next((one for one in names if one.partition(".")[0] == name), None)


def _said(field: SettingField, values: Mapping[str, Any]) -> str:
    value = take(plain(values), field.name.split("."))
    return "" if value is None else shown(value)


def _filled(
    document: Mapping[str, Any], fields: tuple[SettingField, ...], fixed: Mapping[str, Any], said: Mapping[str, str]
) -> dict[str, Any]:
    """Return a mapping of the document with what a form says in its fields; what a file says is not in it."""
    values: dict[str, Any] = plain(document)
    for field in fields:
        take(values, field.name.split("."))
        setting = field.name.partition(".")[0]
        value = value_of(field, said.get(field.name, "").strip())
        if value is not None and (setting not in fixed or setting in SUMS):
            put(values, field.name.split("."), value)
    return values
