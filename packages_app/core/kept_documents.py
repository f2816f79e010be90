"""What a process knows of the documents in the package table, asked for seldom, and exactly where it matters."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from packages_app.core.documents import Document, Documents
from packages_app.core.errors import RepomgrError, TableMissing

SECONDS = 5.0
"""A change that another process makes counts here within so many seconds, at the next look."""


@dataclass(frozen=True)
class Known:
    """The documents by name as they were when the table's mark was `mark`; `failed` says why they were never read."""

    mark: str = ""
    by_name: Mapping[str, Document] = field(default_factory=dict)
    failed: RepomgrError | None = None


@dataclass
class KeptDocuments:
    """The documents of a table, read anew when its mark is another; `clock` tells seconds that only grow."""

    source: Documents
    clock: Callable[[], float] = time.monotonic
    _known: Known | None = field(default=None, init=False)
    _asked: float = field(default=0.0, init=False)

    def now(self) -> Known:
        """Return the documents as they were some seconds ago, at most.

        While the table is away they are those that were read last; where none ever was, `failed` says why.
        """
        known = self._known
        if known is not None and self.clock() - self._asked < SECONDS:
            return known
        try:
            return self.look()
        except RepomgrError as error:
            if known is None or known.failed is not None:
                known = Known(failed=error)
            self._known = known
            return known

    def look(self) -> Known:
        """Ask the table, and return the documents as they are now; raise as `Documents` does.

        A table that is not there yet has none.
        """
        self._asked = self.clock()  # before it is asked: while one waits for a table that is away, others do not
        known = self._known
        try:
            mark = self.source.mark()  # first: what is written from here on leaves another one
            if known is None or known.failed is not None or known.mark != mark:
                known = Known(mark, {one.name: one for one in self.source.documents()})
        except TableMissing:
            if known is not None and known.mark:
                raise
            known = Known()
        self._known = known
        return known
