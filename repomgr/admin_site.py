"""The admin's site: the theme's, whose login notes who signed in, and which has the pages of signing in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from unfold.sites import UnfoldAdminSite

from packages_app.services.sign_in.note import note_sign_in
from repomgr.login import client_address


class Site(UnfoldAdminSite):  # type: ignore[misc]
    """The one site of the admin."""

    def extra_urls(self) -> list[URLPattern]:
        """Return the addresses of the pages of signing in, for the theme's site to add."""
        from packages_app.admin.sign_in import sign_in_addresses  # pages are imported with the addresses

        return sign_in_addresses(self)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the login, or sign in; who has signed in is noted in the session."""
        response: HttpResponse = super().login(request, extra_context)
        if request.method == "POST" and response.status_code == 302:
            note_sign_in(request, client_address(request))
        return response
