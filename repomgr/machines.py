"""Requests of machines: the API and pushed files, by a token that each shows; no cookie counts there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from http import HTTPStatus

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse

from packages_app.api.once import once
from packages_app.api.problems import problem, problem_of_any
from packages_app.services.outside_errors import told_as_ours
from packages_app.services.rights.shown_token import ShownToken, showing
from packages_app.services.rights.token_text import shown_secret
from packages_app.services.rights.tokens import TokenRefused, token_of
from packages_app.uploading import LimitedUpload
from repomgr.limits import is_for_machines, takes_packages
from repomgr.login import client_address
from repomgr.machine_limits import check_stranger, check_token, check_unlooked, count_refused_token, one_upload
from repomgr.unfit import check_fit


def machines_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Say who asks by the token that a request shows; refuse one that does not count before its body is looked at."""

    def answer(request: HttpRequest) -> HttpResponse:
        if not is_for_machines(request.path_info):
            return get_response(request)
        request.user = AnonymousUser()
        if uploads := takes_packages(request.method or "", request.path_info):
            request.upload_handlers = [LimitedUpload(request)]
        secret = shown_secret(request.headers.get("Authorization", ""))
        with ExitStack() as present:
            try:
                if not secret:
                    check_stranger(request)
                else:
                    present.enter_context(showing(_counted_token(request, secret)))
                    check_fit(request.META)
                    if uploads:
                        present.enter_context(one_upload(request, secret))
            except Exception as error:
                return problem_of_any(request, error)
            if not secret:
                return get_response(request)
            return once(request, partial(get_response, request), brings_files=uploads)

    return answer


def _counted_token(request: HttpRequest, secret: str) -> ShownToken:
    """Return the token that a request shows, and let the request be its owner's; raise what refuses it."""
    check_unlooked(request, secret)
    with told_as_ours():
        try:
            user, token = token_of(secret, client_address(request) or "")
        except TokenRefused:
            count_refused_token(request, secret)
            raise
    request.user = user  # type: ignore[assignment]
    request.shown_token = token  # type: ignore[attr-defined]
    check_token(request, secret)
    return token


def problems_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Answer machines with problem documents, also where a page for people would be: what is nowhere, or too large."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code < HTTPStatus.BAD_REQUEST or not is_for_machines(request.path_info):
            return response
        if "json" in response.headers.get("Content-Type", ""):
            return response
        code = _CODES.get(HTTPStatus(response.status_code), "bad_request")
        kept = {name: response.headers[name] for name in ("Allow", "Retry-After") if name in response.headers}
        remedy = "See the route in the API's documentation."
        return problem(response.status_code, code, f"{request.method} can't be done there.", remedy, headers=kept)

    return answer


_CODES = {
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.TOO_MANY_REQUESTS: "too_many_requests",
    HTTPStatus.INTERNAL_SERVER_ERROR: "internal_error",
    HTTPStatus.SERVICE_UNAVAILABLE: "service_unavailable",
}
