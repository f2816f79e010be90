"""Files in the body of a request: of a form, or the body itself. They are on the disk, never in memory."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParser, MultiPartParserError

from packages_app.api.problems import BadRequest, DigestMismatch
from packages_app.services.outside_errors import told_as_ours
from packages_app.uploading import TooLarge

_FIELD = "file"
_LONGEST_BOUNDARY = 256
"""Of RFC 2046 it has 70 characters; `repomgr.web` takes no longer header."""
_CHUNK = 1024 * 1024
_SHA256 = re.compile(r"(?:\A|[, ])sha-256=:([A-Za-z0-9+/=]{44}):", re.ASCII)
_DIGESTS = ("Content-Digest", "Repr-Digest")


@contextmanager
def files_of(request: HttpRequest, filename: str = "") -> Iterator[list[tuple[Path, str]]]:
    """Let the block have the files of a request, each a path and the name it was sent by.

    Raise `BadRequest` for a form that can't be read, or not whole, and for a body without a name, `TooLarge`,
    `DigestMismatch`, and what the disk raises.
    """
    with told_as_ours(), ExitStack() as opened:
        if request.content_type == "multipart/form-data":
            files = _of_form(request, opened)
            request.names_sent = [name for _, name in files]  # type: ignore[attr-defined]
            _look_at(request, files)
            yield files
            return
        if not filename:
            raise BadRequest("The body has no name.", remedy="Say its name: ?filename=NAME.deb, or send a form.")
        with body_of(request, settings.UPLOAD_LIMIT_BYTES) as path:
            yield [(path, filename)]


@contextmanager
def body_of(request: HttpRequest, most: int) -> Iterator[Path]:
    """Let the block have the body of a request, of `most` bytes at most, as a file.

    Raise `BadRequest`, `TooLarge`, `DigestMismatch`, and what the disk raises.
    """
    with told_as_ours(), tempfile.NamedTemporaryFile(prefix="repomgr-push-", suffix=".deb") as file:
        _copy(request, file, most)
        _look_at(request, [(Path(file.name), "")])  # the address has its name
        yield Path(file.name)


def note_files(request: HttpRequest) -> None:
    """Let `files_of` note what a request's files are, which costs a reading of them."""
    request.files_sent = ""  # type: ignore[attr-defined]


def files_sent(request: HttpRequest) -> str:
    """Return what tells a request's files from others, their bytes and names; "" where none were read, or noted."""
    return str(getattr(request, "files_sent", ""))


def _look_at(request: HttpRequest, files: list[tuple[Path, str]]) -> None:
    """Hold a file that came alone to what the headers say of it, and note what is to be noted: each is read once."""
    sha256_of = cache(_sha256_of)
    if len(files) == 1:
        _check(request, partial(sha256_of, files[0][0]))
    if hasattr(request, "files_sent"):
        request.files_sent = "\n".join(f"{sha256_of(path).hex()} {name!r}" for path, name in files) or "none"


def _of_form(request: HttpRequest, opened: ExitStack) -> list[tuple[Path, str]]:
    body = _Parts(request, (request.content_params or {}).get("boundary", ""))
    try:
        # It calls nothing but `read`.
        handlers: list[Any] = list(request.upload_handlers)
        _, sent = MultiPartParser(request.META, body, handlers, request.encoding).parse()  # type: ignore[arg-type]
    except (MultiPartParserError, UnreadablePostError, SuspiciousOperation) as error:
        raise BadRequest(f"The form can't be read: {error}", remedy="Send multipart/form-data, whole.") from error
    for _, parts in sent.lists():
        for part in parts:
            opened.callback(part.close)
    if getattr(request, "upload_was_too_large", False):
        raise _too_large(settings.UPLOAD_LIMIT_BYTES)
    if (fault := getattr(request, "upload_fault", None)) is not None:
        raise fault
    files = [
        (Path(one.temporary_file_path()), one.name or "")
        for one in sent.getlist(_FIELD)
        if isinstance(one, TemporaryUploadedFile)
    ]
    _check_whole(body, len(files))
    return files


class _Parts:
    """A form's body as it is read: how many parts it has by its boundary, and whether it ends as a form does.

    Django passes over what is no file of a name that it takes, and over a last one that does not end.
    """

    def __init__(self, request: HttpRequest, boundary: str) -> None:
        self._request, self._delimiter = request, b"--" + boundary.encode("latin-1", "replace")
        self._end = b""
        self._delimiters = 0

    def read(self, size: int | None = None, /) -> bytes:
        """Return what comes next, and count what parts it."""
        read: bytes = self._request.read(size)
        seen = self._end[-(len(self._delimiter) - 1) :] + read
        self._delimiters += seen.count(self._delimiter)
        self._end = (self._end + read)[-2 * _LONGEST_BOUNDARY :]
        return read

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return max(self._delimiters - 1, 0)

    @property
    def is_whole(self) -> bool:
        """Whether the last delimiter is the one that ends the form, and nothing comes after it."""
        return self._end.rstrip().endswith(self._delimiter + b"--")


def _check_whole(body: _Parts, files: int) -> None:
    """Raise `BadRequest` for a form of which not each part is a file that was read: none is to be lost by a 200."""
    if not body.is_whole:
        raise BadRequest("The form has no end.", remedy="Send multipart/form-data, whole.")
    if body.parts != files:
        raise BadRequest(
            f"The form has {body.parts} parts, of which {files} are files called {_FIELD!r} with a name of UTF-8.",
            remedy="Send each package as `file` with its name, and suite, component, build and wait in the address.",
        )


def _copy(request: HttpRequest, file: IO[bytes], most: int) -> None:
    size = 0
    while chunk := request.read(_CHUNK):
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        file.write(chunk)
    file.flush()
    length = request.META.get("CONTENT_LENGTH") or "0"
    if size != int(length):
        raise BadRequest(f"{size} bytes came of {length}.", remedy="Send the whole file.")


def _check(request: HttpRequest, sha256_of_it: Callable[[], bytes]) -> None:
    """Hold a file to what its headers say of it; without any, it is not read for that."""
    for header in _DIGESTS:
        said = request.headers.get(header, "")
        found = _SHA256.search(said)
        if said and found is None:
            raise BadRequest(f"{header} has no sha-256.", remedy="Send sha-256=:BASE64: (RFC 9530), or no such header.")
        if found is None:
            continue
        sha256 = sha256_of_it()
        if not hmac.compare_digest(found[1], base64.b64encode(sha256).decode()):
            raise DigestMismatch(
                f"The body's SHA256 is {sha256.hex()}, and {header} says another.", remedy="Send the file again."
            )


def _sha256_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _too_large(most: int) -> TooLarge:
    return TooLarge(
        f"What was sent is larger than {most} bytes.", remedy="UPLOAD_LIMIT_BYTES sets the bound of a file."
    )
