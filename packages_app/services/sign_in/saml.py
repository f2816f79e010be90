"""Sign-in by a SAML identity provider: django-allauth's provider and flow, with the checks that both leave out.

What an answer says is checked in `saml_answer`, counts once (`saml_once`), and only in the browser that asked: what it
answers is among the states of the session. Who is let in, and that an account is known by issuer and subject alone, is
in `single_sign_on`.
"""

from __future__ import annotations

import hashlib
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.helpers import complete_social_login
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.saml.provider import SAMLProvider
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Names
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from packages_app.services import adapters
from packages_app.services.sign_in import saml_once
from packages_app.services.sign_in.saml_answer import Answer, BadAnswer, answer_of
from packages_app.services.sign_in.saml_metadata import identity_provider
from packages_app.services.sign_in.single_sign_on import Provided, refused

_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_NAMES = {
    "username": ("urn:oid:0.9.2342.19200300.100.1.1", "uid", "username", f"{_CLAIMS}name", f"{_CLAIMS}upn"),
    "first_name": ("urn:oid:2.5.4.42", "givenName", "firstName", f"{_CLAIMS}givenname"),
    "last_name": ("urn:oid:2.5.4.4", "sn", "lastName", f"{_CLAIMS}surname"),
}
"""Attributes that a new account takes its names from, the first that there is."""


class Provider(Provided, SAMLProvider):  # type: ignore[misc]
    """The identity provider."""

    def extract_uid(self, data: dict[str, Any]) -> str:
        """Return the subject."""
        return str(data["sub"])

    def _extract(self, data: dict[str, Any]) -> dict[str, Any]:
        return dict(data["names"])

    def redirect(
        self, request: HttpRequest, process: str, next_url: str | None = None, data: Any = None, **kept: Any
    ) -> HttpResponseRedirect:
        """Send a browser to the identity provider, and note what of it in its session."""
        auth = OneLogin_Saml2_Auth(_asked(request), _config(request))
        address = auth.login(return_to="", force_authn=bool(kept.get("again")))
        self.stash_redirect_state(request, process, next_url, data, state_id=auth.get_last_request_id(), **kept)
        return HttpResponseRedirect(address)


def provider_of(request: HttpRequest) -> Provider:
    """Return the identity provider of the settings; raise `BadMetadata`."""
    entity_id = identity_provider().entity_id
    app = SocialApp(
        provider="saml",
        provider_id="saml-" + hashlib.sha256(entity_id.encode()).hexdigest()[:32],
        name=settings.SINGLE_SIGN_ON.name[:40],
        client_id="saml",
        settings={},
    )
    return Provider(request, app=app)


def begin(request: HttpRequest, to: str, *, again: bool) -> HttpResponseRedirect:
    """Send a browser to the identity provider, and from there on to a page; `again`: he proves there anew who he is."""
    return provider_of(request).redirect(request, "login", to, again=again)


def keep_answer(request: HttpRequest) -> str:
    """Check what an identity provider's page has posted, and keep it; return the name to finish by.

    Raise `BadAnswer`, `BadMetadata`. Nothing of a session is read or written: its cookie does not come along.
    """
    config = OneLogin_Saml2_Settings(_config(request))
    subject_in = settings.SIGN_IN_SAML_SUBJECT_ATTRIBUTE
    now = adapters.now().timestamp()
    posted = request.POST.get("SAMLResponse", "")
    answer = answer_of(posted, config, asked=_asked(request), subject_in=subject_in, now=now)
    name = saml_once.keep(answer.id, {"request": answer.request, "claims": _claims(answer)}, answer.until)
    if name is None:
        raise BadAnswer("replayed")
    return name


def finish(request: HttpRequest, name: str) -> HttpResponseBase:
    """Sign in whom a kept answer names, in the browser that asked for it; or raise what refuses him."""
    provider, said = provider_of(request), saml_once.take(name)
    if said is None:
        raise refused(request, "answer")
    try:
        state = provider.unstash_redirect_state(request, said["request"])
    except PermissionDenied:
        raise refused(request, "in_response_to") from None
    request.single_sign_on_claims = said["claims"]  # type: ignore[attr-defined]
    login = provider.sociallogin_from_response(request, said["claims"])
    login.state = state
    try:
        response: HttpResponseBase = complete_social_login(request, login)
    except ImmediateHttpResponse as answer:
        response = answer.response
    return response


def own_metadata(request: HttpRequest) -> bytes:
    """Return what this server says of itself (SAML V2.0 Metadata, 2.4.4), for the identity provider's administrator."""
    text = OneLogin_Saml2_Settings(_own(request), sp_validation_only=True).get_sp_metadata()
    return text if isinstance(text, bytes) else text.encode()


def _claims(answer: Answer) -> dict[str, Any]:
    """Return what an answer says, as an ID token does."""
    of_names = ((name, [answer.attributes.get(each) for each in places]) for name, places in _NAMES.items())
    names = {name: next((values[0] for values in found if values), "") for name, found in of_names}
    names["username"] = (names["username"] or answer.subject).partition("@")[0]
    groups = answer.attributes.get(settings.SIGN_IN_SAML_GROUPS_ATTRIBUTE, [])
    return {"sub": answer.subject, "groups": groups, "auth_time": answer.proved, "names": names}


def _asked(request: HttpRequest) -> dict[str, Any]:
    """Return a request to where answers go, as python3-saml has it."""
    secure = "on" if request.is_secure() else "off"
    path = reverse("single_sign_on_answer")
    return {
        "https": secure,
        "http_host": request.get_host(),
        "script_name": "",
        "path_info": path,
        "get_data": {},
        "post_data": {},
    }


def _config(request: HttpRequest) -> dict[str, Any]:
    """Return both sides as python3-saml has them; raise `BadMetadata`."""
    theirs = identity_provider()
    idp = {
        "entityId": theirs.entity_id,
        "singleSignOnService": {"url": theirs.address, "binding": Names.BINDING_HTTP_REDIRECT},
        "x509certMulti": {"signing": list(theirs.certificates)},
    }
    return {**_own(request), "idp": idp}


def _own(request: HttpRequest) -> dict[str, Any]:
    where = request.build_absolute_uri(reverse("single_sign_on_answer"))
    named = settings.SIGN_IN_SAML_ENTITY_ID or request.build_absolute_uri(reverse("single_sign_on_metadata"))
    return {
        "strict": True,
        "sp": {
            "entityId": named, "assertionConsumerService": {"url": where, "binding": Names.BINDING_HTTP_POST},
        },
        "security": {
            "wantAssertionsSigned": False,  # of either, which covers it: `saml_answer` asks for one
            "wantAttributeStatement": False,
            "wantNameId": False,
            "requestedAuthnContext": False,
            "rejectDeprecatedAlgorithm": True,
            "allowRepeatAttributeName": True,
            "allowSingleLabelDomains": True,
            "metadataValidUntil": "",
            "metadataCacheDuration": "",
        },
    }  # fmt: skip
