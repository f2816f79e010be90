"""Requests of machines: the API and pushed files, by a token that each shows; no cookie counts there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse

from packages_app.api.once import once
from packages_app.api.problems import problem, problem_of_any
from packages_app.services.outside_errors import told_as_ours
from packages_app.services.rights.shown_token import showing
from packages_app.services.rights.token_text import shown_secret
from packages_app.services.rights.tokens import token_of
from packages_app.uploading import LimitedUpload
from repomgr.limits import is_for_machines, takes_packages
from repomgr.login import client_address


def machines_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Say who asks by the token that a request shows; refuse one that does not count before its body is looked at."""

    def answer(request: HttpRequest) -> HttpResponse:
        if not is_for_machines(request.path_info):
            return get_response(request)
        request.user = AnonymousUser()
        if takes_packages(request.method or "", request.path_info):
            request.upload_handlers = [LimitedUpload(request)]
        secret = shown_secret(request.headers.get("Authorization", ""))
        if not secret:
            return get_response(request)
        try:
            with told_as_ours():
                user, token = token_of(secret, client_address(request) or "")
        except Exception as error:
            return problem_of_any(request, error)
        request.user = user  # type: ignore[assignment]
        request.shown_token = token  # type: ignore[attr-defined]
        with showing(token):
            return once(request, partial(get_response, request))

    return answer


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
