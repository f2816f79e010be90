"""An object of a local bucket over HTTP, as a plain web server gives it: ranges, conditions, types, cache headers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import http_date, parse_http_date_safe

from packages_app.core.errors import ObjectNotFound, StoreMissing, StoreUnavailable
from packages_app.core.layout import INDEX_PAGE, cache_control, content_type
from packages_app.core.ports import ObjectStore
from packages_app.publishing.snapshot_times import served_key
from packages_app.stores.local_files import etag_of

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z", re.ASCII | re.IGNORECASE)
_TEXT = "text/plain; charset=utf-8"
_CHUNK = 256 * 1024


def serve_object(request: HttpRequest, store: ObjectStore, key: str) -> HttpResponseBase:
    """Answer GET or HEAD for a key of a local store; the root is its index page, other folders are not there.

    What apt asks for below the address of a snapshot is answered by the objects that the snapshot, or the state at that
    time, has.
    Size, time and ETag are those of the open file, so an object replaced meanwhile never gives a mixed answer. 404
    for what is no object, 503 when the store fails.
    """
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    try:
        key = served_key(store, key or INDEX_PAGE)
        stream = store.open(key)
    except ObjectNotFound:
        return HttpResponse("Not found.\n", status=404, content_type=_TEXT)
    except (StoreMissing, StoreUnavailable):  # the store has logged why
        return HttpResponse("The repository is not available.\n", status=503, content_type=_TEXT)
    try:
        response = _respond(request, stream, key)
    except BaseException:
        stream.close()
        raise
    if not response.streaming:
        stream.close()
    return response


def _respond(request: HttpRequest, stream: BinaryIO, key: str) -> HttpResponseBase:
    status = os.fstat(stream.fileno())
    size, etag, modified = status.st_size, f'"{etag_of(status)}"', int(status.st_mtime)
    validators = {"ETag": etag, "Last-Modified": http_date(modified), "Accept-Ranges": "bytes"}
    headers = {**validators, "Cache-Control": cache_control(key)}
    conditional = get_conditional_response(request, etag=etag, last_modified=modified)
    if conditional is not None:
        # A refusal (412, 416) must not be kept for as long as the object.
        return _with(conditional, headers if conditional.status_code == 304 else validators)
    span = _wanted_range(request, size, etag, modified)
    if span is not None and not span:
        unsatisfied = HttpResponse(status=416, content_type=_TEXT)
        return _with(unsatisfied, {**validators, "Content-Range": f"bytes */{size}"})
    part = range(size) if span is None else span
    if span is not None:
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    headers["Content-Length"] = str(len(part))
    code = 200 if span is None else 206
    if request.method == "HEAD":
        return _with(HttpResponse(status=code, content_type=content_type(key)), headers)
    body = _Part(stream, part)
    response = StreamingHttpResponse(body, status=code, content_type=content_type(key))
    # A server that has a file wrapper (PEP 3333) sends the file by itself, and keeps no thread of ours meanwhile.
    response.file_to_stream, response.block_size = body, _CHUNK  # type: ignore[attr-defined]
    return _with(response, headers)


def _wanted_range(request: HttpRequest, size: int, etag: str, modified: int) -> range | None:
    """Return the one range that is asked for; None for all of it. An empty range can't be satisfied (RFC 9110, 14).

    Several ranges, malformed ones, and ranges of a HEAD request are passed over, as the RFC allows or demands.
    """
    asked = _RANGE.match(request.headers.get("Range", "")) if request.method == "GET" else None
    unless = request.headers.get("If-Range", "")
    if not asked or not any(asked.groups()) or (unless and unless != etag and parse_http_date_safe(unless) != modified):
        return None
    first, last = asked.groups()
    if not first:
        return range(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(size, int(last) + 1 if last else size))


class _Part:
    """An open file's part as a file that ends where it ends; closing it closes the file, also when nothing was read."""

    def __init__(self, stream: BinaryIO, part: range) -> None:
        self._stream, self._end = stream, part.stop
        stream.seek(part.start)

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read(_CHUNK):
            yield chunk

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._end - self._stream.tell())
        return self._stream.read(left if size < 0 else min(size, left))

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            return self._stream.seek(self._end + offset)
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def close(self) -> None:
        self._stream.close()


def _with(response: HttpResponseBase, headers: Mapping[str, str]) -> HttpResponseBase:
    for name, value in headers.items():
        response.headers[name] = value
    return response
