"""What becomes of files in a request's body: nothing, but on the page that takes one, and there up to its limit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopUpload, TemporaryFileUploadHandler
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpResponse, parse_cookie
from django.urls import get_script_prefix

from packages_app.core.disk import disk_error
from packages_app.core.errors import PackageRefused

UPLOAD = "/admin/packages_app/package/upload/"
_COOKIE = "upload_pass"
_PASS_SECONDS = 12 * 3600


class TooLarge(PackageRefused):
    """A file is larger than UPLOAD_LIMIT_BYTES, or a body than what is taken there."""

    code = "too_large"


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
    """Writes a file to the disk, and reads no further than `UPLOAD_LIMIT_BYTES`, or than the disk takes it.

    The form says why.
    """

    def new_file(self, *args: Any, **named: Any) -> None:
        """Make a file for what comes."""
        with self._told():
            super().new_file(*args, **named)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write a part; stop where the whole would be too large."""
        if start + len(raw_data) > settings.UPLOAD_LIMIT_BYTES:
            self.request.upload_was_too_large = True  # type: ignore[union-attr]
            raise StopUpload(connection_reset=True)
        with self._told():
            super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        """Return the file, all of it written."""
        with self._told():
            return super().file_complete(file_size)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Stop where the disk takes no more, and let the form tell of it."""
        try:
            yield
        except OSError as error:
            told = disk_error(error)
            if told is None:
                raise
            self.request.upload_fault = told  # type: ignore[union-attr]
            if getattr(self, "file", None) is not None:
                with suppress(OSError):  # what is left in its buffer can't be written either
                    self.file.close()
            raise StopUpload(connection_reset=True) from error


def give_pass(response: HttpResponse, user: object) -> None:
    """Let the browser of one who may upload show that he may: the web process reads a file's bytes with it alone.

    It stands for no right. Right and session are looked at again, where the request is answered.
    """
    value = TimestampSigner(salt=_COOKIE).sign(str(user))
    response.set_cookie(
        _COOKIE,
        value,
        max_age=_PASS_SECONDS,
        path=f"{get_script_prefix().rstrip('/')}{UPLOAD}",
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
