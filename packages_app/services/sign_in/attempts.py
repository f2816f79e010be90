"""Guesses at passwords and at second factors are counted and locked together (django-axes)."""

from __future__ import annotations

from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Sum
from django.http import HttpRequest
from django.utils import timezone


def failures_of(address: str | None) -> int:
    """Return how many failures of an address count now, of whatever user names."""
    if address is None:
        return 0
    since = timezone.now() - settings.AXES_COOLOFF_TIME
    counted = AccessAttempt.objects.filter(ip_address=address, attempt_time__gt=since)
    return counted.aggregate(total=Sum("failures_since_start"))["total"] or 0


def counted_address(request: HttpRequest) -> str | None:
    """Return the address that failures of a request are counted by."""
    AxesProxyHandler.update_request(request)
    address: str | None = request.axes_ip_address  # type: ignore[attr-defined]
    return address


def is_locked(request: HttpRequest, user: User) -> bool:
    """Return whether a user may try no more from where a request comes; the answer is the page that says so then."""
    of_address = failures_of(counted_address(request)) >= settings.ADDRESS_FAILURE_LIMIT
    locked = of_address or not AxesProxyHandler.is_allowed(request, {"username": user.get_username()})
    request.axes_locked_out = locked  # type: ignore[attr-defined]
    return locked


def count_failure(request: HttpRequest, user: User) -> None:
    """Count a second factor that was not right as a wrong password is."""
    AxesProxyHandler.update_request(request)
    AxesProxyHandler.user_login_failed("sign_in", {"username": user.get_username()}, request)


def forget_failures(request: HttpRequest, user: User) -> None:
    """Forget what a user has failed at from where a request comes: he has proved who he is."""
    AxesProxyHandler.reset_attempts(username=user.get_username(), ip_address=counted_address(request))
