"""The addresses of single sign-on by SAML: to the identity provider, back in two steps, and what we say of ourselves.

The answer comes from a page of the identity provider, so that its request has neither our session's cookie nor a token
of a form: what it must have is the signature. The next request, to `finish`, has the cookie, and what was asked by it.
"""

from __future__ import annotations

from allauth.core.exceptions import ImmediateHttpResponse
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from requests import RequestException

from packages_app.admin.single_sign_on import begin_address
from packages_app.services.sign_in.saml import begin, finish, keep_answer, own_metadata
from packages_app.services.sign_in.saml_answer import BadAnswer
from packages_app.services.sign_in.saml_metadata import BadMetadata
from packages_app.services.sign_in.single_sign_on import refusal_told, refused

_AWAY = (BadMetadata, RequestException)


@csrf_exempt
@require_POST
@never_cache
def answer_view(request: HttpRequest) -> HttpResponseBase:
    """Take what an identity provider's page has posted. A page says what was wrong: a session is not touched."""
    try:
        name = keep_answer(request)
    except (BadAnswer, *_AWAY) as error:
        told = refusal_told(error.part if isinstance(error, BadAnswer) else "discovery")
        page = {**admin.site.each_context(request), "title": "Not signed in", "told": told}
        return render(request, "admin/sign_in/refused.html", page, status=403)
    return HttpResponseRedirect(f"{reverse('single_sign_on_finish')}?{urlencode({'answer': name})}")


@require_safe
@never_cache
def finish_view(request: HttpRequest) -> HttpResponseBase:
    """Sign in whom the answer names, where this browser has asked for it."""
    try:
        return finish(request, request.GET.get("answer", ""))
    except ImmediateHttpResponse as answer:
        response: HttpResponseBase = answer.response
        return response
    except _AWAY:
        return refused(request, "discovery").response


@require_safe
def metadata_view(request: HttpRequest) -> HttpResponse:
    """Show what this server says of itself, which is no secret."""
    return HttpResponse(own_metadata(request), content_type="application/samlmetadata+xml")


def saml_addresses() -> list[URLPattern]:
    """Return the four addresses."""
    return [
        begin_address(begin, _AWAY),
        path("single-sign-on/answer/", answer_view, name="single_sign_on_answer"),
        path("single-sign-on/finish/", finish_view, name="single_sign_on_finish"),
        path("single-sign-on/metadata/", metadata_view, name="single_sign_on_metadata"),
    ]
