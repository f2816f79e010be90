"""Health for load balancers and containers, which know the process by its address and not by a name."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from packages_app.views import healthz, readyz
from repomgr.limits import HEALTH, READY

_PAGES = {HEALTH: healthz, READY: readyz}


def health_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Answer `/healthz` and `/readyz` before names are checked and plain HTTP is sent to HTTPS."""

    def answer(request: HttpRequest) -> HttpResponse:
        page = _PAGES.get(request.path)
        return page(request) if page is not None else get_response(request)

    return answer
