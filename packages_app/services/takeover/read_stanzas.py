"""The stanzas of an index made into records, on all processors of this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from packages_app.adoption.index import Span, spans_of, stanzas_in
from packages_app.adoption.stanza_record import record_of_stanza
from packages_app.core.caution import cautions_of, with_cautions
from packages_app.core.document import document_of
from packages_app.core.errors import RepositoryRefused
from packages_app.services import adapters
from packages_app.services.intake.real_word import complaints_about
from packages_app.services.intake.spread import spread
from packages_app.services.takeover.adoption_request import AdoptionRequest, Part

_BYTES_AT_ONCE = 1024 * 1024
"""About 1,100 stanzas of Debian's: so many dpkg and apt read at once. An index of no more is read in this process."""


@dataclass(frozen=True)
class ReadStanzas:
    """Some of an index's stanzas, in its order: the documents of their records, and why others are no sound stanza.

    `complaints` has what dpkg and apt complain of, by the place among the documents.
    """

    documents: list[bytes]
    faults: list[str]
    complaints: dict[int, str]


def read_stanzas(part: Part, request: AdoptionRequest, processed: str) -> Iterator[ReadStanzas]:
    """Yield all stanzas of an index, some at a time; `processed` is their records' date of intake (ISO 8601, UTC).

    Raise `RepositoryRefused` for one that is far too long.
    """
    builds = _builds_in(part.suite.name)
    return spread(partial(_read, part, request, processed, builds), spans_of(part.plain, _BYTES_AT_ONCE))


def _builds_in(suite: str) -> dict[str, str]:
    """Return which build a suite has of the packages whose definitions say that it has one, by their names."""
    each = ((name, build) for name, one in adapters.definitions().by_package.items() for build in one.builds)
    return {name: build.label for name, build in each if suite in build.suites}


def _read(part: Part, request: AdoptionRequest, processed: str, builds: Mapping[str, str], span: Span) -> ReadStanzas:
    place_of = partial(request.place_of, part.component)
    records, faults = [], []
    for stanza in stanzas_in(part.plain, span):
        try:
            record = record_of_stanza(stanza, part.component, part.suite.name, processed, place_of, builds)
        except RepositoryRefused as error:
            faults.append(error.message)
        else:
            records.append(with_cautions(record, cautions_of(record), request.allow) if request.allow else record)
    complaints = complaints_about(records, adapters.repository())
    return ReadStanzas(list(map(document_of, records)), faults, complaints)
