"""The reference of settings and commands as Markdown, made from the code, so that it can't drift from it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from inspect import getdoc

from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand, DjangoHelpFormatter

from packages_app.core import (
    disk,
    documents,
    errors,
    history_errors,
    query,
    running_errors,
    snapshot,
    suite_change,
    webhooks,
)
from packages_app.core.errors import RepomgrError
from packages_app.signing import signer_errors
from repomgr import environment, processes
from repomgr.environment import Setting
from repomgr.setting_meanings import MEANINGS

_APP = "packages_app"
_HELP_WIDTH = 80

_SETTINGS_HEAD = """# Settings

All settings come from the environment or the [settings file](../DEPLOYMENT.md#one-set-of-settings), over which the
environment stands; all are optional. Each may also be given as `NAME_FILE`, the path of a file that holds the value;
setting both is refused. A value that makes no sense is refused at the start, with the setting's
name and a remedy.

This page is made from the code that reads them.
"""
_COMMANDS_HEAD = """# Commands

Run as `.venv/bin/python manage.py NAME`. Each shows its progress and ends with 0 (done), 1 (failed), 2 (refused:
correct the input) or 75 (a server is away: try again). On a terminal each says first which home, bucket and table it
works on. All but `first_start` need a home that is there. Besides what is listed, each takes the options of Django's
own commands, such as `--traceback`.

This page is made from what each command says with `--help`.
"""
_ERRORS_HEAD = """# Errors

What a command prints, a job's page shows and the log says of a failure: a code that never changes its name, a sentence
with what was wrong, and the remedy. What to do about each is in [OPERATIONS](../OPERATIONS.md).

This page is made from the code that raises them.

| code | what it says |
|---|---|
"""


def settings_read() -> Mapping[str, Setting]:
    """Return every setting that is read, by its name, once Django's settings are there."""
    processes.chosen()
    return environment.READ


def settings_table() -> str:
    """Return the Markdown table of all settings: name, default, meaning."""
    rows = [f"| `{name}` | {_default_of(name)} | {meaning.text} |" for name, meaning in MEANINGS.items()]
    return "\n".join(["| name | default | meaning |", "|---|---|---|", *rows, ""])


def settings_page() -> str:
    """Return the page of all settings: the table's words, and what each takes."""
    sections = [
        f"## {name}\n\n{meaning.text[0].upper()}{meaning.text[1:]}.\n\n"
        f"Takes {settings_read()[name].takes}. Default: {_default_of(name) or 'none'}.\n"
        for name, meaning in MEANINGS.items()
    ]
    return "\n".join([_SETTINGS_HEAD, *sections])


def _default_of(name: str) -> str:
    default = settings_read()[name].default
    return MEANINGS[name].default or (f"`{default}`" if default else "")


def commands_page() -> str:
    """Return the page of all our commands, sorted by name: what each says of itself with `--help`."""
    names = sorted(name for name, app in get_commands().items() if app == _APP)
    return "\n".join([_COMMANDS_HEAD, *(f"## {name}\n\n```text\n{_help_of(name)}```\n" for name in names)])


def _help_of(name: str) -> str:
    command: BaseCommand = load_command_class(_APP, name)
    command.suppressed_base_arguments = set(DjangoHelpFormatter.show_last)
    formatter = partial(DjangoHelpFormatter, width=_HELP_WIDTH)
    return command.create_parser("manage.py", name, formatter_class=formatter).format_help()


def error_kinds() -> Mapping[str, type[RepomgrError]]:
    """Return every kind of error that the core has, by its code, sorted; kinds without a code are not in it."""
    modules = (
        errors, disk, documents, history_errors, query, running_errors, signer_errors, snapshot, suite_change, webhooks,
    )  # fmt: skip
    found = (kind for each in modules for kind in vars(each).values())
    kinds = (kind for kind in found if isinstance(kind, type) and issubclass(kind, RepomgrError))
    return dict(sorted((kind.code, kind) for kind in kinds if kind is not RepomgrError and "code" in vars(kind)))


def errors_page() -> str:
    """Return the page of all codes of errors: the first sentence of what each says of itself."""
    rows = [f"| `{code}` | {_first_line(kind)} |\n" for code, kind in error_kinds().items()]
    return _ERRORS_HEAD + "".join(rows)


def _first_line(kind: type[RepomgrError]) -> str:
    return (getdoc(kind) or "").partition("\n")[0]
