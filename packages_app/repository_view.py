"""An object of a local bucket over HTTP, as a plain web server gives it: ranges, conditions, types, cache headers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import BinaryIO

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import http_date, parse_http_date_safe

from packages_app.core.errors import ObjectNotFound
from packages_app.core.layout import INDEX_PAGE, cache_control, content_type
from packages_app.core.ports import ObjectStore
from packages_app.publishing.local_store import etag_of

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z", re.ASCII)
_CHUNK = 256 * 1024


def serve_object(request: HttpRequest, store: ObjectStore, key: str) -> HttpResponseBase:
    """Answer GET or HEAD for a key; the root is its index page, other folders are not there.

    Size, time and ETag are those of the open file, so an object replaced meanwhile never gives a mixed answer.
    """
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    key = key or INDEX_PAGE
    try:
        stream = store.open(key)
    except ObjectNotFound:
        return HttpResponse("Not found.\n", status=404, content_type="text/plain; charset=utf-8")
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
    etag, modified = f'"{etag_of(status)}"', int(status.st_mtime)
    headers = {
        "ETag": etag,
        "Last-Modified": http_date(modified),
        "Cache-Control": cache_control(key),
        "Accept-Ranges": "bytes",
    }
    conditional = get_conditional_response(request, etag=etag, last_modified=modified)
    if conditional is not None:
        return _with(conditional, headers)
    span = _wanted_range(request, status.st_size, etag, modified)
    if span is not None and span.start >= span.stop:
        unsatisfied = HttpResponse(status=416, content_type="text/plain; charset=utf-8")
        return _with(unsatisfied, {**headers, "Content-Range": f"bytes */{status.st_size}"})
    part = span or range(status.st_size)
    if span is not None:
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{status.st_size}"
    headers["Content-Length"] = str(len(part))
    code = 200 if span is None else 206
    if request.method == "HEAD":
        return _with(HttpResponse(status=code, content_type=content_type(key)), headers)
    body = _bytes(stream, part)
    return _with(StreamingHttpResponse(body, status=code, content_type=content_type(key)), headers)


def _wanted_range(request: HttpRequest, size: int, etag: str, modified: int) -> range | None:
    """Give the one range that is asked for; None for all of it. An empty range can't be satisfied (RFC 9110, 14)."""
    asked = _RANGE.match(request.headers.get("Range", ""))
    unless = request.headers.get("If-Range", "")
    if not asked or not any(asked.groups()) or (unless and unless != etag and parse_http_date_safe(unless) != modified):
        return None
    first, last = asked.groups()
    if not first:
        return range(max(0, size - int(last)), size) if int(last) else range(0)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(size, int(last) + 1 if last else size))


def _bytes(stream: BinaryIO, part: range) -> Iterator[bytes]:
    with stream:
        stream.seek(part.start)
        left = len(part)
        while left and (chunk := stream.read(min(_CHUNK, left))):
            left -= len(chunk)
            yield chunk


def _with(response: HttpResponseBase, headers: dict[str, str]) -> HttpResponseBase:
    for name, value in headers.items():
        response.headers[name] = value
    return response
