"""The way to who signs people in, whichever way single sign-on is spoken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from packages_app.admin.sign_in import safe_next
from packages_app.services.sign_in.single_sign_on import refused

_PENDING_SECONDS = 10 * 60


def begin_address(begin: Callable[..., Any], away: tuple[type[Exception], ...]) -> URLPattern:
    """Return the address that sends a browser to the issuer by `begin`; `away` is what that ends in without one."""

    @require_safe
    @never_cache
    def begin_view(request: HttpRequest) -> HttpResponseBase:
        if not request.user.is_authenticated:
            request.session.set_expiry(_PENDING_SECONDS)
        try:
            response: HttpResponseBase = begin(request, safe_next(request), again=bool(request.GET.get("again")))
        except away:
            return refused(request, "discovery").response
        return response

    return path("single-sign-on/", begin_view, name="single_sign_on")
