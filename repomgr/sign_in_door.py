"""The door behind the login: who must prove himself anew is led to where he does, and nothing is done before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from packages_app.services.sign_in.note import StaleSignIn, note_of, note_sign_in
from repomgr.login import client_address

_ADMIN = "/admin/"


class SignInDoor:
    """A middleware that looks at pages of the admin alone: what clients read asks no session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, _view: Any, _arguments: Any, _named: Any) -> HttpResponse | None:
        """Note a session that an earlier release has opened: it counts from now on."""
        if request.path_info.startswith(_ADMIN) and request.user.is_authenticated and note_of(request.session) is None:
            note_sign_in(request, client_address(request))
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Lead who must confirm to the page for it, and from there back: to the page itself, or that of the button."""
        if not isinstance(exception, StaleSignIn):
            return None
        asked = request.method in ("GET", "HEAD")
        back = request.get_full_path() if asked else urlsplit(request.META.get("HTTP_REFERER", "")).path
        query = {REDIRECT_FIELD_NAME: back, **({} if asked else {"pressed": "1"})}
        return HttpResponseRedirect(f"{reverse('admin:confirm')}?{urlencode(query)}")
