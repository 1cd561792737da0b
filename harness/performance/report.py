"""A load run -> JSON, Markdown, and the lines of the terminal.

load.json has `measured_as`, `disturbed[]` (why a window says nothing about latency), `ended` (null, or why the run did
not come to its end), `metrics[]` (as `_metric` has them) and `windows[]`, in the order in which each side was measured:

    target, role, seconds      role: "baseline", "baseline again", "candidate"
    figures                    metric -> number or null; the metrics and their units are in `metrics`
    disturbed                  null, or why: other programs, the load generator, ...
    generator_cores, upstream_cores, foreign_cores, generator_late_p95_ms, lost_workers, peak_in_flight
    failures                   what was said -> how often
    percentiles                {"ttft", "whole", "itl"}: [[share from 0 to 1, milliseconds], ...], ascending
    series[]                   a second each: at, users, in_flight, calls, failed, {ttft,whole}_{p50,p95}_ms (or null)
    steps[]                    by users, ascending: users, seconds, in_flight, throughput (1/s), errors (%), the same
    samples[]                  of the target's processes: at (s), rss (bytes), cpu (s, growing), files, threads
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from harness.performance.ratio import Judged, Ratio
from harness.performance.window import METRICS, Metric, Window, compared, disturbed, figures, told

HEADER = ("metric", "unit", "baseline", "candidate", "ratio", "interval", "noise", "verdict")


def load_tree(baseline: Sequence[Window], candidate: Sequence[Window], how: dict[str, Any]) -> dict[str, Any]:
    """`how`: with what it was measured. A metric's ratio is null with a reason where there is none."""
    windows = [*baseline, *candidate]
    ratios = compared(baseline, candidate)
    return {
        "measured_as": how,
        "disturbed": [f"{window.role}: {why}" for window in windows if (why := disturbed(window))],
        "metrics": [_metric(name, baseline, candidate, ratios[name]) for name in METRICS],
        "windows": [told(window) for window in windows],
    }


def _metric(name: str, baseline: Sequence[Window], candidate: Sequence[Window], found: Ratio | None) -> dict[str, Any]:
    metric = METRICS[name]
    return {
        "metric": name,
        "unit": metric.unit,
        "baseline": _median(baseline, name),
        "candidate": _median(candidate, name),
        "ratio": found.value if found else None,
        "low": found.low if found else None,
        "high": found.high if found else None,
        "noise": found.noise if found else None,
        "verdict": _verdict(metric, found),
        "reason": None if found else "a window has no such figure, or the baseline's is zero",
    }


def _verdict(metric: Metric, found: Ratio | None) -> str | None:
    """None: nobody judges it."""
    if not metric.judged:
        return None
    return (found.verdict if found else Judged.INCONCLUSIVE).value


def _median(windows: Sequence[Window], name: str) -> float | None:
    column = [figure for window in windows if (figure := figures(window)[name]) is not None]
    return median(column) if column else None


def rows(tree: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """As texts, in the order of `HEADER`."""
    for one in tree["metrics"]:
        interval = "-" if one["ratio"] is None else f"{one['low']:.2f} to {one['high']:.2f}"
        noise = "-" if one["noise"] is None else f"{one['noise']:.0%}"
        ratio = "-" if one["ratio"] is None else f"{one['ratio']:.2f}"
        yield (
            one["metric"],
            one["unit"],
            _figure(one["baseline"]),
            _figure(one["candidate"]),
            ratio,
            interval,
            noise,
            one["verdict"] or "-",
        )


def load_markdown(tree: dict[str, Any]) -> str:
    how = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in tree["measured_as"].items())
    lines = [
        "# Load",
        "",
        f"Measured with {how}. Ratio: candidate / baseline, of medians, with the 95 % interval of the bootstrap;",
        "noise: the furthest that the baseline was from itself in the same run.",
        "",
        *(f"* **not quiet** {why}" for why in tree["disturbed"]),
        "",
        "| " + " | ".join(HEADER) + " |",
        "|" + "---|" * len(HEADER),
        *("| " + " | ".join(row) + " |" for row in rows(tree)),
        "",
    ]
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
