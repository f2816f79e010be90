"""Sign-in by an OpenID Connect issuer: django-allauth's flow, with the checks that it leaves out.

It has state and PKCE; here are nonce, signature, issuer and audience of the ID token (`id_token`). Who is let in, and
that an account is known by issuer and subject alone, is in `single_sign_on`.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from functools import cached_property
from typing import Any

from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from packages_app.core.single_sign_on import is_https
from packages_app.services.sign_in.id_token import BadIdToken, claims_of
from packages_app.services.sign_in.single_sign_on import Provided, fetched

_WELL_KNOWN = "/.well-known/openid-configuration"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class Adapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """Asks the issuer for its endpoints, its keys, and for the token of a sign-in."""

    @cached_property
    def openid_config(self) -> dict[str, Any]:
        """Return what the issuer says of itself (OpenID Connect Discovery 1.0, 4.3); raise `OAuth2Error`."""
        issuer: str = settings.SIGN_IN_OIDC_ISSUER
        said = self._asked(issuer.rstrip("/") + _WELL_KNOWN)
        here = issuer.startswith("http://")  # `environment.issuer` lets no other machine be asked so
        if said.get("issuer") != issuer or not all(is_https(str(said.get(name)), or_here=here) for name in _ENDPOINTS):
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
        said = json.loads(fetched(address))
        if not isinstance(said, dict):
            raise OAuth2Error("discovery")
        return said


class Provider(Provided, OpenIDConnectProvider):  # type: ignore[misc]
    """The issuer."""

    oauth2_adapter_class = Adapter


def provider_of(request: HttpRequest) -> Provider:
    """Return the issuer of the settings."""
    issuer, oidc = settings.SIGN_IN_OIDC_ISSUER, "openid_connect"
    app = SocialApp(
        provider=oidc,
        provider_id="oidc-" + hashlib.sha256(issuer.encode()).hexdigest()[:32],
        name=settings.SINGLE_SIGN_ON.name[:40],
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
