"""Pages of signing in: who is signed in where, and the proof that is asked anew before what matters most."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import REDIRECT_FIELD_NAME, authenticate
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from packages_app.core.second_factor import OFF
from packages_app.core.single_sign_on import OIDC, SAML
from packages_app.services.sign_in.attempts import forget_failures
from packages_app.services.sign_in.note import note_proof, user_of
from packages_app.services.sign_in.required import may_use_password
from packages_app.services.sign_in.sessions import end_session, end_sessions, open_sessions


def sign_in_addresses(site: admin.AdminSite) -> list[URLPattern]:
    """Return the addresses of these pages, which everybody of the admin has."""

    def at(address: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
        return path(address, site.admin_view(view), name=name)

    def sessions(request: HttpRequest) -> HttpResponseBase:
        return sessions_page(site, request)

    @sensitive_post_parameters()
    def confirm(request: HttpRequest) -> HttpResponseBase:
        return confirm_page(site, request)

    return [
        at("sessions/", require_safe(sessions), "sessions"),
        at("sessions/end/", require_POST(end_view), "sessions_end"),
        at("confirm/", require_http_methods(["GET", "HEAD", "POST"])(confirm), "confirm"),
    ]


def sessions_page(site: admin.AdminSite, request: HttpRequest) -> HttpResponseBase:
    """Show one's own sessions; to a superuser who asks for them those of all."""
    of_all = bool(request.user.is_superuser and request.GET.get("all"))
    found = open_sessions(request.session.session_key, of=None if of_all else user_of(request))
    page = {"title": "Sessions", "sessions": found, "of_all": of_all, "others": sum(not one.is_this for one in found)}
    return TemplateResponse(request, "admin/sign_in/sessions.html", {**site.each_context(request), **page})


def end_view(request: HttpRequest) -> HttpResponseBase:
    """End the session that a button names, all others of one's own, or, as a superuser, all of a user."""
    me, said = user_of(request), request.POST
    if said.get("user", "").isdecimal() and me.is_superuser:
        whose = get_object_or_404(User, pk=said["user"])
        ended = end_sessions(whose, by=me.username, but=request.session.session_key)
    elif said.get("others"):
        ended = end_sessions(me, by=me.username, but=request.session.session_key)
    else:
        ended = int(end_session(said.get("session", ""), by=me))
    messages.success(request, f"Sessions ended: {ended}. Each is out with its next request.")
    return HttpResponseRedirect(reverse("admin:sessions") + ("?all=1" if said.get("all") else ""))


def further_addresses() -> list[list[URLPattern]]:
    """Return the addresses of pages that are there where a setting wants them."""
    found: list[list[URLPattern]] = []
    if settings.SIGN_IN_APPS:
        found.append([path("login/", admin.site.login, name="account_login")])
    if settings.SECOND_FACTOR != OFF:
        from packages_app.admin.second_factor import factor_addresses

        found.append(factor_addresses())
    if settings.SINGLE_SIGN_ON.kind == SAML:
        from packages_app.admin.saml import saml_addresses

        found.append(saml_addresses())
    elif settings.SINGLE_SIGN_ON.kind == OIDC:
        from packages_app.admin.oidc import oidc_addresses

        found.append(oidc_addresses())
    return found


def confirm_page(site: admin.AdminSite, request: HttpRequest) -> HttpResponseBase:
    """Ask who is signed in for his second factor, for his password where he has none; then go on to what it is for."""
    me, to, by_factor = user_of(request), safe_next(request), False
    if settings.SECOND_FACTOR != OFF:
        from packages_app.services.sign_in import factors

        by_factor = factors.has_factor(me)
    wrong = False
    if request.method == "POST":
        if factors.shows_factor(request, me) if by_factor else _shows_password(request, me):
            note_proof(request, second=by_factor)
            return HttpResponseRedirect(to)
        wrong = True
    page = {
        "title": "Confirm that it is you",
        "wrong": wrong,
        "next": to,
        "pressed": request.GET.get("pressed"),
        "has_password": me.has_usable_password() and may_use_password(me),
        "issuer": settings.SINGLE_SIGN_ON.name,
        **(factors.asked_of(me) if by_factor else {}),
    }
    return TemplateResponse(request, "admin/sign_in/confirm.html", {**site.each_context(request), **page})


def _shows_password(request: HttpRequest, me: User) -> bool:
    """Return whether the password that was posted is that of who is signed in; a wrong one counts as at the login."""
    if not may_use_password(me):
        return False
    found = authenticate(request, username=me.get_username(), password=request.POST.get("password", ""))
    if found is None or found.pk != me.pk:
        return False
    forget_failures(request, me)
    return True


def safe_next(request: HttpRequest) -> str:
    """Return where to go on to: a page of this server that was named, else the overview."""
    to = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME, "")
    ours = url_has_allowed_host_and_scheme(to, {request.get_host()}, require_https=request.is_secure())
    return to if ours else reverse("admin:index")
