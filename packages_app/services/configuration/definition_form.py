"""A definition as the fields of a form, and back into its one text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packages_app.core.caution import ALLOWABLE, HTTP
from packages_app.core.definition import PRIORITIES
from packages_app.core.setting_field import Kind, SettingField
from packages_app.core.yaml_reader import Problem, plain, reader_of_text
from packages_app.core.yaml_writer import written_yaml
from packages_app.services import adapters
from packages_app.services.configuration.form_values import put, shown, take, value_of
from packages_app.sources.registry import source_types

MORE = "more"
"""The field for all that has none of its own, as YAML."""
_SOURCE = "source."


def fields_of(source_type: str) -> tuple[SettingField, ...]:
    """Return the fields of a definition with such a source, in their order; those of the source begin with `source.`.

    A source type that declares none is written into `more`.
    """
    repository = adapters.repository()
    suites = ", ".join(suite.name for suite in repository.suites)
    components = ", ".join(dict.fromkeys(name for suite in repository.suites for name in suite.components))
    architectures = ", ".join(repository.architectures)
    own = getattr(source_types().get(source_type), "fields", ())
    source = [SettingField(f"{_SOURCE}{f.name}", f.label, f.meaning, f.kind, f.choices) for f in own]
    return (
        SettingField("name", "Package", "As the control paragraph of its files says it."),
        SettingField("packages", "Other packages", "Names of those that come with it, as in one release; empty: none.",
                     Kind.TEXTS),
        *source,
        SettingField("architecture", "Architectures", f"Those that it is taken for: {architectures}.", Kind.TEXTS),
        SettingField("suites", "Suites", f"Where it goes; empty: {repository.default_suite.name}. There are: {suites}.",
                     Kind.TEXTS),
        SettingField("component", "Component", f"Empty: the suite's first. There are: {components}."),
        SettingField("enabled", "Enabled", "Whether the clock asks its upstream; empty: yes.", Kind.FLAG),
        SettingField("allow", "Allowed", "What needs nobody's word before clients get it: "
                     f"{', '.join((*ALLOWABLE, HTTP))}.", Kind.TEXTS),
        SettingField("description", "Description", "Counts where the control paragraph has none, as do the next four."),
        SettingField("maintainer", "Maintainer", "Such as Some One <some.one@example.org>."),
        SettingField("homepage", "Homepage", "An address."),
        SettingField("section", "Section", "Such as utils or editors."),
        SettingField("priority", "Priority", "Most packages are optional.", Kind.CHOICE, PRIORITIES),
    )  # fmt: skip


def text_of(source_type: str, said: Mapping[str, str]) -> tuple[str, tuple[Problem, ...]]:
    """Return the text of what a form says, and what is wrong with its `more`, which then is not in the text."""
    reader = reader_of_text(MORE, said.get(MORE, "").strip() or "{}")
    values: dict[str, Any] = plain(reader.values)
    more = values.get("source")
    values["source"] = {**(more if isinstance(more, Mapping) else {}), "type": source_type}
    for field in fields_of(source_type):
        value = value_of(field, said.get(field.name, "").strip())
        if value is not None:
            put(values, field.name.split("."), value)
    return written_yaml(values), tuple(reader.problems)


def said_by(text: str) -> tuple[str, dict[str, str]]:
    """Return the source type of a definition's text, and what its form says; what has no field is in `more`."""
    values: dict[str, Any] = plain(reader_of_text(MORE, text).values)
    source = values.get("source")
    source_type = str(source.get("type", "")) if isinstance(source, dict) else ""
    said = {}
    for field in fields_of(source_type):
        value = take(values, field.name.split("."))
        if value is not None:
            said[field.name] = shown(value)
    if isinstance(source, dict):
        source.pop("type", None)
        if not source:
            values.pop("source")
    return source_type, {**said, MORE: written_yaml(values) if values else ""}


def field_of(problem: Problem, source_type: str) -> str:
    """Return the name of the form's field that a problem is shown at."""
    names = {field.name for field in fields_of(source_type)}
    return problem.field if problem.field in names else MORE
