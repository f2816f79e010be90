"""The two addresses of single sign-on by OpenID Connect: to the issuer, and back."""

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

from packages_app.admin.single_sign_on import begin_address
from packages_app.services.sign_in.oidc import Adapter, begin, provider_of
from packages_app.services.sign_in.single_sign_on import refused

_MALFORMED = (OAuth2Error, RequestException, KeyError, TypeError, ValueError, AttributeError)
"""What an issuer that is away, or whose answer has another shape than it should, ends in."""


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


def oidc_addresses() -> list[URLPattern]:
    """Return both addresses."""
    return [
        begin_address(begin, _MALFORMED),
        path("single-sign-on/callback/", callback_view, name="single_sign_on_callback"),
    ]
