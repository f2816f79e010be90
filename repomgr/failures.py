"""What a request is answered that failed on the way: what failed, by its code and its remedy, and never a traceback."""

from __future__ import annotations

import sys
from http import HTTPStatus

import structlog
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error

from packages_app.core.errors import RepomgrError
from packages_app.services.outside_errors import error_told, told_as_ours
from repomgr.door import shown

log = structlog.get_logger(__name__)


def failed(request: HttpRequest) -> HttpResponse:
    """Answer the request that the exception being handled has ended (Django's `handler500`).

    503 with code and remedy where it is told as ours, with one line in the log; 500 for a fault of the program. The
    sentence itself may name files and servers, so it is for who may log in.
    """
    raised = sys.exc_info()[1]
    error = error_told(raised) if isinstance(raised, Exception) else None
    if error is None:
        return server_error(request)
    log.error("request_failed", code=error.code, error=error.message, request=shown(request))
    page = render_to_string("admin/failed.html", {"error": error, "in_full": _is_staff(request)})
    return HttpResponse(page, status=HTTPStatus.SERVICE_UNAVAILABLE)


def _is_staff(request: HttpRequest) -> bool:
    """Return whether one asks who may see the admin; not where the database can't say so now."""
    try:
        with told_as_ours():
            return bool(request.user.is_staff)
    except (RepomgrError, AttributeError):  # or it failed before anybody was looked for
        return False
