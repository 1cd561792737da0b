"""Whether the SDK proxy is to be taken out: from one sample a second, over a window; a blink is no reason."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

MB = 10**6  # as in the gate's table
_LINE = re.compile(r"^(\w+?)(?:_total)?(?:\{(.*)\})? ([0-9.eE+-]+|\+Inf|NaN)$")
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What users were promised. `windows`: seconds that a rate is of, a long one for where few ask; `held`: samples in
    a row for which a threshold has to be crossed; `fewest` answers and `failures` in a window, below which a rate says
    nothing."""

    error_rate: float = 0.02
    p95: float = 0.520
    memory: int = 350 * MB
    windows: tuple[float, ...] = (15.0, 300.0)
    held: int = 5
    fewest: int = 20
    failures: int = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """At `at` (seconds of a monotonic clock). Counts since the process began; `own`: cumulated counts by upper bound
    (seconds) of the proxy's own time before it calls the upstream; `memory` in bytes; `pid`: whose all that is. Answers
    and times are those of the production port's clients; readiness and memory are the process's."""

    at: float
    pid: int
    ready: bool
    answers: int
    errors: int
    cloudflare: int
    memory: int
    own: Mapping[float, int]


@dataclass(slots=True)
class Watch:
    """Remembers a window of samples. A process that was started again begins anew."""

    thresholds: Thresholds
    _samples: deque[Sample] = field(default_factory=deque)
    _held: dict[str, int] = field(default_factory=dict)

    def reason(self, sample: Sample) -> str | None:
        """Why the SDK proxy is to be taken out now; None where it is not."""
        if self._samples and self._samples[-1].pid != sample.pid:
            self._samples.clear()
        self._samples.append(sample)
        while len(self._samples) > 1 and self._samples[1].at <= sample.at - max(self.thresholds.windows):
            self._samples.popleft()
        first = self._samples[0]
        if sample.cloudflare > first.cloudflare:
            return f"{sample.cloudflare - first.cloudflare} of Cloudflare's 503 reached clients"
        crossed = _state(sample, self.thresholds)
        for window in self.thresholds.windows:
            crossed |= _rates(self._since(sample.at - window), sample, self.thresholds)
        self._held = {what: self._held.get(what, 0) + 1 for what in crossed}
        return next((said for what, said in crossed.items() if self._held[what] >= self.thresholds.held), None)

    def _since(self, at: float) -> Sample:
        return next(each for each in self._samples if each.at >= at)


def _state(last: Sample, limits: Thresholds) -> dict[str, str]:
    found = {}
    if last.memory > limits.memory:
        found["memory"] = f"{last.memory / MB:.0f} MB of memory (limit {limits.memory / MB:.0f})"
    if not last.ready:
        found["ready"] = "it does not say that it is ready"
    return found


def _rates(first: Sample, last: Sample, limits: Thresholds) -> dict[str, str]:
    found = {}
    answers, errors = last.answers - first.answers, last.errors - first.errors
    if answers >= limits.fewest and errors >= limits.failures and errors / answers >= limits.error_rate:
        found["errors"] = (
            f"{errors} of {answers} answers failed ({errors / answers:.1%}, limit {limits.error_rate:.0%})"
        )
    calls = {bound: count - first.own.get(bound, 0) for bound, count in last.own.items()}
    slow = quantile(calls, 0.95)
    if max(calls.values(), default=0) >= limits.fewest and slow is not None and slow > limits.p95:
        found["p95"] = f"p95 of the time before the upstream is called over {limits.p95 * 1000:.0f} ms"
    return found


def quantile(cumulated: Mapping[float, int], share: float) -> float | None:
    """As Prometheus's histogram_quantile: linear within a bucket; the last finite bound above that. None of nothing."""
    total = max(cumulated.values(), default=0)
    below, lower = 0, 0.0
    for bound in sorted(cumulated):
        count = cumulated[bound]
        if total and count >= share * total:
            if math.isinf(bound):
                return math.nextafter(lower, math.inf)
            return lower + (bound - lower) * (share * total - below) / max(1, count - below)
        below, lower = count, bound
    return None


def own_time(exposition: str, port: int) -> dict[float, int]:
    """Return the cumulated counts by upper bound from the text of /metrics: of the clients of `port` only, over all
    routes and models."""
    found: dict[float, int] = {}
    for labels, value in _series(exposition, "gateway_before_upstream_seconds_bucket"):
        if labels.get("port") != str(port):
            continue
        bound = float(labels["le"])
        found[bound] = found.get(bound, 0) + int(value)
    return found


def _series(exposition: str, name: str) -> Iterable[tuple[dict[str, str], float]]:
    for line in exposition.splitlines():
        if line.startswith(name) and (found := _LINE.match(line)) and found[1] == name:
            yield dict(_LABEL.findall(found[2] or "")), float(found[3])
