"""The configuration: the files of a folder, over the documents of the package table; read once per change.

Every request and every job asks for it, and a change of a file counts at once in every process. So each call looks at
the files' names, times, sizes and inodes, which costs some microseconds a file, and reads only those that are others by
now. What the table has is asked for every few seconds, and exactly where `look` is called (`core/kept_documents.py`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from packages_app.core.definition import UNREAD, Definition, Definitions, SettingsReader, load_definitions
from packages_app.core.documents import REPOSITORY, Document, package_of
from packages_app.core.errors import DefinitionError
from packages_app.core.file_over_document import file_over_document
from packages_app.core.kept_documents import KeptDocuments, Known
from packages_app.core.repository import Repository, Suite, definition_error, repository_in
from packages_app.core.yaml_reader import Problem, YamlReader, load_yaml, read_yaml, reader_of, reader_of_text

_YOUNG = 2_000_000_000
"""Nanoseconds. File systems date a change by clocks as coarse as this: a younger file may change unseen once more."""

_NONE = Known()
_NO_REPOSITORY = Repository("", "", "", "", (Suite("", "", "", "", ("main",), (), timedelta()),))
_OF_PLACES = ("suites", "component", "architecture", "builds", "promote")
"""Fields of definitions that are judged by what the repository has."""

FileState = tuple[int, int, int, int]
"""What is another when a file is another, or is written in place: changed and modified (ns), size (bytes), inode."""


@dataclass(frozen=True)
class _Read:
    """All that was read when the folder's files were in these states and the table's documents were `known`.

    A file whose state can't tell yet whether it changes has None. `contents` is what each file held.
    """

    known: Known
    states: Mapping[str, FileState | None]
    repository: Repository
    definitions: Definitions
    contents: Mapping[str, Any]


@dataclass
class Configuration:
    """`repository.yaml` and `packages/*.yaml` of a folder, and what `kept` has beside them.

    A file of `packages/` counts before a document, whole; of repository.yaml each setting by itself. `source_types` is
    as `load_definitions` takes them, `clock` gives nanoseconds since 1970, of the clock by which files are dated.
    """

    folder: Path
    source_types: Mapping[str, SettingsReader]
    clock: Callable[[], int] = time.time_ns
    kept: KeptDocuments | None = None
    _last: _Read | None = field(default=None, init=False)

    def repository(self) -> Repository:
        """Return the repository as its file says, or its document.

        Raise `DefinitionError`, and the table's error where it may be a document and none was ever read.
        """
        return self._now().repository

    def definitions(self) -> Definitions:
        """Return the definitions; bad ones are in its `problems`. Raise as `repository`."""
        return self._now().definitions

    def faults(self) -> tuple[Problem, ...]:
        """Return every problem of all files and documents, sorted.

        Where the repository's own file is at fault definitions are read all the same; what they say of places in it is
        not judged then. Raise the table's error where the repository may be a document and none was ever read.
        """
        try:
            return self._now().definitions.problems
        except DefinitionError:
            known = self.kept.now() if self.kept is not None else _NONE
            reader = self._repository_reader(self._states(), known, read_yaml)
            repository, problems = repository_in(reader, self.folder)
            whole = tuple(suite for suite in repository.suites if suite.components) if repository else ()
            judged = replace(repository or _NO_REPOSITORY, suites=whole or _NO_REPOSITORY.suites)
            found = load_definitions(
                self._packages_path, judged, self.source_types, documents=_readers_of(known)
            ).problems
            return tuple(sorted([*problems, *(one for one in found if one.field.partition(".")[0] not in _OF_PLACES)]))

    def look(self) -> None:
        """Let what the table has now count from here on; raise its errors."""
        if self.kept is not None:
            self.kept.look()

    def definition_in(self, name: str, text: str) -> tuple[Definition | None, tuple[Problem, ...]]:
        """Return the definition that a package's document of this text would be, beside all that counts now.

        And what is wrong with it; None where anything is. Nothing is kept.
        """
        definitions = self.definitions_with({name: text})
        problems = [problem for problem in definitions.problems if problem.file == name]
        if package_of(name) in definitions.overruled:
            problems.append(Problem(name, 1, "name", "A file defines this package.", "Change that file, or remove it."))
        return (None if problems else definitions.by_name.get(package_of(name))), tuple(problems)

    def definitions_with(self, texts: Mapping[str, str]) -> Definitions:
        """Return what the definitions would be with documents of these texts, by name; nothing is kept."""
        known = self.kept.now() if self.kept is not None else _NONE
        tried = {**known.by_name, **{name: Document(name, 0, text, "", "") for name, text in texts.items()}}
        return self._read(self._states(), Known(known.mark, tried), self._last).definitions

    def repository_in(self, text: str) -> tuple[Repository | None, tuple[Problem, ...], Definitions]:
        """Return the repository that the document of this text would make with the file, "" for none.

        And what is wrong with it, where it is None; and the definitions as they would be then. Nothing is kept.
        """
        known, states = self.kept.now() if self.kept is not None else _NONE, self._states()
        of_file = read_yaml(self._repository_path) if str(self._repository_path) in states else None
        reader = self._combined(of_file, text)
        problems = repository_in(reader, self.folder)[1]
        if problems:
            return None, problems, Definitions()
        others = {name: document for name, document in known.by_name.items() if name != REPOSITORY}
        tried = {**others, REPOSITORY: Document(REPOSITORY, 0, text, "", "")} if text else others
        read = self._read(states, Known(known.mark, tried), self._last)
        return read.repository, (), read.definitions

    def repository_parts(self) -> tuple[YamlReader | None, YamlReader | None]:
        """Return readers of repository.yaml and of the document beside it, None for what is not there."""
        known = self.kept.now() if self.kept is not None else _NONE
        document = known.by_name.get(REPOSITORY)
        of_file = read_yaml(self._repository_path) if self._repository_path.exists() else None
        return of_file, reader_of_text(REPOSITORY, document.text) if document is not None else None

    def _now(self) -> _Read:
        known = self.kept.now() if self.kept is not None else _NONE
        states, last = self._states(), self._last
        if last is None or last.states != states or last.known is not known:
            last = self._read(states, known, last)
            # Threads that read at once keep one or the other: each is whole, and the next call looks again.
            self._last = last
        return last

    def _read(self, states: Mapping[str, FileState], known: Known, last: _Read | None) -> _Read:
        began = self.clock()
        contents: dict[str, Any] = {}

        def read(path: Path) -> YamlReader:
            name = str(path)
            if last is not None and name in states and last.states.get(name) == states[name]:
                contents[name] = last.contents[name]
            else:
                contents[name] = load_yaml(path)
            return reader_of(path, contents[name])

        repository, problems = repository_in(self._repository_reader(states, known, read), self.folder)
        if repository is None or problems:
            raise definition_error(problems)
        definitions = load_definitions(
            self._packages_path, repository, self.source_types, read=read, documents=_readers_of(known)
        )
        if known.failed is not None:
            unread = Problem(UNREAD, 1, "(documents)", known.failed.message, known.failed.remedy)
            definitions = replace(definitions, problems=(*definitions.problems, unread))
        settled = {name: state if state[0] < began - _YOUNG else None for name, state in states.items()}
        return _Read(known, settled, repository, definitions, contents)

    def _repository_reader(
        self, states: Mapping[str, FileState], known: Known, read: Callable[[Path], YamlReader]
    ) -> YamlReader:
        """Return a reader of repository.yaml over its document."""
        path = self._repository_path
        is_file = str(path) in states
        if not is_file and known.failed is not None:
            raise known.failed
        document = known.by_name.get(REPOSITORY)
        return self._combined(read(path) if is_file else None, document.text if document else "")

    def _combined(self, of_file: YamlReader | None, document: str) -> YamlReader:
        """Return a reader of repository.yaml, None where it is not there, over the document's text, "" for none."""
        if not document:
            return of_file or read_yaml(self._repository_path)
        beside = reader_of_text(REPOSITORY, document)
        return file_over_document(of_file, beside) if of_file is not None else beside

    def _states(self) -> dict[str, FileState]:
        """Return the state of each file that is there now."""
        states = {}
        paths = [os.fspath(self._repository_path)]
        with suppress(OSError), os.scandir(self._packages_path) as entries:  # no folder, or none of ours: no packages
            paths += [entry.path for entry in entries if entry.name.endswith(".yaml")]
        for path in paths:
            try:
                status = os.stat(path)
            except OSError:  # reading it will say why
                continue
            states[path] = (status.st_ctime_ns, status.st_mtime_ns, status.st_size, status.st_ino)
        return states

    @property
    def _repository_path(self) -> Path:
        return self.folder / "repository.yaml"

    @property
    def _packages_path(self) -> Path:
        return self.folder / "packages"


def _readers_of(known: Known) -> dict[str, YamlReader]:
    """Return a new reader of each definition among documents, by its package."""
    return {
        package_of(name): reader_of_text(name, document.text)
        for name, document in known.by_name.items()
        if package_of(name)
    }
