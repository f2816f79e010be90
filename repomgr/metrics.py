"""`/metrics` for Prometheus, for who shows METRICS_TOKEN, and how long this process takes to answer requests.

Only the web process imports this, and so Prometheus' library.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Iterator

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from packages_app.services.metrics.figure import FIGURES
from packages_app.services.metrics.measure import Measurement, read_samples
from repomgr.door import shown
from repomgr.limits import HEALTH, METRICS, READY

_TEXT = "text/plain; charset=utf-8"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER = "other"
_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)

log = structlog.get_logger(__name__)


class _Figures(Collector):
    """Gives Prometheus' library what the services measure."""

    def __init__(self, measurement: Measurement) -> None:
        self._measurement = measurement

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give every figure, also one without a sample."""
        families = {
            name: GaugeMetricFamily(name, figure.meaning, labels=figure.labels) for name, figure in FIGURES.items()
        }
        for sample in self._measurement.samples():
            families[sample.name].add_metric(sample.labels, sample.value)
        yield from families.values()

    def describe(self) -> list[GaugeMetricFamily]:
        """Say nothing: else what is to be registered is read at once, before there is a database."""
        return []


_registry = CollectorRegistry()
_registry.register(_Figures(Measurement(read_samples)))
ProcessCollector(registry=_registry)
_answered = Histogram(
    "repomgr_http_request_duration_seconds",
    "Seconds from a whole request to the beginning of its answer, in this process.",
    ("method", "view", "status"),
    buckets=_SECONDS,
    registry=_registry,
)


def metrics_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Answer `/metrics` before names are checked, as health is; note how long the answers to all else take."""

    def answer(request: HttpRequest) -> HttpResponse:
        if request.path == METRICS:
            return _scraped(request)
        began = time.perf_counter()
        response = get_response(request)
        method = request.method if request.method in _METHODS else _OTHER
        labels = (method, _view_of(request), f"{response.status_code // 100}xx")
        _answered.labels(*labels).observe(time.perf_counter() - began)
        return response

    return answer


def _view_of(request: HttpRequest) -> str:
    """Return the name of what answered, one of a bounded number: never the path, which a client chooses."""
    if request.path in (HEALTH, READY):
        return request.path.strip("/")
    return request.resolver_match.view_name if request.resolver_match is not None else _OTHER


def _scraped(request: HttpRequest) -> HttpResponse:
    if not settings.METRICS_TOKEN:
        return HttpResponse("Not found.\n", status=404, content_type=_TEXT)
    if not _shows_token(request):
        log.warning("request_refused", code=401, request=shown(request))
        refused = HttpResponse("METRICS_TOKEN is required.\n", status=401, content_type=_TEXT)
        refused.headers["WWW-Authenticate"] = 'Bearer realm="metrics"'
        return refused
    if request.method != "GET":
        return HttpResponseNotAllowed(["GET"])
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(_registry), content_type=content_type, headers={"Cache-Control": "no-store"})


def _shows_token(request: HttpRequest) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    wanted: str = settings.METRICS_TOKEN
    shown_token = given.strip().encode("utf-8", "surrogateescape")
    return scheme.lower() == "bearer" and hmac.compare_digest(shown_token, wanted.encode())
