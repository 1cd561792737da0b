"""One window of load on one target, and what it comes to in figures. Pure: what was measured goes in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from harness.performance.ledger import Ledger
from harness.performance.ratio import Ratio, ratio
from harness.performance.sampling import Sample, cpu_of, highest_rss

MB = 1_000_000  # bytes
_FOREIGN = 0.25  # cores: more of others' work than this, and a window says nothing about latency
_LIMIT = 0.9  # cores of the load generator: above it is the generator that is slow


@dataclass(frozen=True, slots=True)
class Window:
    """`seconds`: of wall time. `generator`, `foreign`: cores used by the load generator, and by nobody of ours.
    `peak`: calls that were in flight at the upstream at one time."""

    target: str
    role: str
    seconds: float
    ledger: Ledger
    samples: tuple[Sample, ...]
    generator: float
    foreign: float
    peak: int


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
    """By the names of `METRICS`."""
    row = window.ledger.together()
    done = row.calls - row.failed
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
        "throughput": done / window.seconds,
        "goodput": row.good / window.seconds,
        "errors": 100 * row.failed / row.calls if row.calls else None,
        "rss": highest_rss(window.samples) / MB,
        "files": float(max(sample.files for sample in window.samples)),
        "threads": float(max(sample.threads for sample in window.samples)),
    }


def disturbed(window: Window) -> str | None:
    """Why its latencies say nothing about the target; None: they do."""
    if window.foreign > _FOREIGN:
        return f"other programs used {window.foreign:.2f} cores"
    if window.generator > _LIMIT:
        return f"the load generator used {window.generator:.2f} cores: it is the limit, not the target"
    if window.ledger.together().calls == 0:
        return "no call came to an end"
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
        "foreign_cores": window.foreign,
        "peak_in_flight": window.peak,
        "failures": dict(window.ledger.together().failures),
        "samples": [
            {"at": each.at - began, "rss": each.rss, "cpu": each.cpu, "files": each.files, "threads": each.threads}
            for each in window.samples
        ],
    }
