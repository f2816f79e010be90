"""What a client sends, read as it comes: nothing is kept of a body that is not wanted, or that will not be whole."""

from __future__ import annotations

import time
from copy import copy
from typing import Any

from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser, ParsingError, TransferEncodingNotImplemented
from waitress.receiver import FixedStreamReceiver
from waitress.utilities import RequestEntityTooLarge

from packages_app.core.errors import RepomgrError
from packages_app.services.rights.token_text import may_be_token, shown_secret
from packages_app.uploading import UPLOAD, TooLarge, holds_pass
from repomgr.limits import LARGEST_FORM, is_for_machines, largest_body, page_of, takes_packages
from repomgr.unfit import BodyCutOff, BodyUnreadable, LengthInvalid

_HEAD_SECONDS = 30
_FORM_SECONDS = 60
_UPLOAD_SECONDS = 15 * 60
_LONGEST_LINE = 8 * 1024
_LONGEST_NUMBER = 18
_LONGEST_KIND = 256
"""Characters of a Content-Type; a boundary has 70 at most (RFC 2046, 5.1.1). Python counts quotes anew at each
semicolon of one: 31 KB took it 2 s, of any request to any path."""


class Nothing(FixedStreamReceiver):  # type: ignore[misc]
    """Takes a body of a known length, and keeps nothing of it."""

    def received(self, data: bytes) -> int:
        """Pass over bytes; return how many."""
        used = min(len(data), self.remain)
        self.remain -= used
        self.completed = self.remain < 1
        return int(used)


class Request(HTTPRequestParser):  # type: ignore[misc]
    """Reads a request; refuses one that is too large by its head, so that nothing of its body is kept."""

    def __init__(self, adjustments: Adjustments) -> None:
        super().__init__(adjustments)
        self.began = time.monotonic()

    def parse_header(self, header_plus: bytes) -> None:
        """Take a request's head apart; raise `ParsingError`."""
        line = header_plus.partition(b"\r\n")[0]
        if len(line) > _LONGEST_LINE or line.count(b" ") != 2:
            raise ParsingError("The request line is too long, or none.")
        try:
            self._read_head(header_plus)
        except (ParsingError, TransferEncodingNotImplemented) as error:  # with a path it is the length, read at the end
            if not self._shows_token:
                raise
            remedy = "Send Content-Length, or Transfer-Encoding: chunked."
            self._refuse(LengthInvalid(str(error), remedy=remedy))
            return
        kind = self.headers.get("CONTENT_TYPE", "")
        if len(kind) > _LONGEST_KIND or "*" in kind:  # one of RFC 2231 may have a character set that nobody knows
            raise ParsingError("Content-Type is no form's.")
        if "COOKIE" in self.headers:
            # Of no cookie of ours. Python before 3.11.10 goes back over what is quoted so: 24 KB took it 5 s.
            self.headers["COOKIE"] = self.headers["COOKIE"].replace("\\", "")
        if not self.chunked and self.content_length == 0:
            self.expect_continue = False  # else waitress asks for the body that there is not, and goes on asking
        if self._may_bring_packages():
            self._largest, self._seconds = largest_body(self.command, self.path), _UPLOAD_SECONDS
        elif takes_packages(self.command, self.path) and self.content_length > LARGEST_FORM and not self.chunked:
            self._keep_nothing()

    def _read_head(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # waitress looks for its own errors alone, and any other is a traceback in the log
            raise ParsingError("Address or length make no sense.") from error
        if len(self.headers.get("CONTENT_LENGTH", "")) > _LONGEST_NUMBER:
            raise ParsingError("Content-Length is too long.")
        fields = (line.partition(b":") for line in header_plus.lower().split(b"\r\n"))
        codings = [value.strip(b" \t") for name, _, value in fields if name == b"transfer-encoding"]
        alone = self.chunked and "CONTENT_LENGTH" not in self.headers
        if codings and not (alone and codings == [b"chunked"]):
            # RFC 9112, 6.1 and 6.3: of two lengths each reader may take another, and the rest for the next request.
            raise ParsingError("The body's length is said twice, or in a way that others read otherwise.")

    def _keep_nothing(self) -> None:
        """Let a push without a token be answered, which says what is missing, and keep nothing of its body.

        Who waits to be asked for the body is answered at once. dput shows no token before it has sent a file whole, and
        reads no answer before: what it sends is passed over.
        """
        self._largest, self._seconds = largest_body(self.command, self.path), _UPLOAD_SECONDS
        if self.expect_continue:
            self.expect_continue, self.completed = False, True
            self.headers["CONNECTION"] = "close"
        elif self.body_rcv is not None:
            self.body_rcv = Nothing(self.content_length, self.body_rcv.getbuf())

    def _may_bring_packages(self) -> bool:
        """Return whether it is to a page that takes files, of one who shows a pass or a token of ours for it."""
        if page_of(self.path) == UPLOAD:
            return holds_pass(self.headers.get("COOKIE", ""))
        return takes_packages(self.command, self.path) and self._shows_token

    @property
    def _shows_token(self) -> bool:
        """Whether it is a machine's, and shows what may be a token of ours: whether it counts is not looked up here."""
        return is_for_machines(self.path) and may_be_token(shown_secret(self.headers.get("AUTHORIZATION", "")))

    def received(self, data: bytes) -> int:
        """Take bytes; return how many were used. One whose body is too large, or no body, is completed by an error."""
        used = int(super().received(data))
        if self.body_rcv is not None and self.body_rcv.error and self._shows_token:
            self._refuse(BodyUnreadable("The body's chunks can't be read.", remedy="Send its length, and it whole."))
        if self.headers_finished and not self.error and self.unfit is None and self._size > self._largest:
            if self._shows_token:
                remedy = "Send less; of packages UPLOAD_LIMIT_BYTES sets the bound."
                self._refuse(TooLarge(f"The body is larger than {self._largest} bytes.", remedy=remedy))
            else:
                self.error = RequestEntityTooLarge(f"exceeds {self._largest} bytes")
                self.completed, self.expect_continue = True, False
        return used

    def cut_off(self) -> Request | None:
        """Return what is to be answered of a request that will not be whole: a refusal, with nothing of its body.

        None where it is no machine's with a token, or lacks some of its head, or nothing. What was read stays as it is.
        """
        if self.completed or not self.headers_finished or not self._shows_token:
            return None
        came = len(self.body_rcv) if self.chunked else self.body_bytes_received
        of = "an unknown number" if self.chunked else self.content_length
        cut_off = copy(self)
        cut_off.headers = dict(self.headers)
        cut_off._refuse(BodyCutOff(f"{came} bytes came of {of}.", remedy="Send it again, whole."))
        return cut_off

    def _refuse(self, unfit: RepomgrError) -> None:
        """Let it be answered by its head alone, as the last one of its connection."""
        self.unfit, self.error, self.body_rcv, self.content_length = unfit, None, None, 0
        self.completed, self.expect_continue = True, False
        self.headers |= {"CONNECTION": "close", "CONTENT_LENGTH": "0"}

    body_rcv: Any = None
    error: Any = None
    unfit: RepomgrError | None = None
    path = ""
    _largest, _seconds = LARGEST_FORM, _FORM_SECONDS

    @property
    def _size(self) -> int:
        return int(max(self.content_length, self.body_bytes_received))

    @property
    def overdue(self) -> bool:
        """Whether its head, or all of it, takes longer than any sound client needs."""
        allowed: int = self._seconds if self.headers_finished else _HEAD_SECONDS
        return time.monotonic() - self.began > allowed
