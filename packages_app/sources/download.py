"""Fetching from vendors: streamed to disk, resumed after a break, bounded in size and time, hashed on the way."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import structlog
from tenacity import retry_if_exception_type

from packages_app.core.checksums import CHUNK_BYTES, ChecksumPass, Checksums
from packages_app.core.errors import NotAsAnnounced, UpstreamError
from packages_app.core.ports import Clock, Progress
from packages_app.core.private_upstreams import PrivateUpstreams
from packages_app.core.retry import Patience, retrying
from packages_app.core.source_tokens import SourceTokens
from packages_app.sources.answers import AnswerCache, NothingKept
from packages_app.sources.connections import CheckedTransport, Deadline
from packages_app.sources.exchange import (
    Answer,
    Broken,
    Check,
    TooLarge,
    check_status,
    only_http,
    plain,
    upstream_errors,
)

_LONGEST_WAIT = 60.0
_MOST_REDIRECTS = 5
DOCUMENT_BYTES = 4 * 1024 * 1024
"""What is read of a vendor's document at most."""
_LARGER_FILES = "Raise size_limit_mb in the definition if the file is meant to be that large."
_MOST_CONTAINERS = 200_000
_MOST_VALUES = 2_000_000
"""Objects and lists of a document, and its values: what has more takes gigabytes of memory. A hundred releases on
GitHub, of a hundred assets each, are 20,000 and 300,000, which no page of 4 MiB holds."""
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?P<odd>u[dD][89a-fA-F][0-9a-fA-F]{2}|u00(?:0[0-8b-fB-F]|1[0-9a-fA-F]|7[fF])|[bf])"
    r"|(?P<end>r(?:\\n)?))|(?:\\(?!u[dD][89a-fA-F]|u00[01]|u007|[bfr]).[^\\]*){1,1000}|\\.",
    re.DOTALL,
)
"""An escape in a JSON text: a pair of surrogates, what `core.storable_text` replaces, the end of a line; a run of
others with the text between them, at once: a document may be nothing but escapes; any that looks like the first."""
_LONGEST_LENGTH = 15
_NOT_THE_REST = (HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, HTTPStatus.PARTIAL_CONTENT)
_COMPLAINT_BYTES = 64 * 1024
"""How much of an answer is read that is no file: enough for what a server has to say."""

_FORGETFUL = NothingKept()
_INTERNET_ONLY = PrivateUpstreams()
_NO_TOKENS = SourceTokens()

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Limits:
    """Bounds of a fetch: tries, seconds between them (doubled each time), seconds without a byte, seconds in all.

    `overall` is for files, `small` for documents and other small bodies; both with all their tries and redirects.
    `listing` is for all pages of one list.
    """

    tries: int = 3
    wait: float = 1.0
    connect: float = 10.0
    read: float = 30.0
    overall: float = 3600.0
    small: float = 120.0
    listing: float = 900.0


class Fetcher:
    """Fetches over http and https only, from public addresses and those of `allowed_private`, whatever a redirect says.

    With `https_only` http is for hosts that `allowed_private` names. `answers` keeps answers for conditional requests,
    `tokens` holds the secret for each host, `clock` tells now, `certificates_of` the fingerprints of certificates that
    signed a package before: what a source type may need beside the network.
    """

    def __init__(
        self,
        limits: Limits = Limits(),
        *,
        sleep: Callable[[float], None] = time.sleep,
        answers: AnswerCache = _FORGETFUL,
        tokens: SourceTokens = _NO_TOKENS,
        certificates_of: Callable[[str], Collection[str]] = lambda _package: (),
        clock: Clock = lambda: datetime.now(UTC),
        allowed_private: PrivateUpstreams = _INTERNET_ONLY,
        https_only: bool = False,
    ) -> None:
        self._limits = limits
        self._allowed_private = allowed_private
        self._https_only = https_only
        self._sleep = sleep
        self.answers = answers
        self.tokens = tokens
        self.certificates_of = certificates_of
        self.clock = clock

    def deadline_of_listing(self, url: str) -> Deadline:
        """Return the deadline of a list that comes in pages, which begins now."""
        return Deadline(plain(url), self._limits.listing)

    def get_json(self, url: str) -> Any:
        """Return a JSON document; raise `UpstreamError` for what is none, `UpstreamUnavailable` after three tries."""
        return read_json(url, self.get_bytes(url, limit_bytes=DOCUMENT_BYTES))

    def get_bytes(self, url: str, *, limit_bytes: int) -> bytes:
        """Return a small body; raise `TooLarge` for one of more than `limit_bytes`."""
        return self.get(url, limit_bytes=limit_bytes).body

    def get(
        self, url: str, *, limit_bytes: int, headers: Mapping[str, str] | None = None, check: Check = check_status
    ) -> Answer:
        """Return an answer that `check` holds to be good, its body of at most `limit_bytes`.

        A redirect to another server is followed without the `Authorization` among `headers`.
        """
        deadline = Deadline(plain(url), self._limits.small)
        answer: Answer = self._tried(url, lambda: self._small(url, limit_bytes, headers or {}, check, deadline))
        return answer

    def download(
        self,
        url: str,
        target: Path,
        *,
        limit_bytes: int,
        expected_size: int | None = None,
        expected_sha256: str = "",
        announced_by: str = "",
        headers: Mapping[str, str] | None = None,
        check: Check = check_status,
        progress: Progress,
    ) -> Checksums:
        """Stream a file to `target`, at most `limit_bytes`; return its checksums. `headers`, `check` are as in `get`.

        `announced_by` names in an error who gave `expected_sha256`.
        A try that breaks off is resumed where the server allows it. Raise `UpstreamError` when size or hash are not
        as expected; then, and after any other failure, nothing is left.
        """
        part = _Part(target.with_name(f"{target.name}.part"))
        deadline = Deadline(plain(url), self._limits.overall)
        try:
            self._tried(url, lambda: self._stream(url, part, limit_bytes, headers or {}, check, progress, deadline))
            checksums = part.checksums.result()
            _check_expected(url, checksums, expected_size, expected_sha256, announced_by)
            part.path.rename(target)
        finally:
            part.path.unlink(missing_ok=True)
        return checksums

    def _tried(self, url: str, attempt: Callable[[], Any]) -> Any:
        def failed(number: int, error: BaseException) -> None:
            log.warning("fetch_failed", url=plain(url), attempt=number, error=str(error))

        tries = retrying(
            Patience(self._limits.tries, self._limits.wait, _LONGEST_WAIT),
            retry_if_exception_type(Broken),
            sleep=self._sleep,
            failed=failed,
            asked=lambda error: error.wait if isinstance(error, Broken) else 0.0,
        )
        return tries(attempt)

    def _client(self, deadline: Deadline) -> httpx.Client:
        timeout = httpx.Timeout(self._limits.read, connect=self._limits.connect)
        return httpx.Client(
            transport=CheckedTransport(self._allowed_private, https_only=self._https_only, deadline=deadline),
            timeout=timeout,
            follow_redirects=True,
            max_redirects=_MOST_REDIRECTS,
            headers={"User-Agent": "repomgr", "Accept-Encoding": "identity"},
            event_hooks={"request": [only_http]},
        )

    def _small(
        self, url: str, limit_bytes: int, headers: Mapping[str, str], check: Check, deadline: Deadline
    ) -> Answer:
        with (
            self._client(deadline) as client,
            upstream_errors(url),
            client.stream("GET", url, headers=headers) as response,
        ):
            if not response.is_success:
                answer = _complaint(response)
                check(url, answer)
                return answer
            body = bytearray()
            for chunk in response.iter_raw(CHUNK_BYTES):
                body += chunk
                _check_limit(url, len(body), limit_bytes, "Ask upstream for a smaller one; nothing was taken in.")
            answer = Answer(str(response.url), response.status_code, dict(response.headers), bytes(body))
        check(url, answer)
        return answer

    def _stream(
        self, url: str, part: _Part, limit_bytes: int, headers: Mapping[str, str], check: Check, progress: Progress,
        deadline: Deadline,
    ) -> None:  # fmt: skip
        asked = {**headers, **part.headers()}
        with (
            self._client(deadline) as client,
            upstream_errors(url),
            client.stream("GET", url, headers=asked) as response,
        ):
            whole = 0
            if response.status_code == HTTPStatus.PARTIAL_CONTENT and part.continues(response):
                mode, whole = "ab", _whole_length(response)
            else:
                if response.status_code in _NOT_THE_REST:
                    part.restart()
                    raise Broken(f"{plain(url)} would not resume.", remedy="It is fetched anew.")
                if response.status_code != HTTPStatus.OK:
                    check(url, _complaint(response))
                part.restart()
                mode = "wb"
            part.validator = _validator(response)
            total = part.checksums.size + _announced_length(response)
            _check_limit(url, total, limit_bytes, _LARGER_FILES)
            with part.path.open(mode) as stream:
                for chunk in response.iter_raw(CHUNK_BYTES):
                    stream.write(chunk)
                    part.checksums.update(chunk)
                    _check_limit(url, part.checksums.size, limit_bytes, _LARGER_FILES)
                    progress.advance(part.checksums.size, max(total, part.checksums.size))
            if part.checksums.size < whole:  # a server may give less than it was asked for (RFC 9110, 14.2)
                raise Broken(
                    f"{plain(url)} gave {part.checksums.size} of {whole} bytes.", remedy="The rest is asked for."
                )


class _Part:
    """What of a file has arrived, and what says that the rest is of the same file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checksums = ChecksumPass()
        self.validator = ""

    def headers(self) -> dict[str, str]:
        """Ask for the rest, if the file has not changed (RFC 9110, 13.1.5)."""
        if not self.checksums.size or not self.validator:
            return {}
        return {"Range": f"bytes={self.checksums.size}-", "If-Range": self.validator}

    def continues(self, response: httpx.Response) -> bool:
        """Return whether a partial answer begins where the part ends, and is of the same file."""
        if not self.checksums.size:  # no part was asked for
            return False
        content_range: str = response.headers.get("Content-Range", "")
        same = _validator(response) in ("", self.validator)
        return same and content_range.startswith(f"bytes {self.checksums.size}-")

    def restart(self) -> None:
        """Forget what has arrived."""
        self.checksums = ChecksumPass()


def read_json(url: str, body: bytes) -> Any:
    """Return the document that a body holds, its fractions as they are written: `1.20` may be a version.

    What no store takes of its texts is replaced as `core.storable_text` does. Raise `UpstreamError` that shows how the
    body begins, or that it has more objects and values than anybody reads.
    """
    try:
        text = body.decode(json.detect_encoding(body), "replace")
        if text.count("{") + text.count("[") > _MOST_CONTAINERS or text.count(",") > _MOST_VALUES:
            raise UpstreamError(
                f"{plain(url)} lists more than anybody reads: {len(body)} bytes.",
                remedy="Ask upstream for a document of the newest versions; nothing was taken in.",
            )
        return json.loads(_ESCAPE.sub(_plain_escape, text), parse_float=str)
    except (ValueError, RecursionError) as error:
        start = body[:60].decode("utf-8", "replace").strip()
        raise UpstreamError(
            f"{plain(url)} gave no JSON: it begins with {start!r}.",
            remedy="Open the address in a browser; correct the definition's endpoint if it moved.",
        ) from error


def _plain_escape(found: re.Match[str]) -> str:
    if found["odd"]:
        return r"\ufffd"
    return r"\n" if found["end"] else found[0]


def _complaint(response: httpx.Response) -> Answer:
    """Return an answer that holds no file, with the start of its body."""
    body = bytearray()
    for chunk in response.iter_raw(_COMPLAINT_BYTES):
        body += chunk
        if len(body) >= _COMPLAINT_BYTES:
            break
    return Answer(str(response.url), response.status_code, dict(response.headers), bytes(body))


def _announced_length(response: httpx.Response) -> int:
    """Return what an answer says of its length in bytes, 0 where it says nothing that could be one."""
    said: str = response.headers.get("Content-Length", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) <= _LONGEST_LENGTH else 0


def _whole_length(response: httpx.Response) -> int:
    """Return how long the file is that a partial answer is of, in bytes, 0 where the answer does not say it."""
    said: str = response.headers.get("Content-Range", "").rpartition("/")[2]
    return int(said) if said.isascii() and said.isdigit() and len(said) <= _LONGEST_LENGTH else 0


def _validator(response: httpx.Response) -> str:
    etag: str = response.headers.get("ETag", "")
    if etag and not etag.startswith("W/"):
        return etag
    return str(response.headers.get("Last-Modified", ""))


def _check_limit(url: str, size: int, limit_bytes: int, remedy: str) -> None:
    if size > limit_bytes:
        raise TooLarge(f"{plain(url)} is larger than {limit_bytes} bytes.", remedy=remedy)


def _check_expected(url: str, found: Checksums, size: int | None, sha256: str, by: str) -> None:
    if size is not None and found.size != size:
        raise NotAsAnnounced(
            f"{plain(url)} has {found.size} bytes, {size} were announced.", remedy="Ask upstream which one is right."
        )
    if sha256 and found.sha256 != sha256.lower():
        raise NotAsAnnounced(
            f"{plain(url)} has SHA256 {found.sha256}, {sha256.lower()} was announced{by and f' by {by}'}.",
            remedy="Ask upstream which one is right; nothing was taken in.",
        )
