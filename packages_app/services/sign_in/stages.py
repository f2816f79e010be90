"""A sign-in whose password was right: done at once, or once the second factor was shown too."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.crypto import constant_time_compare

from packages_app.services.sign_in.attempts import counted_address
from packages_app.services.sign_in.note import note_sign_in

_PENDING_SECONDS = 15 * 60
_WAITS = "repomgr_waits"


def sign_in_by_password(request: HttpRequest, user: User, to: str) -> HttpResponse:
    """Sign in a user and go to a page; where he has a second factor, ask for that first: he is nobody until then."""
    if not settings.SIGN_IN_APPS:
        login(request, user)
        note_sign_in(request, counted_address(request))
        return HttpResponseRedirect(to)
    from allauth.account.internal.flows.login import perform_password_login
    from allauth.account.models import Login

    if request.user.is_authenticated:
        logout(request)
    credentials = {"username": user.get_username()}
    response: HttpResponse = perform_password_login(request, credentials, Login(user=user, redirect_url=to))
    if not request.user.is_authenticated:
        request.session.set_expiry(_PENDING_SECONDS)
        request.session[_WAITS] = [user.pk, user.get_session_auth_hash()]
    return response


def password_has_changed(request: HttpRequest, user: User) -> bool:
    """Return whether a user has another password by now than the one that his second factor was asked for behind."""
    waited = request.session.pop(_WAITS, None)
    return bool(waited and waited[0] == user.pk and not constant_time_compare(waited[1], user.get_session_auth_hash()))
