"""Logins that are guessed at: whose attempts are counted together, and what a locked person sees (django-axes)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import structlog
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

log = structlog.get_logger(__name__)


def client_address(request: HttpRequest) -> str | None:
    """Return the address that an attempt comes from; None when the server does not know it.

    Behind a proxy that is the last entry of X-Forwarded-For, which the proxy has added; those before it are what the
    client says of itself, and a guesser would say something else each time. With no proxy the header says nothing.
    """
    if settings.BEHIND_HTTPS:
        last = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
        try:
            return str(ip_address(last))
        except ValueError:
            pass  # another proxy than expected: its address serves
    return request.META.get("REMOTE_ADDR") or None


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
