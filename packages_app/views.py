"""Pages without a login: health, and the repository as clients see it."""

from __future__ import annotations

from csp.constants import NONE, UNSAFE_INLINE
from csp.decorators import csp
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotFound, HttpResponseRedirect, JsonResponse

from packages_app.core.archive import DEFAULT, entered_slug
from packages_app.core.layout import public_address
from packages_app.repository_view import serve_object
from packages_app.services import adapters
from packages_app.services.archives import entered, present_archive, slugs
from packages_app.services.setup.readiness import ready

# The instructions page is text with one style element; nothing else of a repository is for a browser.
_REPOSITORY_POLICY = {
    "default-src": [NONE],
    "style-src": [UNSAFE_INLINE],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [NONE],
}


def healthz(_request: HttpRequest) -> JsonResponse:
    """Return 200 when this process serves and its database answers, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"status": "the database does not answer"}, status=503)
    return JsonResponse({"status": "ok"})


def readyz(_request: HttpRequest) -> JsonResponse:
    """Return 200 when database, broker, package table and bucket answer within seconds, else 503; each by its name."""
    answers = {name: "ok" if well else "does not answer" for name, well in ready().items()}
    well = set(answers.values()) == {"ok"}
    return JsonResponse({"status": "ok" if well else "not ready", **answers}, status=200 if well else 503)


@csp(_REPOSITORY_POLICY)
def repository_object(request: HttpRequest, key: str = "") -> HttpResponseBase:
    """Serve an object of a local bucket, and apt's addresses of snapshots; a bucket of S3 is served by S3.

    Below the name of an archive is what that has, and elsewhere what `default`, or the only one, has.
    """
    slug, _, own_key = key.partition("/")
    if slug in slugs() and slug != DEFAULT:
        with entered(slug):
            return _object(request, own_key)
    if len(slugs()) > 1 and not entered_slug():
        return HttpResponseNotFound("Not found.\n", content_type="text/plain; charset=utf-8")
    return _object(request, key)


def _object(request: HttpRequest, key: str) -> HttpResponseBase:
    if not present_archive().embedded:
        return HttpResponseRedirect(public_address(present_archive().public_url, key))
    return serve_object(request, adapters.bucket(), key)
