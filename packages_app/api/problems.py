"""Errors as problem documents (RFC 9457): our code, what is wrong, and the remedy."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from django.http import HttpRequest, JsonResponse

from packages_app.core.errors import RepomgrError
from packages_app.core.outcome import Outcome
from packages_app.services.audit.write import refused_with
from packages_app.services.outside_errors import error_told
from packages_app.services.trusted.refusals import UNPROVEN, UNTRUSTED

CONTENT_TYPE = "application/problem+json"
_STATUSES: Mapping[str, HTTPStatus] = {
    **dict.fromkeys(UNPROVEN, HTTPStatus.UNAUTHORIZED),
    **dict.fromkeys(UNTRUSTED, HTTPStatus.FORBIDDEN),
    "token_unknown": HTTPStatus.UNAUTHORIZED,
    "token_expired": HTTPStatus.UNAUTHORIZED,
    "token_revoked": HTTPStatus.UNAUTHORIZED,
    "right_missing": HTTPStatus.FORBIDDEN,
    "record_not_found": HTTPStatus.NOT_FOUND,
    "publication_unknown": HTTPStatus.NOT_FOUND,
    "not_found": HTTPStatus.NOT_FOUND,
    "object_not_found": HTTPStatus.NOT_FOUND,
    "contents_gone": HTTPStatus.GONE,
    "version_purged": HTTPStatus.GONE,
    "version_conflict": HTTPStatus.CONFLICT,
    "other_build": HTTPStatus.CONFLICT,
    "snapshot_exists": HTTPStatus.CONFLICT,
    "preview_outdated": HTTPStatus.CONFLICT,
    "configuration_outdated": HTTPStatus.PRECONDITION_FAILED,
    "too_many_jobs": HTTPStatus.TOO_MANY_REQUESTS,
    "too_many_files": HTTPStatus.TOO_MANY_REQUESTS,
    "too_many_requests": HTTPStatus.TOO_MANY_REQUESTS,
    "key_reused": HTTPStatus.UNPROCESSABLE_ENTITY,
    "key_in_use": HTTPStatus.CONFLICT,
    "upload_ticket_refused": HTTPStatus.FORBIDDEN,
    "upload_ticket_expired": HTTPStatus.GONE,
    "upload_gone": HTTPStatus.GONE,
    "parts_missing": HTTPStatus.CONFLICT,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "digest_mismatch": HTTPStatus.BAD_REQUEST,
    **dict.fromkeys(("body_cut_off", "body_unreadable", "length_invalid"), HTTPStatus.BAD_REQUEST),
    "bad_request": HTTPStatus.BAD_REQUEST,
    "condition_missing": HTTPStatus.PRECONDITION_REQUIRED,
}
_BY_OUTCOME = {
    Outcome.REFUSED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Outcome.TRY_AGAIN: HTTPStatus.SERVICE_UNAVAILABLE,
    Outcome.FAILED: HTTPStatus.SERVICE_UNAVAILABLE,
}
_RETRY_SECONDS = 5

log = structlog.get_logger(__name__)


class NotThere(RepomgrError):
    """There is nothing of that name."""

    code = "not_found"
    outcome = Outcome.REFUSED


class BadRequest(RepomgrError):
    """A request is not of the shape that the route takes."""

    code = "bad_request"
    outcome = Outcome.REFUSED


class DigestMismatch(RepomgrError):
    """A body's SHA256 is not what its header says: it was changed on the way."""

    code = "digest_mismatch"
    outcome = Outcome.REFUSED


def status_of(error: RepomgrError) -> HTTPStatus:
    """Return the status that an error is answered with."""
    return _STATUSES.get(error.code, _BY_OUTCOME[error.outcome])


def problem(
    status: int, code: str, detail: str, remedy: str = "", *, headers: Mapping[str, str] | None = None, **more: Any
) -> JsonResponse:
    """Return a problem document; the audit trail has its code."""
    refused_with(code, detail)
    status = HTTPStatus(status)
    said = {"type": "about:blank", "title": status.phrase, "status": int(status), "code": code, "detail": detail,
            "remedy": remedy, **more}  # fmt: skip
    return JsonResponse(said, status=status, content_type=CONTENT_TYPE, headers=dict(headers or {}))


def problem_of(error: RepomgrError) -> JsonResponse:
    """Return the problem document of an error."""
    status = status_of(error)
    headers = {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Basic realm="repomgr", charset="UTF-8"'
    if error.outcome is Outcome.TRY_AGAIN:
        headers["Retry-After"] = str(getattr(error, "retry_after", _RETRY_SECONDS))
    return problem(status, error.code, error.message, error.remedy, headers=headers)


def problem_of_any(request: HttpRequest, error: Exception) -> JsonResponse:
    """Return the problem document of whatever a route has raised; what is no error of ours is logged, and not told."""
    if (told := error_told(error)) is not None:
        return problem_of(told)
    log.error("api_failed", path=request.path, exc_info=error)
    remedy = "This is a fault of repomgr: the log has the traceback."
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "The request failed.", remedy)
