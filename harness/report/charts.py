"""Measurements -> what is drawn of them: series of points. Pure; what was not measured has no chart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log10
from statistics import median
from typing import Any

Points = list[tuple[float, float]]
Tree = Mapping[str, Any]
Windows = Mapping[str, Sequence[Tree]]  # by role, in the order in which they were measured

_MB, _MIB = 1_000_000, 1024 * 1024
_SOAK_STEP = 0.5  # minutes between two figures of a soak
_ALONE = "the upstream alone"
_ROLES = ("baseline", "candidate")
_AGAINST_CONCURRENCY = (
    ("throughput", "Throughput against concurrency", "requests/s"),
    ("ttft_p95_ms", "TTFT against concurrency, p95", "ms"),
)
_CURVES = {
    "ttft": "Time to first token",
    "whole": "Whole answers, end to end",
    "itl": "Between two events of a stream",
}


@dataclass(frozen=True, slots=True)
class Series:
    name: str  # "baseline" and "candidate" have their own colours
    points: Points


@dataclass(frozen=True, slots=True)
class Chart:
    """`across`: what the x axis is: percentile (as -log10 of what is above), seconds, minutes, ..."""

    id: str
    title: str
    across: str
    unit: str
    series: tuple[Series, ...]


def charts(trees: Tree) -> list[Chart]:
    soak, gate = trees.get("soak") or {}, trees.get("gate") or {}
    load = trees.get("load") or {}
    windows = _of_load(load) or _of_gate(trees.get("gate_load") or {})
    drawn = [*_percentiles(windows), *_concurrency(load, gate), *_over_time(windows), *_soak(soak)]
    return [chart for chart in drawn if any(len(one.points) > 1 for one in chart.series)]


def _of_load(load: Tree) -> Windows:
    found = {role: [one for one in load.get("windows") or () if one["role"] == role] for role in _ROLES}
    return found if any(found.values()) else {}


def _of_gate(load: Tree) -> Windows:
    """The candidate, and the same load without it."""
    direct = load.get("direct")
    return {"candidate": load.get("windows") or [], _ALONE: [direct] if direct else []}


def as_columns(chart: Chart) -> dict[str, Any]:
    """One column of x, and one of y for each series, with null where a series has no point: how they are drawn."""
    xs = sorted({x for one in chart.series for x, _ in one.points})
    ys = [[dict(one.points).get(x) for x in xs] for one in chart.series]
    names = [one.name for one in chart.series]
    return {"id": chart.id, "across": chart.across, "unit": chart.unit, "names": names, "columns": [xs, *ys]}


def _percentiles(windows: Windows) -> Iterator[Chart]:
    for key, title in _CURVES.items():
        shares = {role: _medians(one["percentiles"][key] for one in found) for role, found in windows.items()}
        series = (Series(role, [(_nines(share), ms) for share, ms in found]) for role, found in shares.items() if found)
        yield Chart(f"percentiles-{key}", f"{title}, by percentile", "percentile", "ms", tuple(series))


def _medians(windows: Iterable[Iterable[Sequence[float]]]) -> Points:
    """Of each x the median of the windows' y."""
    gathered: dict[float, list[float]] = {}
    for points in windows:
        for x, y in points:
            gathered.setdefault(x, []).append(y)
    return [(x, round(median(ys), 2)) for x, ys in sorted(gathered.items()) if x != 1]


def _nines(share: float) -> float:
    """Each nine is as far from the one before as that is from its own: what is rare is what is to be seen."""
    return round(-log10(1 - share), 4)


def _over_time(windows: Windows) -> Iterator[Chart]:
    for name, title, unit, points in (
        ("rss", "Memory of all processes (RSS)", "MB", _rss),
        ("cpu", "Processor", "cores", _cores),
    ):
        shown = {role: found for role, found in windows.items() if found and role != _ALONE}
        series = [Series(role, [*_in_a_row(found, points)]) for role, found in shown.items()]
        yield Chart(name, title, "seconds", unit, tuple(series))


def _in_a_row(windows: Sequence[Tree], points: Any) -> Iterator[tuple[float, float]]:
    """The windows of one target one after the other, as if nothing had been measured between them."""
    began = 0.0
    for window in windows:
        samples = window["samples"]
        yield from ((round(began + at, 2), value) for at, value in points(samples))
        began += samples[-1]["at"] if samples else 0.0


def _rss(samples: Sequence[Tree]) -> Points:
    return [(one["at"], round(one["rss"] / _MB, 1)) for one in samples]


def _cores(samples: Sequence[Tree]) -> Points:
    apart = ((a, b, b["at"] - a["at"]) for a, b in pairwise(samples))
    return [(b["at"], round(max(0.0, b["cpu"] - a["cpu"]) / took, 3)) for a, b, took in apart if took > 0]


def _concurrency(load: Tree, gate: Tree) -> Iterator[Chart]:
    """Both targets, where the load was a ramp; else the candidate, as the gate's ramp has it."""
    windows = _of_load(load) if (load.get("measured_as") or {}).get("shape") == "ramp" else {}
    for key, title, unit in _AGAINST_CONCURRENCY:
        steps = {role: _medians(_by_users(one["steps"], key) for one in found) for role, found in windows.items()}
        found = steps or {"candidate": _by_level(gate, key)}
        series = tuple(Series(role, points) for role, points in found.items() if points)
        yield Chart(key, title, "at once", unit, series)


def _by_users(steps: Iterable[Tree], key: str) -> Points:
    return [(step["users"], step[key]) for step in steps if step[key] is not None]


def _by_level(gate: Tree, key: str) -> Points:
    besides = [line["beside"] for line in gate.get("lines") or ()]
    ramp = [step for beside in besides for step in beside.get("ramp") or ()]
    return [(step["level"], step[key]) for step in ramp if step.get(key) is not None]


def _soak(soak: Tree) -> Iterator[Chart]:
    points = [(n * _SOAK_STEP, rss * _MIB / _MB) for n, rss in enumerate(soak.get("rss_mib") or ())]
    yield Chart(
        "soak", "Memory of the candidate over minutes of streams", "minutes", "MB", (Series("candidate", points),)
    )
