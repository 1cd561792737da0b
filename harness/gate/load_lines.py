"""What a target did under load -> the four lines of the gate that are about it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.gate.line import CONCURRENT, ERRORS, LATENCY, MEMORY, Figure, Judged, Line, below, share, spread
from harness.performance.ledger import Ledger, Times
from harness.performance.sampling import growth, highest_rss
from harness.performance.window import MB, Window, disturbed, figures, generator_limit

FILE = "gate-load.json"
_LEAST_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Targets:
    """`errors` in percent, `latency` in milliseconds, `memory` in megabytes; all three to be stayed below."""

    errors: float
    latency: float
    memory: float
    concurrent: int


@dataclass(frozen=True, slots=True)
class Step:
    """One more window, with `level` calls at once."""

    level: int
    window: Window


@dataclass(frozen=True, slots=True)
class UnderLoad:
    """`windows`: with as many calls at once as the target asks for. `direct`: the same load without the target, to the
    upstream alone. `ended`: why it did not come to its end, or empty."""

    windows: tuple[Window, ...] = ()
    direct: Window | None = None
    steps: tuple[Step, ...] = ()
    ended: str = ""


def load_lines(seen: UnderLoad, targets: Targets, evidence: str) -> list[Line]:
    if not seen.windows:
        return []
    three = [_errors(seen, targets), _latency(seen, targets), _memory(seen, targets)]
    lines = [*three, _concurrent(seen, targets, three)]
    return [_placed(line, seen, evidence) for line in lines]


def _placed(line: _Found, seen: UnderLoad, evidence: str) -> Line:
    """What ended too early is no judgement, whatever it has seen."""
    seconds = sum(window.seconds for window in seen.windows)
    early = seen.ended or (f"measured for {seconds:g} s, not 60 s" if seconds < _LEAST_SECONDS else "")
    verdict = Judged.INCONCLUSIVE if early else line.verdict
    return Line(
        line.metric,
        None if line.figure is None else line.figure.value,
        line.unit,
        verdict,
        line.measured_as,
        evidence,
        None if line.figure is None else line.figure.noise,
        "; ".join(each for each in (line.why, early) if each),
        line.beside,
    )


@dataclass(frozen=True, slots=True)
class _Found:
    metric: str
    figure: Figure | None
    unit: str
    verdict: Judged
    measured_as: str
    why: str
    beside: dict[str, Any]


# --- each line --------------------------------------------------------------------------------------------------------


def _errors(seen: UnderLoad, targets: Targets) -> _Found:
    row = _together(seen.windows).together()
    figure = share(row.failed, row.calls)
    verdict = below(figure, targets.errors)
    most = "; ".join(f"{count} x {what}" for what, count in row.failures.most_common(3))
    beside = {"calls": row.calls, "failed": row.failed, "failures": dict(row.failures.most_common(10))}
    told = f"recorded mix, {_in_words(seen)}; the upstream has no faults; a 200 with a broken stream is an error"
    return _Found(ERRORS, figure, "%", verdict, told, most, beside)


def _latency(seen: UnderLoad, targets: Targets) -> _Found:
    windows = calm(seen.windows)
    parts = {name: _p95(windows, name) for name in ("whole", "ttft")}
    worst = max((each for each in parts.values() if each is not None), key=lambda each: each.value, default=None)
    left_out = len(seen.windows) - len(windows)
    told = (
        "the higher of non-stream end to end and TTFT of streams (first event with content),"
        f" {_in_words(replace(seen, windows=windows))}, upstream: 300 ms first byte, 20 ms between events"
        + (f"; without {left_out} of {len(seen.windows)} windows, which others disturbed" if left_out else "")
    )
    beside = _added(seen, parts)
    if worst is None:
        return _Found(LATENCY, None, "ms", Judged.INCONCLUSIVE, told, "no call came to a good end", beside)
    verdict, why = _on_this_machine(below(worst, targets.latency), windows)
    return _Found(LATENCY, worst, "ms", verdict, told, why, beside)


def calm(windows: Sequence[Window]) -> tuple[Window, ...]:
    """Those that latency is judged by: where enough is left without them, not those that something disturbed. Which
    ones these are is said by the machine, not by the latency."""
    undisturbed = tuple(window for window in windows if disturbed(window) is None)
    return undisturbed if sum(window.seconds for window in undisturbed) >= _LEAST_SECONDS else tuple(windows)


def _on_this_machine(verdict: Judged, windows: Iterable[Window]) -> tuple[Judged, str]:
    """A load generator that is the limit measures itself. Other programs can only have made it worse: what holds in
    spite of them holds, what does not is not the target's fault for sure."""
    limits = [limit for window in windows if (limit := generator_limit(window))]
    if limits:
        return Judged.INCONCLUSIVE, limits[0]
    others = [why for window in windows if (why := disturbed(window))]
    if others and verdict is not Judged.PASSED:
        return Judged.INCONCLUSIVE, others[0]
    return verdict, others[0] if others else ""


def _added(seen: UnderLoad, parts: dict[str, Figure | None]) -> dict[str, Any]:
    """p95 of both kinds, of the upstream alone, and what the target adds to that."""
    told: dict[str, Any] = {}
    for name, figure in parts.items():
        alone = _p95([seen.direct], name) if seen.direct else None
        told[f"{name}_p95_ms"] = _rounded(figure.value if figure else None)
        told[f"{name}_noise_ms"] = _rounded(figure.noise if figure else None)
        told[f"{name}_p95_upstream_alone_ms"] = _rounded(alone.value if alone else None)
        told[f"{name}_p95_added_ms"] = _rounded(figure.value - alone.value if figure and alone else None)
    return told


def _memory(seen: UnderLoad, targets: Targets) -> _Found:
    highest = [highest_rss(window.samples) / MB for window in seen.windows]
    # Within the first one it is still filling up. Of two runs on one commit one had 303 MB, the other 295.
    figure = spread(max(highest), highest[1:], least=0.03)
    grown = growth([sample for window in seen.windows for sample in window.samples])
    beside = {"growth_mb_a_minute": _rounded(grown / MB if grown is not None else None)}
    told = f"highest RSS of the process tree (MB of 10^6 bytes), {_in_words(seen)}"
    return _Found(MEMORY, figure, "MB", below(figure, targets.memory), told, "", beside)


def _concurrent(seen: UnderLoad, targets: Targets, others: Sequence[_Found]) -> _Found:
    """The highest level up to which every one held; the asked one holds if its lines passed."""
    peak = max(window.peak for window in seen.windows)
    passed = all(line.verdict is Judged.PASSED for line in others) and peak >= targets.concurrent
    held = {step.level: not broken(step.window, targets) for step in seen.steps} | {targets.concurrent: passed}
    best = _highest(held)
    verdict = Judged.PASSED if passed else Judged.FAILED
    failed = [line.metric for line in others if line.verdict is Judged.FAILED]
    unsure = [line.metric for line in others if line.verdict is Judged.INCONCLUSIVE]
    why = f"at {targets.concurrent} at once: {', '.join(failed)} failed" if failed else ""
    if not failed and unsure:
        verdict, why = Judged.INCONCLUSIVE, f"at {targets.concurrent} at once: {', '.join(unsure)} inconclusive"
    elif not failed and peak < targets.concurrent:
        why = f"only {peak} were in flight at the upstream"
    beside = {"peak_in_flight_upstream": peak, "ramp": [_step(level, held, seen, targets) for level in sorted(held)]}
    told = "calls at once up to which error rate, latency and memory hold: a ramp, then halving; peak at the upstream"
    figure = Figure(float(best), _unsure(best, seen, targets, held))
    return _Found(CONCURRENT, figure, "at once", verdict, told, why, beside)


def _highest(held: dict[int, bool]) -> int:
    best = 0
    for level, holds in sorted(held.items()):
        if not holds:
            break
        best = level
    return best


def _unsure(best: int, seen: UnderLoad, targets: Targets, held: dict[int, bool]) -> float:
    """How far another run's best may be from this one: to the nearest level below that surely held, and to the nearest
    above that surely did not; nothing above it, if it was the highest tried."""
    noise = _noise(seen)
    sure = {step.level: _surely(step.window, targets, noise) for step in seen.steps}
    below = max(
        (level for level, holds in held.items() if holds and level <= best and sure.get(level, True)), default=0
    )
    above = min(
        (level for level, holds in held.items() if not holds and level > best and sure.get(level, True)), default=best
    )
    return float(max(best - below, above - best))


def _surely(window: Window, targets: Targets, noise: float) -> bool:
    """Whether it would be judged the same with latencies that are larger or smaller by that share."""
    slower, faster = (replace(targets, latency=targets.latency * share) for share in (1 - noise, 1 + noise))
    return bool(broken(window, slower)) == bool(broken(window, faster))


def _noise(seen: UnderLoad) -> float:
    """Of the latency, as a share of it."""
    figures = [_p95(calm(seen.windows), name) for name in ("whole", "ttft")]
    return max((figure.noise / figure.value for figure in figures if figure), default=0.0)


def _step(level: int, held: dict[int, bool], seen: UnderLoad, targets: Targets) -> dict[str, Any]:
    window = next((step.window for step in seen.steps if step.level == level), None)
    why = broken(window, targets) if window else ""
    return {"level": level, "holds": held[level], "why": why, **(_told(window) if window else {})}


def _told(window: Window) -> dict[str, Any]:
    return {
        "peak_in_flight_upstream": window.peak,
        "whole_p95_ms": _rounded(_value(_p95([window], "whole"))),
        "ttft_p95_ms": _rounded(_value(_p95([window], "ttft"))),
        "throughput": _rounded(figures(window)["throughput"]),
    }


def broken(window: Window, targets: Targets) -> str:
    """What does not hold in one window of the ramp; empty: all does."""
    row = window.ledger.together()
    found = [f"{row.failed} of {row.calls} calls failed"] if row.failed * 100 >= targets.errors * row.calls else []
    for name in ("whole", "ttft"):
        value = _value(_p95([window], name))
        if value is not None and value >= targets.latency:
            found.append(f"{name} p95 {value:.0f} ms")
    if (rss := highest_rss(window.samples) / MB) >= targets.memory:
        found.append(f"{rss:.0f} MB")
    if limit := generator_limit(window):
        found.append(limit)
    return "; ".join(found)


# --- figures ----------------------------------------------------------------------------------------------------------


def _together(windows: Iterable[Window]) -> Ledger:
    one = Ledger()
    for window in windows:
        one.merge(window.ledger)
    return one


def _p95(windows: Sequence[Window], name: str) -> Figure | None:
    """In milliseconds, of all windows together, with the spread of their own."""
    value = _times(_together(windows), name).percentile(0.95)
    own = [_times(window.ledger, name).percentile(0.95) for window in windows]
    return None if value is None else spread(value * 1000, [each * 1000 for each in own if each is not None])


def _times(ledger: Ledger, name: str) -> Times:
    row = ledger.together()
    return row.total if name == "whole" else row.ttft


def _in_words(seen: UnderLoad) -> str:
    seconds = sum(window.seconds for window in seen.windows)
    return f"{max(window.peak for window in seen.windows)} calls at once at the upstream for {seconds:g} s"


def _value(figure: Figure | None) -> float | None:
    return figure.value if figure else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
