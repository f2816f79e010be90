"""Answers that are kept, so that what has not changed is not sent again (conditional requests, RFC 9110, 13.1.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from packages_app.sources.exchange import Answer, Check


@dataclass(frozen=True)
class KeptAnswer:
    """A body with the ETag that names it, and the headers by lower-case name that belong to it."""

    etag: str
    body: bytes
    headers: Mapping[str, str]


class AnswerCache(Protocol):
    """Where answers are kept across processes. Losing one costs a request; so neither call ever raises."""

    def get(self, url: str) -> KeptAnswer | None:
        """Return what was last kept for an address; None where nothing sound is."""
        ...

    def put(self, url: str, answer: KeptAnswer) -> None:
        """Keep an answer in place of the one before."""
        ...


class NothingKept:
    """The cache that forgets at once."""

    def get(self, url: str) -> KeptAnswer | None:
        """Return None: nothing is kept."""
        return None

    def put(self, url: str, answer: KeptAnswer) -> None:
        """Do nothing: nothing is kept."""


@dataclass(frozen=True)
class Document:
    """What an address holds: the document, and the headers of this answer over those that were kept."""

    content: Any
    headers: Mapping[str, str]


def ask_document(
    url: str,
    headers: Mapping[str, str],
    *,
    cache: AnswerCache,
    get: Callable[[Mapping[str, str], Check], Answer],
    check: Check,
    read: Callable[[bytes], Any],
) -> Document:
    """Ask an address, or hear that what is kept still holds.

    `get` makes the request with the headers given, `read` makes a document of the body. Only what `read` takes is kept,
    so half a page never is. Raise what `get`, `check` and `read` raise.
    """
    kept = cache.get(url)
    conditional = {**headers, "If-None-Match": kept.etag} if kept else headers

    def check_answer(asked: str, answer: Answer) -> None:
        if not (kept and answer.status == HTTPStatus.NOT_MODIFIED):
            check(asked, answer)

    answer = get(conditional, check_answer)
    if kept and answer.status == HTTPStatus.NOT_MODIFIED:
        return Document(read(kept.body), {**kept.headers, **answer.headers})
    content = read(answer.body)
    etag = answer.headers.get("etag", "")
    if etag:
        # Of the headers only the links to further pages are needed when the body is not sent again.
        links = {name: value for name, value in answer.headers.items() if name == "link"}
        cache.put(url, KeptAnswer(etag, answer.body, links))
    return Document(content, answer.headers)
