"""The door behind the login: who must prove himself anew is led to where he does, and nothing is done before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from packages_app.core.second_factor import OFF, OFFERED
from packages_app.services.sign_in.note import StaleSignIn, note_of, note_sign_in
from packages_app.services.sign_in.required import requires_factor
from repomgr.login import client_address, counted_address
from repomgr.rates import Rate

_ADMIN = "/admin/"
_BEGINS_A_MINUTE = 120
"""Of an address, in each process, and so many at once."""
_begun = Rate()

_OPEN = (
    "account_login", "admin:login", "admin:logout", "admin:confirm", "mfa_index", "mfa_activate_totp",
    "mfa_add_webauthn",
)  # fmt: skip
"""What is open to who lacks a second factor that he must have."""


class SignInDoor:
    """A middleware that looks at pages of the admin alone: what clients read asks no session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, _view: Any, _arguments: Any, _named: Any) -> HttpResponse | None:
        """Let nobody in who lacks the second factor that he must have, but to where he sets it up or shows it."""
        if not request.path_info.startswith(_ADMIN):
            return None
        if not isinstance(request.user, User):
            return _too_often(request)
        noted = note_of(request.session)
        if noted is None:  # an earlier release has opened it: it counts from now on
            note_sign_in(request, client_address(request))
        if settings.SECOND_FACTOR in (OFF, OFFERED) or (noted is not None and noted.second):
            return None
        named = request.resolver_match.view_name if request.resolver_match is not None else ""
        if named in _OPEN or not requires_factor(request.user):
            return None
        return _to_second_factor(request, request.user)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Lead who must confirm to the page for it, and from there back: to the page itself, or that of the button."""
        if not isinstance(exception, StaleSignIn):
            return None
        asked = request.method in ("GET", "HEAD")
        back = request.get_full_path() if asked else urlsplit(request.META.get("HTTP_REFERER", "")).path
        query = {REDIRECT_FIELD_NAME: back, **({} if asked else {"pressed": "1"})}
        return HttpResponseRedirect(f"{reverse('admin:confirm')}?{urlencode(query)}")


def _too_often(request: HttpRequest) -> HttpResponse | None:
    """Return a refusal of who begins sign-ins by an issuer without end, each of which is a row of a session."""
    named = request.resolver_match.view_name if request.resolver_match is not None else ""
    wait = _begun.spend(counted_address(request) or "", _BEGINS_A_MINUTE) if named == "single_sign_on" else 0
    if not wait:
        return None
    told = f"From your address too many sign-ins were begun. Try again in {wait} s.\n"
    return HttpResponse(told, status=429, content_type="text/plain; charset=utf-8", headers={"Retry-After": str(wait)})


def _to_second_factor(request: HttpRequest, user: User) -> HttpResponse:
    from packages_app.services.sign_in.factors import has_factor  # its tables are there where it is not off

    if not has_factor(user):
        return HttpResponseRedirect(reverse("mfa_index"))
    back = request.get_full_path() if request.method in ("GET", "HEAD") else reverse("admin:index")
    return HttpResponseRedirect(f"{reverse('admin:confirm')}?{urlencode({REDIRECT_FIELD_NAME: back})}")
