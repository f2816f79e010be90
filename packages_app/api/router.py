"""The API: its routes, and what every one of them answers to errors."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.docs import DocsBase

from packages_app.api import (
    configuration,
    intake,
    jobs,
    keys,
    moves,
    oidc,
    packages,
    parts,
    publications,
    snapshots,
    suites,
    uploads,
)
from packages_app.api.once import CHANGES, HEADER
from packages_app.api.problems import CONTENT_TYPE, problem, problem_of_any
from packages_app.core.product import product_version
from packages_app.services.rights.answered import LONGEST_KEY

_MOST_SHOWN = 20


class DocsPage(DocsBase):
    """The routes as a page: the theme of others, its scripts from our own files alone."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        """Return the page."""
        return render(request, "api/docs.html", {"document": self.get_openapi_url(api, kwargs)})


class Api(NinjaAPI):
    """Says of each route that its errors are problem documents, and which headers it takes."""

    def get_openapi_schema(self, **how: Any) -> Any:
        """Return the OpenAPI document."""
        document = super().get_openapi_schema(**how)
        for path in document["paths"].values():
            for method, operation in path.items():
                _describe(method, operation)
        return document


def _describe(method: str, operation: dict[str, Any]) -> None:
    parameters, conditional = operation.setdefault("parameters", []), _CONDITIONAL in operation.get("tags", ())
    for status, answer in operation["responses"].items():
        if conditional and int(status) == HTTPStatus.OK:
            what = "the version of the document, where it is of one"
            answer["headers"] = {"ETag": {"description": what, "schema": {"type": "string"}}}
        if int(status) >= HTTPStatus.BAD_REQUEST and "application/json" in answer.get("content", {}):
            answer["content"] = {CONTENT_TYPE: answer["content"]["application/json"]}
    if method in ("put", "delete") and conditional:
        parameters.append(_header("If-Match", "the ETag that was read, or * for what there is not yet", maxLength=255))
    if method.upper() in CHANGES and operation.get("security"):
        what = "of your own making: sent again with it, a request gets the first answer"
        parameters.append(_header(HEADER, what, minLength=1, maxLength=LONGEST_KEY, pattern="^[ -~]*$"))


def _header(name: str, what: str, **shape: object) -> dict[str, Any]:
    schema = {"type": "string", **shape}
    return {"in": "header", "name": name, "required": False, "description": what, "schema": schema}


_CONDITIONAL = "documents"

api = Api(
    title="repomgr",
    version=product_version(),
    description="Packages, publications and work on an APT repository. Errors are problem documents (RFC 9457)."
    f" What changes something takes a header {HEADER}: sent again with the same key, it gets the same answer.",
    urls_namespace="api",
    docs=DocsPage(),
    docs_url="docs",
    openapi_url="openapi.json",
)


@api.exception_handler(ValidationError)
def _wrong_shape(_request: HttpRequest, error: ValidationError) -> HttpResponse:
    faults = [
        {"where": ".".join(map(str, fault.get("loc", ()))), "what": str(fault.get("msg", ""))}
        for fault in error.errors[:_MOST_SHOWN]
    ]
    detail = "; ".join(f"{fault['where']}: {fault['what']}" for fault in faults)
    remedy = "See the route's shape in the API's documentation."
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "bad_request", detail, remedy, faults=faults)


@api.exception_handler(HttpError)
def _http_error(_request: HttpRequest, error: HttpError) -> HttpResponse:
    return problem(error.status_code, "bad_request", str(error), "See the route in the API's documentation.")


@api.exception_handler(Http404)
def _not_found(_request: HttpRequest, _error: Http404) -> HttpResponse:
    return problem(HTTPStatus.NOT_FOUND, "not_found", "There is nothing of that name.", "See the list that it is of.")


@api.exception_handler(Exception)
def _any(request: HttpRequest, error: Exception) -> HttpResponse:
    return problem_of_any(request, error)


api.add_router("/packages", packages.router)
api.add_router("/uploads/parts", parts.router)
api.add_router("/uploads", uploads.router)
api.add_router("/oidc", oidc.router)
api.add_router("/jobs", jobs.router)
api.add_router("/moves", moves.router)
api.add_router("/suites", suites.router)
api.add_router("/publications", publications.router)
api.add_router("/held", publications.held)
api.add_router("/snapshots", snapshots.router)
api.add_router("/definitions", configuration.router)
api.add_router("/repository", configuration.repository)
api.add_router("/intake", intake.router)
api.add_router("/notices", intake.notices)
api.add_router("/keys", keys.router)
api.add_router("/upkeep", suites.upkeep)
