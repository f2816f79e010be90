"""Sign-in by an OpenID Connect issuer: django-allauth's flow, with the checks that it leaves out.

It has state and PKCE; here are nonce, signature, issuer and audience of the ID token (`id_token`), who is let in
(`membership`), and that an account is known by issuer and subject alone, never by an e-mail address.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import requests
import structlog
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse

from packages_app.services import adapters
from packages_app.services.sign_in.id_token import BadIdToken, claims_of, proved_at
from packages_app.services.sign_in.membership import membership_of, set_membership
from packages_app.services.sign_in.sessions import end_sessions

_WELL_KNOWN = "/.well-known/openid-configuration"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_WAIT_SECONDS = 10

log = structlog.get_logger(__name__)


class Adapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """Asks the issuer for its endpoints, its keys, and for the token of a sign-in."""

    @cached_property
    def openid_config(self) -> dict[str, Any]:
        """Return what the issuer says of itself (OpenID Connect Discovery 1.0, 4.3); raise `OAuth2Error`."""
        issuer: str = settings.SIGN_IN_OIDC_ISSUER
        said = self._asked(issuer.rstrip("/") + _WELL_KNOWN)
        here = issuer.startswith("http://")  # `environment.issuer` lets no other machine be asked so
        if said.get("issuer") != issuer or not all(_may_be_asked(said.get(name), here=here) for name in _ENDPOINTS):
            raise OAuth2Error("discovery")
        return said

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        """Return the address that the issuer sends browsers back to."""
        return request.build_absolute_uri(reverse("single_sign_on_callback"))

    def complete_login(self, request: HttpRequest, app: SocialApp, token: SocialToken, **named: Any) -> SocialLogin:
        """Return who signs in; raise `OAuth2Error` where a claim of his token is wrong."""
        state = request.single_sign_on_state  # type: ignore[attr-defined]
        try:
            claims = claims_of(
                named["response"].get("id_token", ""), self._asked(self.openid_config["jwks_uri"]),
                issuer=settings.SIGN_IN_OIDC_ISSUER, audience=app.client_id, nonce=state["nonce"],
            )  # fmt: skip
        except BadIdToken as error:
            raise OAuth2Error(error.claim) from error
        request.single_sign_on_claims = claims  # type: ignore[attr-defined]
        return self.get_provider().sociallogin_from_response(request, {"id_token": claims})

    def _asked(self, address: str) -> dict[str, Any]:
        with SocialAdapter().get_requests_session() as session:
            answer = session.get(address)
        answer.raise_for_status()
        said = answer.json()
        if not isinstance(said, dict):
            raise OAuth2Error("discovery")
        return said


def _may_be_asked(address: object, *, here: bool) -> bool:
    """Return whether an endpoint is asked over https, or, of an issuer of this machine, on this machine."""
    try:
        parts = urlsplit(str(address))
    except ValueError:
        return False
    own = here and parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
    return own or (parts.scheme == "https" and bool(parts.hostname))


class Provider(OpenIDConnectProvider):  # type: ignore[misc]
    """The issuer. Of what it says of somebody, issuer and subject are kept, which are the link to his account."""

    oauth2_adapter_class = Adapter

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return nothing to keep."""
        return {}

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return a name for the account; no address, which could lead to another's."""
        return {**super().extract_common_fields(data), "email": None}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[Any]:
        """Return none: no address leads to an account."""
        return []


def provider_of(request: HttpRequest) -> Provider:
    """Return the issuer of the settings."""
    issuer, oidc = settings.SIGN_IN_OIDC_ISSUER, "openid_connect"
    app = SocialApp(
        provider=oidc,
        provider_id="oidc-" + hashlib.sha256(issuer.encode()).hexdigest()[:32],
        name=settings.SIGN_IN_OIDC_NAME[:40],
        client_id=settings.SIGN_IN_OIDC_CLIENT_ID,
        secret=settings.SIGN_IN_OIDC_CLIENT_SECRET,
        settings={"server_url": issuer, "oauth_pkce_enabled": True},
    )
    return Provider(request, app=app)


def begin(request: HttpRequest, to: str, *, again: bool) -> Any:
    """Send a browser to the issuer, and from there on to a page; `again`: who is signed in there proves it anew."""
    nonce = secrets.token_urlsafe(32)
    asked = {"nonce": nonce, **({"prompt": "login", "max_age": "0"} if again else {})}
    return provider_of(request).redirect(request, "login", to, auth_params=asked, nonce=nonce, again=again)


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Decides who is let in."""

    def get_provider(self, request: HttpRequest, provider: str, client_id: str | None = None) -> Provider:
        """Return the issuer of the settings; no table has others."""
        return provider_of(request)

    def get_requests_session(self) -> requests.Session:
        """Return a session that follows no redirect: what is sent holds our secret."""
        session: requests.Session = super().get_requests_session()
        session.max_redirects = 0
        return session

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Let in who has a group of ours, and set his groups; who has none any more loses those that he had."""
        claims = request.single_sign_on_claims  # type: ignore[attr-defined]
        membership, user = membership_of(claims), sociallogin.user if sociallogin.is_existing else None
        if sociallogin.state.get("again") and not self._proves(request, user, claims):
            raise refused(request, "auth_time")
        if membership is None:
            if user is not None:
                set_membership(user, None)
                if request.user == user:
                    logout(request)  # else this request's own session would be gone before it is saved
                end_sessions(user, by="issuer")
            raise refused(request, "groups")
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
        user: User = super().save_user(request, sociallogin, form)
        set_membership(user, membership_of(request.single_sign_on_claims))  # type: ignore[attr-defined]
        log.info("account_of_issuer_made", user=user.username)
        return user

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None, extra_context: Any = None
    ) -> None:
        """Go back to the login, which says that it failed."""
        raise refused(request, str(exception) if isinstance(exception, OAuth2Error) else str(error))


def refused(request: HttpRequest, claim: str) -> ImmediateHttpResponse:
    """Return what leads to the login, with a word on what was wrong; the log has no more of a claim than its name."""
    known = claim if claim.replace("_", "").isalpha() else "answer"
    log.warning("single_sign_on_refused", claim=known)
    said = (
        "You are in no group that may sign in here."
        if known == "groups"
        else f"{settings.SIGN_IN_OIDC_NAME} has not signed you in ({known}). Try again."
    )
    messages.error(request, said)
    return ImmediateHttpResponse(HttpResponseRedirect(reverse("admin:login")))
