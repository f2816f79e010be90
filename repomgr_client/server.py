"""Requests to the API: each with the token, sent again where that may help, and its errors as faults."""

from __future__ import annotations

import email.utils
import random
import ssl
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import httpx

from repomgr_client.credentials import problem_of
from repomgr_client.faults import Exit, Fault

LONGEST_WAIT = 60
"""Seconds that one request waits for an end; the server's bound is 120, those of proxies are often 60."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_PASSING_CODES = ("key_in_use",)
_STORE_TIMEOUT = httpx.Timeout(60, connect=10)
"""Seconds; where a store is not to be reached at all, its parts go another way."""
Body = Callable[[], Mapping[str, Any]]


class Server:
    """The API of one archive of a server. `tries` are the attempts that each request has."""

    def __init__(self, address: str, token: str, *, tries: int) -> None:
        self.address, self.tries = address, tries
        self.clock_ahead = 0.0
        """Seconds that the server's clock is ahead of ours, by its last answer."""
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=httpx.Timeout(60, read=LONGEST_WAIT + 60),
        )

    def get(self, path: str, **asked: object) -> Any:
        """Return what a route answers; raise `Fault`."""
        return self.ask("GET", path, asked)

    def post(self, path: str, said: Mapping[str, Any], *, changes: bool = True) -> Any:
        """Return what a route answers to JSON; what changes something has a key, so that it is done once."""
        return self.ask("POST", path, {}, lambda: {"json": said}, key=str(uuid.uuid4()) if changes else "")

    def pages(self, path: str, **asked: object) -> Iterator[dict[str, Any]]:
        """Go through a list, page by page."""
        cursor = ""
        while True:
            page = self.get(path, **asked, cursor=cursor)
            yield from page["items"]
            cursor = page["next"] or ""
            if not cursor:
                return

    def ask(
        self, method: str, path: str, asked: Mapping[str, object], body: Body | None = None, *, key: str = ""
    ) -> Any:
        """Return what is answered, in JSON. `body` makes what is sent, anew for each attempt; raise `Fault`."""
        params = {name: str(value) for name, value in asked.items() if value not in ("", None)}
        for attempt in range(1, self.tries + 1):
            sent = dict(body()) if body is not None else {}
            headers = {**sent.pop("headers", {}), **({"Idempotency-Key": key} if key else {})}
            pause = _pause(attempt)
            try:
                answer = self._client.request(
                    method, f"{self.address}/api/v1{path}", params=params, headers=headers, **sent
                )
            except (httpx.TransportError, httpx.DecodingError) as error:
                if _is_untrusted(error):
                    raise _untrusted(self.address, error) from None
                fault = _away(self.address, error)
            else:
                self._note_clock(answer)
                if answer.is_success:
                    return _json(answer)
                fault = _fault_of(answer)
                if not _may_pass(answer, fault):
                    raise fault
                pause = max(pause, _retry_after(answer))
            if attempt < self.tries:
                time.sleep(min(pause, _LONGEST_PAUSE))
        raise fault

    def put_straight(self, address: Callable[[], str], content: bytes) -> bool:
        """PUT bytes to a store, at another signed address in each attempt, which is shown no token.

        Return whether it took them in one of them; raise the `Fault` of asking for an address.
        """
        for attempt in range(1, self.tries + 1):
            where = address()
            try:
                if httpx.put(where, content=content, timeout=_STORE_TIMEOUT).is_success:
                    return True
            except (httpx.TransportError, httpx.InvalidURL):
                pass
            if attempt < self.tries:
                time.sleep(_pause(attempt))
        return False

    def _note_clock(self, answer: httpx.Response) -> None:
        with suppress(ValueError, OverflowError):  # of a year that no clock has
            if (said := email.utils.parsedate(answer.headers.get("Date", ""))) is not None:
                self.clock_ahead = email.utils.mktime_tz((*said, 0)) - time.time()


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except (ValueError, RecursionError):
        remedy = "Look at --server: something else answers there."
        raise Fault("not_repomgr", f"{answer.url.copy_with(query=None)} answers without JSON.", remedy) from None


def _is_untrusted(error: BaseException | None) -> bool:
    """Return whether an error comes of a certificate that is not trusted, which no second attempt mends."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


def _untrusted(address: str, error: Exception) -> Fault:
    return Fault("certificate_untrusted", f"The certificate of {address} is not trusted: {str(error)[:200]}.",
                 "Let a known authority sign it, or name yours: SSL_CERT_FILE.", Exit.FAILED)  # fmt: skip


def _away(address: str, error: Exception) -> Fault:
    return Fault("server_away", f"{address} can't be reached: {type(error).__name__}.",
                 "Look at the network and the server, and try again.", Exit.TRY_AGAIN)  # fmt: skip


def _fault_of(answer: httpx.Response) -> Fault:
    said = problem_of(answer)
    code = str(said.get("code") or f"http_{answer.status_code}")
    detail = str(said.get("detail") or f"The server answers {answer.status_code} {answer.reason_phrase}.")
    remedy = str(said.get("remedy") or "")
    if answer.is_redirect:
        remedy = "Say the address that it leads to as --server: a token is not sent on."
    return Fault(code, detail, remedy, _exit_of(answer, code), status=answer.status_code)


def _exit_of(answer: httpx.Response, code: str) -> Exit:
    """Return the exit code; 503 without Retry-After is a failure that somebody has to mend (docs of the API)."""
    if code in _PASSING_CODES or answer.status_code in (429, 502, 504):
        return Exit.TRY_AGAIN
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return Exit.TRY_AGAIN if "Retry-After" in answer.headers or not problem_of(answer) else Exit.FAILED
    return Exit.FAILED if answer.is_server_error else Exit.REFUSED


def _may_pass(answer: httpx.Response, fault: Fault) -> bool:
    return answer.is_server_error or fault.exit_code is Exit.TRY_AGAIN


def _pause(attempt: int) -> float:
    """Return seconds before the next attempt: twice as many each time, a part of them at random."""
    longest = min(_FIRST_PAUSE * 2.0 ** (attempt - 1), _LONGEST_PAUSE)
    return longest * (0.5 + random.random() / 2)  # noqa: S311 - no secret


def _retry_after(answer: httpx.Response) -> float:
    said = answer.headers.get("Retry-After", "")
    return float(said) if said.isascii() and said.isdigit() and len(said) < 6 else 0.0
