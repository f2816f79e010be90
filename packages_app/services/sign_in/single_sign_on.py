"""Who is let in by single sign-on, whichever way it is spoken, and what account he has.

An account is known by issuer and subject alone, never by an e-mail address. What an issuer says of somebody is given as
the claims of OpenID Connect, `single_sign_on_claims` of the request (`oidc`, `saml`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import requests
import structlog
from allauth.account.internal.stagekit import clear_login
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import Provider
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from urllib3.exceptions import HTTPError

from packages_app.core.single_sign_on import SAML
from packages_app.services import adapters
from packages_app.services.audit.write import refused_with, write
from packages_app.services.sign_in.membership import by_issuer, membership_of, set_membership
from packages_app.services.sign_in.sessions import end_sessions

LONGEST_SUBJECT = 191
"""Characters of a subject: what the column of django-allauth takes."""
_MOST_BYTES, _PART_BYTES = 1024 * 1024, 64 * 1024
LEEWAY_SECONDS = 60
"""How far the clock of who signs people in may be off."""

log = structlog.get_logger(__name__)


class Provided(Provider):  # type: ignore[misc]
    """Of what is said of somebody, issuer and subject are kept, which are the link to his account."""

    def extract_extra_data(self, data: Any) -> dict[str, Any]:
        """Return nothing to keep."""
        return {}

    def extract_common_fields(self, data: Any) -> dict[str, Any]:
        """Return a name for the account; no address, which could lead to another's."""
        return {**super().extract_common_fields(data), "email": None}

    def extract_email_addresses(self, data: Any) -> list[Any]:
        """Return none: no address leads to an account."""
        return []


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Decides who is let in."""

    def get_provider(self, request: HttpRequest, provider: str, client_id: str | None = None) -> Provider:
        """Return the issuer of the settings; no table has others."""
        if settings.SINGLE_SIGN_ON.kind == SAML:
            from packages_app.services.sign_in import saml

            return saml.provider_of(request)
        from packages_app.services.sign_in import oidc

        return oidc.provider_of(request)

    def get_requests_session(self) -> requests.Session:
        """Return a session that follows no redirect: what is sent holds our secret."""
        session: requests.Session = super().get_requests_session()
        session.max_redirects = 0
        return session

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Let in who has a group of ours, and set his groups; who has none any more loses those that he had."""
        claims = request.single_sign_on_claims  # type: ignore[attr-defined]
        membership, user = membership_of(claims), sociallogin.user if sociallogin.is_existing else None
        _note_account(request, user)
        if sociallogin.state.get("again") and not self._proves(request, user, claims):
            raise refused(request, "auth_time")
        if membership is None:
            if user is not None:
                set_membership(user, None)
                if request.user == user:
                    logout(request)  # else this request's own session would be gone before it is saved
                clear_login(request)
                end_sessions(user, by="issuer", but=request.session.session_key)
            raise refused(request, "groups")
        if user is not None and not user.is_active:
            raise refused(request, "inactive")
        if user is not None:
            set_membership(user, membership)

    def _proves(self, request: HttpRequest, user: User | None, claims: dict[str, Any]) -> bool:
        """Return whether who is signed in has just proved it to the issuer."""
        oldest = (adapters.now() - timedelta(minutes=settings.FRESH_MINUTES)).timestamp()
        return user is not None and user == request.user and proved_at(claims) >= oldest

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Return True: who comes here has a group of ours (`pre_social_login`)."""
        return True

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        """Make an account, whose name is free, with the groups that the issuer gives and no password."""
        sociallogin.user.is_staff = True
        try:
            with transaction.atomic():
                user: User = super().save_user(request, sociallogin, form)
                write("user.add", subject=user.username, after={"is_staff": True}, given=by_issuer())
                set_membership(user, membership_of(request.single_sign_on_claims))  # type: ignore[attr-defined]
        except IntegrityError:  # another sign-in has made it by now, or taken its name
            raise refused(request, "account") from None
        _note_account(request, user)
        log.info("account_of_issuer_made", user=user.username)
        return user

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None, extra_context: Any = None
    ) -> None:
        """Go back to the login, which says that it failed."""
        raise refused(request, str(exception) if isinstance(exception, OAuth2Error) else str(error))


def fetched(address: str) -> bytes:
    """Return what who signs people in says at an address, by which he lets them in; raise `requests.RequestException`.

    It is read as it comes, for ten seconds at most: one that says a byte a second would hold a thread for ever.
    """
    ends, parts, size = time.monotonic() + settings.SOCIALACCOUNT_REQUESTS_TIMEOUT, list[bytes](), 0
    with SocialAdapter().get_requests_session() as session, session.get(address, stream=True) as answer:
        answer.raise_for_status()
        try:
            while part := answer.raw.read1(_PART_BYTES, decode_content=True):
                size += len(part)
                if size > _MOST_BYTES or time.monotonic() > ends:
                    raise requests.RequestException("It says too much, or takes too long.")
                parts.append(part)
        except HTTPError as error:  # what is read beside requests fails by urllib3's own errors
            raise requests.ConnectionError("It was not answered to its end.") from error
    return b"".join(parts)


def _note_account(request: HttpRequest, user: User | None) -> None:
    """Note whose account it is, for the audit trail, which has a line of who was refused as well."""
    request.account_signing_in = user.username if user is not None else ""  # type: ignore[attr-defined]


def proved_at(claims: Mapping[str, Any]) -> float:
    """Return when somebody has proved himself to the issuer (seconds since 1970); 0 where it names no time till now."""
    said = claims.get("auth_time")
    if not isinstance(said, int | float) or isinstance(said, bool):
        return 0.0
    return float(said) if said <= adapters.now().timestamp() + LEEWAY_SECONDS else 0.0


def refusal_told(part: str) -> str:
    """Log that nobody was signed in, and return that in words; of what was said no more is told than a part's name."""
    known = part if part.replace("_", "").isalpha() else "answer"
    log.warning("single_sign_on_refused", claim=known)
    refused_with("single_sign_on_refused", known)
    if known == "groups":
        return "You are in no group that may sign in here."
    remedy = "Try again; where it stays so, tell whoever runs this server that word."
    return f"{settings.SINGLE_SIGN_ON.name} has not signed you in ({known}). {remedy}"


def refused(request: HttpRequest, part: str) -> ImmediateHttpResponse:
    """Return what leads to the login, which says what was wrong."""
    messages.error(request, refusal_told(part))
    return ImmediateHttpResponse(HttpResponseRedirect(reverse("admin:login")))
