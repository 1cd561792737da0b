"""What Prometheus reads from /metrics: with several workers, of all of them.

Every label has few values: the routes, the configured models and `other`, statuses, four classes of errors, and the
ports that the proxy listens on, by which the launcher tells production's clients from others.
"""

from __future__ import annotations

import os
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sdk_proxy.request_record import Record
from sdk_proxy.workers import METRICS

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_OWN_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.52, 0.75, 1.0, 2.5, 5.0)
_UNAVAILABLE = 503
_BY = ("route", "model")


class Metrics:
    def __init__(self, models: frozenset[str]) -> None:
        self._models = models
        self._registry = registry = CollectorRegistry()
        counter, seconds = partial(Counter, registry=registry), partial(Histogram, registry=registry)
        self._requests = counter("gateway_requests", "Requests answered.", (*_BY, "status"))
        self._errors = counter("gateway_errors", "Answers from 400 on, by class.", (*_BY, "error"))
        self._retries = counter("gateway_retries", "Calls after a request's first one.", _BY)
        self._cancelled = counter("gateway_cancelled", "Clients left before the end.", _BY)
        self._challenges = counter("gateway_challenges", "Challenges of Cloudflare's.", _BY)
        self._ttft = seconds("gateway_ttft_seconds", "To a stream's first content.", _BY, buckets=_SECONDS)
        own = "The proxy's own: to the first call of the upstream."
        self._own = seconds("gateway_before_upstream_seconds", own, (*_BY, "port"), buckets=_OWN_SECONDS)
        self._duration = seconds("gateway_duration_seconds", "To the answer's end.", _BY, buckets=_SECONDS)
        self.in_flight = Gauge(
            "gateway_in_flight", "Requests being answered.", registry=registry, multiprocess_mode="livesum"
        )

    def tell(self, record: Record) -> None:
        labels = (record.route, record.model_among(self._models) or "")
        self._requests.labels(*labels, str(record.status)).inc()
        self._duration.labels(*labels).observe(record.duration)
        self._retries.labels(*labels).inc(max(0, record.upstream_calls - 1))
        self._challenges.labels(*labels).inc(record.challenges)
        if record.before_upstream is not None:
            self._own.labels(*labels, record.port).observe(record.before_upstream)
        if record.ttft is not None:
            self._ttft.labels(*labels).observe(record.ttft)
        if record.client_left:
            self._cancelled.labels(*labels).inc()
        elif error := error_class(record.status):
            unanswered = record.status == _UNAVAILABLE and record.challenges
            self._errors.labels(*labels, "cloudflare" if unanswered else error).inc()

    def response(self) -> Response:
        registry = self._registry
        if METRICS in os.environ:
            MultiProcessCollector(registry := CollectorRegistry())  # type: ignore[no-untyped-call]
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class MetricsRoute:
    """ASGI middleware: GET /metrics, before all that asks for a key, and how many requests are being answered."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_asked = scope["path"] == "/metrics" and scope["method"] in ("GET", "HEAD")
        with self._metrics.in_flight.track_inprogress():
            await (self._metrics.response() if is_asked else self._app)(scope, receive, send)


def error_class(status: int) -> str | None:
    """None: no error. A status of 0 is an answer that never began."""
    if status == 429:
        return "rate_limit"
    if 400 <= status < 500:
        return "request"
    return "server" if status >= 500 or status == 0 else None
