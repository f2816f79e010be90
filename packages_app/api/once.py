"""Work that is asked for once, however often its request arrives: by the header Idempotency-Key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from packages_app.api.problems import CONTENT_TYPE, problem_of_any
from packages_app.services.rights.answered import Answer, begin, end

HEADER = "Idempotency-Key"


def once(request: HttpRequest, work: Callable[[], HttpResponse]) -> HttpResponse:
    """Return what work answers, or what it answered to this request before; of a failure that may pass nothing is kept.

    An upload's body is not looked at for it: the same bytes again are known anyway.
    """
    key = request.headers.get(HEADER, "")
    if not key or request.method not in _CHANGES:
        return work()
    try:
        known = begin(key, _digest(request))
    except Exception as error:
        return problem_of_any(request, error)
    if known is not None:
        kind = CONTENT_TYPE if known.status >= HTTPStatus.BAD_REQUEST else "application/json"
        return HttpResponse(
            known.body, status=known.status, content_type=kind, headers={"Idempotency-Replayed": "true"}
        )
    answer = None
    try:
        response = work()
        if response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR and response.status_code not in _PASSING:
            answer = Answer(response.status_code, response.content.decode())
        return response
    finally:
        end(key, answer)


_CHANGES = ("POST", "PUT", "DELETE")
_PASSING = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS)


def _digest(request: HttpRequest) -> str:
    said = f"{request.method} {request.get_full_path()}\n".encode()
    if request.content_type == "application/json":
        said += request.body
    return hashlib.sha256(said).hexdigest()
