"""Requests in the audit trail: each that may change something, and each that is refused, has its line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

import structlog
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import Resolver404, resolve, reverse
from django.utils.datastructures import MultiValueDict

from packages_app.core.audit import Actor, ActorKind, Result
from packages_app.services.audit.doors import Answered, request_door
from packages_app.services.audit.write import by_token
from packages_app.services.rights.shown_token import ShownToken
from repomgr.limits import LOGIN, is_for_machines, is_part, takes_packages
from repomgr.login import client_address, counted_address
from repomgr.named import packages_named, suites_named

_READS = ("GET", "HEAD", "OPTIONS", "TRACE")
_FROM_ISSUER = ("single_sign_on_callback", "single_sign_on_answer", "single_sign_on_finish")
"""Names of the addresses that a browser comes back to from who signs people in. Who is signed in has a line of his."""
_SIGN_INS = ("login", "account_login", "mfa_authenticate", *_FROM_ISSUER)
"""Names of the addresses that are a step of signing in, whichever app has named them."""
_ASKS_PROOF = ("login", "account_login", "mfa_authenticate", "confirm")
"""Names of the pages that ask for a password or a second factor, and ask again where it was wrong."""
_LOOKS = "/preview"
"""How addresses of machines end that only say what would be done."""
_MOST_ROWS = 100
_REFUSALS_OF_NOBODY = 100
"""Refusals of one who is not logged in that are kept of an address in an hour: strangers must not fill the database."""
_HOUR = 3600
_OWN_FIELDS = ("csrfmiddlewaretoken", "next", "_save", "_continue", "_addanother", "action", "index", "select_across")
_OF_UPLOADS = ("filename", "suite", "component", "build")
_SECRET_FIELDS = ("code", "credential")
"""What forms of the second factor are sent; passwords are known by their names."""
_CONVERTER = re.compile(r"<[a-z]+:")
"""What Django's routes have before the name of a part of an address."""

log = structlog.get_logger(__name__)


def audited_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Say who acts in a request, and tell of what it did."""

    def answer(request: HttpRequest) -> HttpResponse:
        answered: list[Answered] = []
        known: list[Actor] = []
        if request.method not in _READS and not is_for_machines(request.path_info):
            known.append(_who_asks(request))  # a logout ends with nobody

        def who() -> Actor:
            if not known or known[0].kind is ActorKind.NOBODY:
                known[:] = [_who_asks(request)]
            return known[0]

        with request_door(who, answered):
            response = get_response(request)
            answered += _answered(request, response, who)
        return response

    return answer


def _who_asks(request: HttpRequest) -> Actor:
    address = client_address(request) or ""
    user = getattr(request, "user", None)
    token: ShownToken | None = getattr(request, "shown_token", None)
    if token is not None and user is not None:
        return by_token(user.get_username() if user.is_authenticated else "", token, address)
    if user is None or not user.is_authenticated:
        return Actor(ActorKind.NOBODY, "", address)
    return Actor(ActorKind.PERSON, user.get_username(), address, str(user.pk))


def _answered(request: HttpRequest, response: HttpResponse, who: Callable[[], Actor]) -> list[Answered]:
    """Return what is to be told of an answer: nothing of a page that was looked at, and of a part that was taken.

    Of a run of refusals by `machine_limits` the first has its line, which says whose it is.
    """
    result = _result_of_issuer(response) if _is_from_issuer(request) else _result(request, response)
    if _is_untold(request, result):
        return []
    if result is Result.REFUSED and who().kind is ActorKind.NOBODY and _is_one_too_many(request, response):
        return []
    what, code = _what(request), "" if result in (Result.DONE, Result.SHOWN) else f"http_{response.status_code}"
    given = {} if request.method in _READS else _given(request, what)
    said = {**given, **(request.resolver_match.kwargs if request.resolver_match is not None else {})}
    packages, suites = packages_named(what, said), suites_named(what, said)
    return [Answered(what, result, code, _subject(request, what), given, packages, suites)]


def _is_untold(request: HttpRequest, result: Result) -> bool:
    if is_part(request.method or "", request.path_info) and result in (Result.DONE, Result.SHOWN):
        return True  # its file has a line when it begins, and one when it is complete
    if _is_from_issuer(request) and result is Result.SHOWN:
        return True
    reads = request.method in _READS
    return (reads and result is not Result.REFUSED) or getattr(request, "goes_on_refused", False)


def _is_from_issuer(request: HttpRequest) -> bool:
    return _address_name(request) in _FROM_ISSUER


def _address_name(request: HttpRequest) -> str:
    """Return the name of the address that was asked for, "" for one that there is not."""
    found = request.resolver_match
    return (found.view_name or "").removeprefix("admin:") if found is not None else ""


def _result(request: HttpRequest, response: HttpResponse) -> Result:
    asks_proof = request.method == "POST" and _address_name(request) in _ASKS_PROOF
    if asks_proof and response.status_code < HTTPStatus.BAD_REQUEST:
        return _result_of_proof(request, response)
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Result.FAILED
    if is_for_machines(request.path_info) and response.status_code < HTTPStatus.BAD_REQUEST:
        changed = request.method not in _READS and not request.path_info.endswith(_LOOKS)
        return Result.DONE if changed and "Idempotency-Replayed" not in response.headers else Result.SHOWN
    if response.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED) and request.method in _READS:
        return Result.SHOWN
    to_login = _leads_to_login(response) and request.path_info != LOGIN
    if response.status_code >= HTTPStatus.BAD_REQUEST or (to_login and _is_no_logout(request)):
        return Result.REFUSED if request.method not in _READS or not to_login else Result.SHOWN
    signed_out = _what(request) == "sign_out"  # the only answer to a form that shows a page and has done something
    return Result.DONE if response.status_code != HTTPStatus.OK or signed_out else Result.SHOWN


def _result_of_proof(request: HttpRequest, response: HttpResponse) -> Result:
    """Return what became of a password or a second factor: it was wrong where the page is shown again."""
    if response.status_code != HTTPStatus.OK and _who_asks(request).kind is not ActorKind.NOBODY:
        asked = _address_name(request) != "mfa_authenticate" or hasattr(request, "account_signing_in")
        return Result.DONE if asked else Result.SHOWN
    again = response.status_code == HTTPStatus.OK or _leads_to_login(response)
    return Result.REFUSED if again else Result.SHOWN


def _result_of_issuer(response: HttpResponse) -> Result:
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Result.FAILED
    refused = response.status_code >= HTTPStatus.BAD_REQUEST or _leads_to_login(response)
    return Result.REFUSED if refused else Result.SHOWN


def _leads_to_login(response: HttpResponse) -> bool:
    return response.headers.get("Location", "").startswith(reverse("admin:login"))


def _is_no_logout(request: HttpRequest) -> bool:
    return not _what(request).startswith("sign_")


def _is_one_too_many(request: HttpRequest, response: HttpResponse) -> bool:
    """Return whether a refusal of nobody is not kept: one of a login that is locked already, or of very many."""
    if request.path_info == LOGIN and response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return not getattr(request, "axes_failures_since_start", None)
    key = f"audit-refusals-{counted_address(request)}"
    cache.add(key, 0, _HOUR)
    refused = cache.incr(key)
    if refused == _REFUSALS_OF_NOBODY + 1:
        log.warning("audit_refusals_not_kept", address=client_address(request))
    return refused > _REFUSALS_OF_NOBODY


def _what(request: HttpRequest) -> str:
    """Return the name of what was asked for: that of the address, and of a list's action."""
    try:
        found = request.resolver_match or resolve(request.path_info)
    except Resolver404:
        return "request"
    if is_for_machines(request.path_info):
        route = _CONVERTER.sub("<", found.route.removeprefix("api/v1/"))
        return f"api.{(request.method or '').lower()}/{route}"
    name = (found.view_name or "request").removeprefix("admin:").removeprefix("packages_app_")
    signs = {"logout": "sign_out", **dict.fromkeys(_SIGN_INS, "sign_in")}
    action = _posted(request).get("action", "") if name.endswith("_changelist") else ""
    return signs.get(name, f"{name.removesuffix('_changelist')}.{action}" if action else name)


def _subject(request: HttpRequest, what: str) -> str:
    """Return what it was about: who signs in, the row of the address, or the rows that were chosen."""
    if known := getattr(request, "account_signing_in", ""):
        return str(known)
    if _is_from_issuer(request):
        return "(unknown)"
    if what == "sign_in":
        # What names nobody may be a password typed into the wrong field.
        name = _posted(request).get("username", "")[:150]
        return name if name and get_user_model().objects.filter(username=name).exists() else "(unknown)"
    match = request.resolver_match
    rows = [str(value) for value in (*match.args, *match.kwargs.values())] if match is not None else []
    rows += _posted(request).getlist("_selected_action")[:_MOST_ROWS]
    return ", ".join(rows) or request.path_info


def _given(request: HttpRequest, what: str) -> dict[str, Any]:
    """Return what a form was posted with, but for what a browser adds; nothing of a sign-in, which holds secrets.

    Of a machine's request it is the JSON that it sent; of packages what the address says, and the names of its files.
    """
    if what.startswith("sign_"):
        return {}
    if takes_packages(request.method or "", request.path_info):
        return _pushed(request)
    if request.content_type == "application/json":
        return _json(request)
    fields = _posted(request)
    files = {name: [file.name for file in sent][:_MOST_ROWS] for name, sent in _sent_files(request)}
    left_out = (*_OWN_FIELDS, *_SECRET_FIELDS)
    posted = {name: fields.getlist(name)[:_MOST_ROWS] for name in fields if name not in left_out} | files
    return {name: values[0] if len(values) == 1 else values for name, values in posted.items() if values != [""]}


def _pushed(request: HttpRequest) -> dict[str, Any]:
    names = getattr(request, "names_sent", [])[:_MOST_ROWS]
    return {name: request.GET[name] for name in _OF_UPLOADS if request.GET.get(name)} | (
        {"files": names} if names else {}
    )


def _sent_files(request: HttpRequest) -> Iterable[tuple[str, list[Any]]]:
    files: Iterable[tuple[str, list[Any]]] = request.__dict__.get("_files", MultiValueDict()).lists()
    return files


def _json(request: HttpRequest) -> dict[str, Any]:
    """Return the JSON of a body, as far as it was read by now: a text that is none as `body`."""
    body: bytes = request.__dict__.get("_body", b"")
    try:
        sent = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        sent = body.decode(errors="replace")
    return sent if isinstance(sent, dict) else {"body": sent}


def _posted(request: HttpRequest) -> QueryDict:
    """Return the fields of a form, as far as they were read by now: nothing of a body is read for the trail's sake."""
    fields: QueryDict = request.__dict__.get("_post", QueryDict())
    return fields
