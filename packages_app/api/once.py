"""Work that is asked for once, however often its request arrives: by the header Idempotency-Key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from packages_app.api.bodies import files_of, files_sent, note_files
from packages_app.api.problems import CONTENT_TYPE, problem_of_any
from packages_app.services.rights.answered import Answer, begin, end, require_same

HEADER = "Idempotency-Key"
CHANGES = ("POST", "PUT", "DELETE")


def once(request: HttpRequest, work: Callable[[], HttpResponse], *, brings_files: bool = False) -> HttpResponse:
    """Return what work answers, or what it answered to this request before; of a failure that may pass nothing is kept.

    A request is the same with the same address, If-Match and body, whatever it says of the body's kind. Where it
    `brings_files` the body is known once work has read it: their bytes tell it from others then, and their names.
    """
    key = request.headers.get(HEADER)
    if key is None or request.method not in CHANGES:
        return work()
    try:
        digest = _digest(request, "" if brings_files else hashlib.sha256(request.body).hexdigest())
        if brings_files:
            note_files(request)
        known = begin(key, digest)
        if known is not None:
            return _again(request, known, digest, brings_files=brings_files)
    except Exception as error:
        return problem_of_any(request, error)
    answer = None
    try:
        response = work()
        if response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR and response.status_code not in _PASSING:
            if not brings_files:
                answer = Answer(response.status_code, response.content.decode(), digest)
            elif sent := files_sent(request):
                answer = Answer(response.status_code, response.content.decode(), _digest(request, sent))
        return response
    finally:
        end(key, answer)


def _again(request: HttpRequest, known: Answer, digest: str, *, brings_files: bool) -> HttpResponse:
    """Return what was answered before; raise `KeyReused` for another request, and as `files_of`."""
    if brings_files:
        with files_of(request, "-"):
            digest = _digest(request, files_sent(request))
    require_same(known, digest)
    kind = CONTENT_TYPE if known.status >= HTTPStatus.BAD_REQUEST else "application/json"
    return HttpResponse(known.body, status=known.status, content_type=kind, headers={"Idempotency-Replayed": "true"})


_PASSING = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS)


def _digest(request: HttpRequest, body: str) -> str:
    said = f"{request.method} {request.get_full_path()}\n{request.headers.get('If-Match', '')}\n{body}"
    return hashlib.sha256(said.encode()).hexdigest()
