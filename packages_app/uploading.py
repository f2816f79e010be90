"""What becomes of files in a request's body: nothing, but on the page that takes one, and there up to its limit."""

from __future__ import annotations

from typing import Any, NoReturn

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopUpload, TemporaryFileUploadHandler
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpResponse, parse_cookie

UPLOAD = "/admin/packages_app/package/upload/"
_COOKIE = "upload_pass"
_PASS_SECONDS = 12 * 3600


class NoFiles(FileUploadHandler):
    """Passes over files: nothing of them is kept, in memory or on the disk."""

    def new_file(self, *_args: Any, **_named: Any) -> NoReturn:
        """Pass over a file."""
        raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Keep nothing."""

    def file_complete(self, file_size: int) -> None:
        """Return nothing."""


class LimitedUpload(TemporaryFileUploadHandler):
    """Writes a file to the disk, and reads no further than `UPLOAD_LIMIT_BYTES`; the form says why."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write a part; stop where the whole would be too large."""
        if start + len(raw_data) > settings.UPLOAD_LIMIT_BYTES:
            self.request.upload_was_too_large = True  # type: ignore[union-attr]
            raise StopUpload(connection_reset=True)
        super().receive_data_chunk(raw_data, start)


def give_pass(response: HttpResponse, user: object) -> None:
    """Let the browser of one who may upload show that he may: the web process reads a file's bytes with it alone.

    It stands for no right. Right and session are looked at again, where the request is answered.
    """
    value = TimestampSigner(salt=_COOKIE).sign(str(user))
    response.set_cookie(
        _COOKIE,
        value,
        max_age=_PASS_SECONDS,
        path=UPLOAD,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def holds_pass(cookies: str) -> bool:
    """Return whether a request's header Cookie has a pass that we gave, and that is not too old."""
    try:
        TimestampSigner(salt=_COOKIE).unsign(parse_cookie(cookies).get(_COOKIE, ""), max_age=_PASS_SECONDS)
    except BadSignature:
        return False
    return True
