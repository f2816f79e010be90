"""What is refused at the door, before anything of a request's body is read, and what of a request is logged."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import structlog
from django.core.exceptions import DisallowedHost, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django_structlog.middlewares import RequestMiddleware

from packages_app.core.errors import RepomgrError
from packages_app.services.outside_errors import error_told, told_as_ours
from packages_app.uploading import NoFiles
from repomgr.limits import REPOSITORY, largest_body
from repomgr.login import client_address

_TEXT = "text/plain; charset=utf-8"
_LONGEST_PATH = 300

log = structlog.get_logger(__name__)


def door_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Refuse what can be known by the head of a request: a line in the log each, and not a byte of a body is read."""

    def answer(request: HttpRequest) -> HttpResponse:
        refused = _refusal(request)
        if refused is None:
            # The page that takes a file chooses another one, once it knows who asks.
            request.upload_handlers = [NoFiles(request)]
            return get_response(request)
        log.warning("request_refused", code=refused.status_code, request=shown(request))
        return refused

    return answer


def shown(request: HttpRequest) -> str:
    """Return a request's method and path for the log: queries are the asker's own, and may hold secrets."""
    return f"{request.method} {request.path}"[:_LONGEST_PATH]


def _refusal(request: HttpRequest) -> HttpResponse | None:
    try:
        request.get_host()
    except DisallowedHost:
        return HttpResponse("This name is not one of ALLOWED_HOSTS.\n", status=400, content_type=_TEXT)
    if request.path.startswith(REPOSITORY) and request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    if "HTTP_TRANSFER_ENCODING" in request.META:
        return HttpResponse("Content-Length is required.\n", status=411, content_type=_TEXT)
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isascii() or not length.isdigit():
        return HttpResponse("Content-Length is no number.\n", status=400, content_type=_TEXT)
    if int(length[:20]) > largest_body(request.method or "", request.path):
        return HttpResponse("The request is too large.\n", status=413, content_type=_TEXT)
    return None


class RequestLog(RequestMiddleware):
    """Binds a request to its log lines by its path alone, and by the address that the proxy saw."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        """Return method and path."""
        return shown(request)

    @classmethod
    def bind_ip(cls, request: HttpRequest) -> None:
        """Bind the address that attempts to log in are counted by."""
        structlog.contextvars.bind_contextvars(ip=client_address(request))

    @staticmethod
    def bind_user_id(request: HttpRequest) -> None:
        """Bind who asks; a line says nobody where the database can't tell."""
        with suppress(RepomgrError), told_as_ours():
            RequestMiddleware.bind_user_id(request)

    def _process_exception(self, request: HttpRequest, exception: Exception) -> None:
        # Django answers 400, and that is one line; what is told as ours has its line too.
        if not isinstance(exception, SuspiciousOperation) and error_told(exception) is None:
            super()._process_exception(request, exception)
