"""The two addresses of single sign-on: to the issuer, and back."""

from __future__ import annotations

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.internal import statekit
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from requests import RequestException

from packages_app.admin.sign_in import safe_next
from packages_app.services.sign_in.single_sign_on import Adapter, begin, provider_of, refused

_PENDING_SECONDS = 10 * 60
_MALFORMED = (OAuth2Error, RequestException, KeyError, TypeError, ValueError, AttributeError)
"""What an issuer that is away, or whose answer has another shape than it should, ends in."""


@require_safe
@never_cache
def begin_view(request: HttpRequest) -> HttpResponseBase:
    """Send a browser to the issuer."""
    if not request.user.is_authenticated:
        request.session.set_expiry(_PENDING_SECONDS)
    try:
        response: HttpResponseBase = begin(request, safe_next(request), again=bool(request.GET.get("again")))
    except _MALFORMED:
        return refused(request, "discovery").response
    return response


@require_safe
@never_cache
def callback_view(request: HttpRequest) -> HttpResponseBase:
    """Take a browser that the issuer sends back, and sign in whom it names."""
    provider = provider_of(request)
    states = statekit.get_states(request)
    state = states.get(request.GET.get("state", ""), ({},))[0]
    request.single_sign_on_state = {"nonce": "", **state}  # type: ignore[attr-defined]
    try:
        response: HttpResponseBase = OAuth2CallbackView.adapter_view(Adapter(request, provider.sub_id))(request)
    except ImmediateHttpResponse as answer:
        return answer.response
    except _MALFORMED:
        return refused(request, "answer").response
    return response


def single_sign_on_addresses() -> list[URLPattern]:
    """Return both addresses."""
    return [
        path("single-sign-on/", begin_view, name="single_sign_on"),
        path("single-sign-on/callback/", callback_view, name="single_sign_on_callback"),
    ]
