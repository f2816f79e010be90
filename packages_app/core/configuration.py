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
from pathlib import Path
from typing import Any

from packages_app.core.definition import UNREAD, Definition, Definitions, SettingsReader, load_definitions
from packages_app.core.documents import REPOSITORY, Document, package_of
from packages_app.core.kept_documents import KeptDocuments, Known
from packages_app.core.repository import Repository, load_repository
from packages_app.core.yaml_reader import Problem, YamlReader, load_yaml, reader_of, reader_of_text

_YOUNG = 2_000_000_000
"""Nanoseconds. File systems date a change by clocks as coarse as this: a younger file may change unseen once more."""

_NONE = Known()

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

    A file counts before a document. `source_types` is as `load_definitions` takes them, `clock` gives nanoseconds since
    1970, of the clock by which files are dated.
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

    def repository_is_a_file(self) -> bool:
        """Return whether repository.yaml is there, which counts before any document."""
        return self._repository_path.exists()

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

        def read_repository(path: Path) -> YamlReader:
            if str(path) not in states and known.failed is not None:
                raise known.failed
            if str(path) not in states and REPOSITORY in known.by_name:
                return reader_of_text(REPOSITORY, known.by_name[REPOSITORY].text)
            return read(path)

        documents = {
            package_of(name): reader_of_text(name, document.text)
            for name, document in known.by_name.items()
            if package_of(name)
        }
        repository = load_repository(self._repository_path, read=read_repository)
        definitions = load_definitions(
            self._packages_path, repository, self.source_types, read=read, documents=documents
        )
        if known.failed is not None:
            unread = Problem(UNREAD, 1, "(documents)", known.failed.message, known.failed.remedy)
            definitions = replace(definitions, problems=(*definitions.problems, unread))
        settled = {name: state if state[0] < began - _YOUNG else None for name, state in states.items()}
        return _Read(known, settled, repository, definitions, contents)

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
