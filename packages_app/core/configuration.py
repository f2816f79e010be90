"""The configuration folder, read once per change of one of its files.

Every request and every job asks for it, and a change counts at once in every process. So each call looks at the files'
names, times, sizes and inodes, which costs some microseconds a file, and reads only those that are others by now.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packages_app.core.definition import Definitions, SettingsReader, load_definitions
from packages_app.core.repository import Repository, load_repository
from packages_app.core.yaml_reader import YamlReader, load_yaml, reader_of

_YOUNG = 2_000_000_000
"""Nanoseconds. File systems date a change by clocks as coarse as this: a younger file may change unseen once more."""

FileState = tuple[int, int, int, int]
"""What is another when a file is another, or is written in place: changed and modified (ns), size (bytes), inode."""


@dataclass(frozen=True)
class _Read:
    """All that was read of the folder when its files were in these states, and what each file held."""

    states: Mapping[str, FileState]
    repository: Repository
    definitions: Definitions
    contents: Mapping[str, Any]


@dataclass
class Configuration:
    """`repository.yaml` and `packages/*.yaml` of a folder; `source_types` as `load_definitions` takes them.

    `clock` gives nanoseconds since 1970, of the clock by which files are dated.
    """

    folder: Path
    source_types: Mapping[str, SettingsReader]
    clock: Callable[[], int] = time.time_ns
    _last: _Read | None = field(default=None, init=False)

    def repository(self) -> Repository:
        """Return the repository as its file says; raise `DefinitionError`."""
        return self._now().repository

    def definitions(self) -> Definitions:
        """Return the definitions; bad files are in its `problems`. Raise `DefinitionError` for repository.yaml."""
        return self._now().definitions

    def _now(self) -> _Read:
        states, last = self._states(), self._last
        if last is None or last.states != states:
            last = self._read(states, last)
            # Threads that read at once keep one or the other: each is whole, and the next call looks again.
            self._last = last
        return last

    def _read(self, states: Mapping[str, FileState], last: _Read | None) -> _Read:
        began = self.clock()
        contents: dict[str, Any] = {}

        def read(path: Path) -> YamlReader:
            name = str(path)
            if last is not None and name in last.contents and last.states.get(name) == states.get(name):
                contents[name] = last.contents[name]
            else:
                contents[name] = load_yaml(path)
            return reader_of(path, contents[name])

        repository = load_repository(self._repository_path, read=read)
        definitions = load_definitions(self._packages_path, repository, self.source_types, read=read)
        settled = {name: state for name, state in states.items() if state[0] < began - _YOUNG}
        return _Read(settled, repository, definitions, contents)

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
