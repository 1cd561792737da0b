"""One window of load on one target, and what it comes to in figures. Pure: what was measured goes in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from harness.performance.ledger import Ledger, Moment, Times
from harness.performance.ratio import Ratio, ratio
from harness.performance.sampling import Sample, cpu_of, highest_rss

MB = 1_000_000  # bytes
_FOREIGN = 0.25  # cores: more of others' work than this, and a window says nothing about latency
_LIMIT = 0.9  # cores of the load generator and the upstream, which share one: above it they are what is slow
_LATE = 0.02  # seconds that the load generator may be late, in 95 of 100 looks
_SHARES = (0.0, 0.01, 0.05, *(n / 20 for n in range(2, 19)), 0.95, 0.98, 0.99, 0.995, 0.999, 1.0)


@dataclass(frozen=True, slots=True)
class Window:
    """`seconds`: of wall time. `generator`, `foreign`, `upstream`: cores used by the load generator, by nobody of ours,
    and by the simulated upstream. `peak`: calls that were in flight at the upstream at one time."""

    target: str
    role: str
    seconds: float
    ledger: Ledger
    samples: tuple[Sample, ...]
    generator: float
    foreign: float
    peak: int
    upstream: float = 0.0


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of a window. One that is not `judged` is for the reader: more threads are no worse for anybody."""

    name: str
    unit: str
    lower_is_better: bool = True
    judged: bool = True


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric("cpu", "ms/request"),
            Metric("ttft p50", "ms"),
            Metric("ttft p95", "ms"),
            Metric("whole p50", "ms"),
            Metric("whole p95", "ms"),
            Metric("itl p95", "ms"),
            Metric("throughput", "requests/s", lower_is_better=False),
            Metric("goodput", "requests/s", lower_is_better=False),
            Metric("errors", "%"),
            Metric("rss", "MB"),
            Metric("files", "", judged=False),
            Metric("threads", "", judged=False),
        )
    }
)


def figures(window: Window) -> dict[str, float | None]:
    """By the names of `METRICS`. What ended after the window's time, when no more was sent, is no throughput."""
    row = window.ledger.together()
    within = [moment for second, moment in window.ledger.moments.items() if second < window.seconds]
    times = {
        "ttft p50": row.ttft.percentile(0.5),
        "ttft p95": row.ttft.percentile(0.95),
        "whole p50": row.total.percentile(0.5),
        "whole p95": row.total.percentile(0.95),
        "itl p95": row.itl.percentile(0.95),
    }
    return {
        "cpu": cpu_of(window.samples) * 1000 / row.calls if row.calls else None,
        **{name: None if seconds is None else seconds * 1000 for name, seconds in times.items()},
        "throughput": sum(each.calls - each.failed for each in within) / window.seconds,
        "goodput": sum(each.good for each in within) / window.seconds,
        "errors": 100 * row.failed / row.calls if row.calls else None,
        "rss": highest_rss(window.samples) / MB,
        "files": float(max(sample.files for sample in window.samples)),
        "threads": float(max(sample.threads for sample in window.samples)),
    }


def disturbed(window: Window) -> str | None:
    """Why its latencies say nothing about the target; None: they do."""
    if window.foreign > _FOREIGN:
        return f"other programs used {window.foreign:.2f} cores"
    if (limit := generator_limit(window)) is not None:
        return limit
    if window.ledger.together().calls == 0:
        return "no call came to an end"
    return None


def generator_limit(window: Window) -> str | None:
    """Why the load generator, not the target, was the limit; None: it was not."""
    used = window.generator + window.upstream
    if used > _LIMIT:
        return f"the load generator and the upstream used {used:.2f} cores: they are the limit, not the target"
    late = window.ledger.lag.percentile(0.95)
    if late is not None and late > _LATE:
        return f"the load generator was {late * 1000:.0f} ms late (p95): it is the limit, not the target"
    if window.ledger.lost:
        return f"{window.ledger.lost} workers of Locust were lost in the middle, with what they had measured"
    return None


def compared(baseline: Sequence[Window], candidate: Sequence[Window]) -> dict[str, Ratio | None]:
    """A ratio for each metric that both have in all windows, in `METRICS`' order; None where there is none."""
    return {name: _ratio(metric, _column(baseline, name), _column(candidate, name)) for name, metric in METRICS.items()}


def _ratio(metric: Metric, baseline: Sequence[float], candidate: Sequence[float]) -> Ratio | None:
    return ratio(baseline, candidate, lower_is_better=metric.lower_is_better)


def _column(windows: Sequence[Window], name: str) -> list[float]:
    column = [figures(window)[name] for window in windows]
    return [each for each in column if each is not None] if None not in column else []


def told(window: Window) -> dict[str, Any]:
    """As JSON; samples are relative to the first."""
    began = window.samples[0].at
    return {
        "target": window.target,
        "role": window.role,
        "seconds": window.seconds,
        "figures": figures(window),
        "disturbed": disturbed(window),
        "generator_cores": window.generator,
        "upstream_cores": window.upstream,
        "generator_late_p95_ms": _ms(window.ledger.lag.percentile(0.95)),
        "lost_workers": window.ledger.lost,
        "foreign_cores": window.foreign,
        "peak_in_flight": window.peak,
        "failures": dict(window.ledger.together().failures),
        "percentiles": {name: _curve(times) for name, times in _times(window).items()},
        "series": [_moment(second, moment) for second, moment in sorted(window.ledger.moments.items())],
        "steps": steps(window.ledger),
        "samples": [
            {"at": each.at - began, "rss": each.rss, "cpu": each.cpu, "files": each.files, "threads": each.threads}
            for each in window.samples
        ],
    }


def _times(window: Window) -> dict[str, Times]:
    row = window.ledger.together()
    return {"ttft": row.ttft, "whole": row.total, "itl": row.itl}


def _curve(times: Times) -> list[list[float]]:
    """[share, milliseconds], from the fastest to the slowest; empty without any."""
    points = [(share, times.percentile(share)) for share in _SHARES]
    return [[share, seconds * 1000] for share, seconds in points if seconds is not None]


def _moment(second: int, moment: Moment) -> dict[str, Any]:
    return {
        "at": second,
        "users": moment.users,
        "in_flight": moment.in_flight,
        "calls": moment.calls,
        "failed": moment.failed,
        "ttft_p50_ms": _ms(moment.ttft.percentile(0.5)),
        "ttft_p95_ms": _ms(moment.ttft.percentile(0.95)),
        "whole_p50_ms": _ms(moment.whole.percentile(0.5)),
        "whole_p95_ms": _ms(moment.whole.percentile(0.95)),
    }


def steps(ledger: Ledger) -> list[dict[str, Any]]:
    """Throughput and latency by the number of users, from the fewest to the most: what the seconds come to that had
    so many."""
    found: dict[int, list[Moment]] = {}
    for moment in ledger.moments.values():
        if moment.users:
            found.setdefault(moment.users, []).append(moment)
    return [_step(users, moments) for users, moments in sorted(found.items())]


def _step(users: int, moments: Sequence[Moment]) -> dict[str, Any]:
    one = Moment()
    for moment in moments:
        one.merge(moment)
    return {
        "users": users,
        "seconds": len(moments),
        "in_flight": one.in_flight / len(moments),
        "throughput": (one.calls - one.failed) / len(moments),
        "errors": 100 * one.failed / one.calls if one.calls else None,
        "ttft_p50_ms": _ms(one.ttft.percentile(0.5)),
        "ttft_p95_ms": _ms(one.ttft.percentile(0.95)),
        "whole_p50_ms": _ms(one.whole.percentile(0.5)),
        "whole_p95_ms": _ms(one.whole.percentile(0.95)),
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
