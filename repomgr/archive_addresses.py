"""The admin of each archive at an address of its own: `/archives/NAME/admin/`; that of `default` is `/admin/`.

What a page links to is of its archive as well, whatever another window shows: no request acts on what a session says.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import get_script_prefix, set_script_prefix

from packages_app.core.archive import DEFAULT, entered_slug
from packages_app.services.archives import entered, slugs
from repomgr.archives import ARCHIVES
from repomgr.limits import HEALTH, READY, REPOSITORY, is_for_machines

_PREFIX = re.compile(rf"/{ARCHIVES}/([a-z][a-z0-9-]{{0,31}})(?:/|\Z)")
_LONGEST = 300
_TEXT = "text/plain; charset=utf-8"


def key_in_archive(key: str, prefix: str, version: int) -> str:
    """Return the key of a value in a cache, of the archive that was entered: the theme keeps what a search found."""
    return f"{entered_slug()}:{prefix}:{version}:{key}"


def archive_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Enter the archive that a request's address names; all that answers it, and each link of the page, is of it."""

    def answer(request: HttpRequest) -> HttpResponse:
        found = _PREFIX.match(request.path_info)
        if found is not None:
            return _of_archive(request, found[1], request.path_info[len(found[0].rstrip("/")) :])
        if DEFAULT in slugs() or len(slugs()) == 1:
            with entered(""):
                return get_response(request)
        if request.path_info in (HEALTH, READY) or request.path_info.startswith((REPOSITORY, "/static/")):
            return get_response(request)
        if is_for_machines(request.path_info):
            named = f"Name the archive: /{ARCHIVES}/NAME{request.path_info}\n"[:_LONGEST]
            return HttpResponse(named, status=404, content_type=_TEXT)
        return HttpResponseRedirect(f"/{ARCHIVES}/{slugs()[0]}/admin/")

    def _of_archive(request: HttpRequest, slug: str, rest: str) -> HttpResponse:
        if slug not in slugs():
            return HttpResponse("There is no such archive.\n", status=404, content_type=_TEXT)
        for_people = rest.startswith("/admin/") and slug != DEFAULT
        if not for_people and not is_for_machines(rest):  # which lose what they send where they are led on
            return HttpResponseRedirect("/admin/" if slug == DEFAULT else f"/{ARCHIVES}/{slug}/admin/")
        before = get_script_prefix()
        request.path_info = rest
        set_script_prefix(f"/{ARCHIVES}/{slug}/")
        try:
            with entered(slug):
                return get_response(request)
        finally:
            set_script_prefix(before)

    return answer
