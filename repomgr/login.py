"""Logins that are guessed at: whose attempts are counted together, and what a locked person sees (django-axes)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog
from axes.backends import AxesStandaloneBackend
from axes.exceptions import AxesBackendPermissionDenied
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from packages_app.services.sign_in.attempts import failures_of
from repomgr.addresses import of_one_customer, plain_address

log = structlog.get_logger(__name__)


def client_address(request: HttpRequest) -> str | None:
    """Return the address that a request comes from, as it is usually written; None when the server does not know it.

    Behind a proxy that is the last entry of X-Forwarded-For, which the proxy has added; those before it are what the
    client says of itself, and a guesser would say something else each time. With no proxy the header says nothing.
    """
    if settings.BEHIND_HTTPS:
        last = plain_address(request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2])
        if last is not None:  # else another proxy than expected: its address serves
            return str(last)
    own = plain_address(request.META.get("REMOTE_ADDR") or "")
    return str(own) if own is not None else None


def counted_address(request: HttpRequest) -> str | None:
    """Return the address that failures are counted by: of IPv6 the first of the network of 64 bits."""
    address = client_address(request)
    return None if address is None else of_one_customer(address)


class GuessedAt(AxesStandaloneBackend):  # type: ignore[misc]
    """Refuses attempts before a password is hashed: of a name at an address that failed often, and of an address."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **others: Any
    ) -> None:
        """Raise `AxesBackendPermissionDenied` for one that is locked; return None for the next backend to look."""
        if request is not None and failures_of(counted_address(request)) >= settings.ADDRESS_FAILURE_LIMIT:
            request.axes_locked_out = True  # type: ignore[attr-defined]
            raise AxesBackendPermissionDenied("Too many failures from this address.")
        super().authenticate(request, username=username, password=password, **others)


def locked_page(request: HttpRequest, _response: HttpResponse, credentials: Mapping[str, Any] | None) -> HttpResponse:
    """Record that a login is locked, for how long, and what to do (429). The attempt that locked it is logged."""
    if getattr(request, "axes_failures_since_start", None):  # later attempts are not counted
        name = (credentials or {}).get("username") or ""
        known = get_user_model().objects.filter(username=name).exists()
        # What names nobody may be a password typed into the wrong field.
        log.warning("login_locked", user=name if known else "(unknown)", address=client_address(request))
    context = {
        **admin.site.each_context(request),
        "title": "Too many attempts",
        "attempts": settings.AXES_FAILURE_LIMIT,
        "minutes": settings.AXES_COOLOFF_TIME // timedelta(minutes=1),
    }
    page = render(request, "admin/locked.html", context, status=429)
    page.headers["Retry-After"] = str(settings.AXES_COOLOFF_TIME // timedelta(seconds=1))
    return page
