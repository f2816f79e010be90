"""Definitions made in the admin: saved as documents of the table once they are sound, removed, and their history."""

from __future__ import annotations

from packages_app.core.definition import Definition
from packages_app.core.documents import Document, SetByFile, of_package, package_of
from packages_app.core.errors import RecordNotFound, RightMissing
from packages_app.core.repository import Definers, definition_error
from packages_app.core.rights import Action
from packages_app.core.yaml_reader import Problem
from packages_app.services import adapters
from packages_app.services.configuration.saved_versions import keep_version, next_version
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import rights_of
from packages_app.sources.registry import source_types


def may_define(user: Asker) -> bool:
    """Return whether somebody may make and change definitions, as `define` of the repository says."""
    allowed = adapters.repository().define
    if allowed is Definers.NOBODY:
        return False
    return rights_of(user).may(Action.PUBLISH if allowed is Definers.PUBLISHERS else Action.ADMINISTER)


def require_definer(user: Asker | None) -> None:
    """Raise `RightMissing` for somebody who may make no definitions; who runs a command (None) is the operator."""
    allowed = adapters.repository().define
    if not (may_define(user) if user is not None else allowed is not Definers.NOBODY):
        raise RightMissing(
            f"Definitions are made by {allowed} here.",
            remedy="Ask an administrator; `define` of repository.yaml says who may, and files can always be written.",
        )


def definition_in(name: str, text: str) -> tuple[Definition | None, tuple[Problem, ...]]:
    """Return the definition of a text, None where it has faults, and these as reading a file would say them."""
    if not name:
        return None, (Problem(of_package(name), 1, "name", "It is missing.", "Add name."),)
    return adapters.configuration().definition_in(of_package(name), text)


def save_definition(name: str, text: str, *, read: int, user: Asker | None, who: str = "") -> Document:
    """Keep the definition of a package that was read as version `read`, 0 for a new one; return what is kept then.

    `user` asks in the admin; a command says `who` runs it. It counts at once here, elsewhere within seconds, and for
    every job from now on. Raise `RightMissing`, `SetByFile`, `DefinitionError`, `ConfigurationOutdated`,
    `ConfigurationTooLarge`.
    """
    require_definer(user)
    _require_no_file(name)
    definition, faults = definition_in(name, text)
    if faults:
        raise definition_error(faults)
    _require_own_rights(name, definition, user)
    return _put(name, text, read, who or _named(user))


def remove_definition(name: str, *, read: int, user: Asker) -> Document:
    """Remove a definition; its packages stay where they are, and its versions can be looked at. Raise as saving."""
    require_definer(user)
    _require_own_rights(name, None, user)
    return _put(name, "", read, _named(user))


def definition_document(name: str) -> Document | None:
    """Return the newest version of a package's document, None for one that was never made or is removed."""
    document = adapters.documents().document(of_package(name))
    return None if document is None or document.removed else document


def removed_definitions() -> list[str]:
    """Return the names of packages whose documents were removed, sorted; their versions can be brought back."""
    return [name for document in adapters.documents().removed() if (name := package_of(document.name))]


def is_document(file: str) -> bool:
    """Return whether what a definition's row calls its file is a document of the table."""
    return bool(package_of(file))


def _require_own_rights(name: str, after: Definition | None, user: Asker | None) -> None:
    """Raise `RightMissing` for who would get by a definition what is a right of its own.

    What makes a bootstrap package of another, or another of one, is for who may upload those; and so is what lets
    people upload what a source brought before, be it after a removal.
    """
    if user is None:
        return
    before, was_bootstrap = _last_of(name)
    rights = rights_of(user)
    if was_bootstrap or (after is not None and after.bootstrap is not None):
        rights.require(Action.BOOTSTRAP, "To define a bootstrap package", packages=[name])
    if before is not None and after is not None and not _takes_uploads(before) and _takes_uploads(after):
        rights.require(Action.HOTFIX, "To take a package from its source", packages=before.names)


def _last_of(name: str) -> tuple[Definition | None, bool]:
    """Return the last definition of a package that its document had, and whether that was a bootstrap package's."""
    document = adapters.documents().document(of_package(name))
    if document is None:
        return None, False
    text = document.text
    if document.removed:
        text = next((one.text for one in reversed(adapters.documents().versions_of(document.name)) if one.text), "")
    definition, _ = definition_in(name, text)
    # One that has a fault by now, as its suite is gone, is known by its text.
    return definition, definition.bootstrap is not None if definition is not None else "bootstrap:" in text


def _takes_uploads(definition: Definition) -> bool:
    return source_types()[definition.source_type].takes_uploads


def _named(user: Asker | None) -> str:
    return user.get_username() if user is not None else ""


def _put(name: str, text: str, read: int, who: str) -> Document:
    if not text and adapters.documents().document(of_package(name)) is None:
        raise RecordNotFound(f"{name} is not defined in the table.", remedy="Remove the file that defines it.")
    document = next_version(of_package(name), text, read=read, who=who)
    keep_version(document)
    return document


def _require_no_file(name: str) -> None:
    definitions = adapters.definitions()
    known = definitions.by_name.get(name)
    files = {problem.file for problem in definitions.problems}
    if (known is not None and not known.is_document) or name in definitions.overruled or f"{name}.yaml" in files:
        file = known.file if known is not None else f"{name}.yaml"
        raise SetByFile(
            f"{name} is defined by the file {file} of the configuration folder, which counts before the table.",
            remedy="Change that file, or remove it first: manage.py export_config keeps what it says.",
        )
