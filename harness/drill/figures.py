"""What a drill has measured, beside what was promised."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Any

from harness.drill.clients import Answered

Window = tuple[bool, float, float]  # with the shadow or without, and the seconds between which it was so


@dataclass(frozen=True, slots=True)
class Line:
    """`value` is None where it was not measured: `measured_as` says why. `met` is None then, too."""

    what: str
    target: str
    value: float | None
    unit: str
    met: bool | None
    measured_as: str


def at_most(what: str, limit: float, value: float | None, unit: str, measured_as: str) -> Line:
    return Line(what, f"<= {limit:g} {unit}", value, unit, None if value is None else value <= limit, measured_as)


def quantile(values: Sequence[float], share: float) -> float | None:
    """The nearest rank; None of nothing."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else None


def pauses(answers: Iterable[Answered], first: Callable[[bool], float], between: float) -> list[float]:
    """By how many seconds each answer that did not fail kept its client waiting longer at one time than its upstream
    did, which is `first` to the first byte (of a stream, or not), and `between` two events."""
    return [
        max(each.first - first(each.streams), each.gap - between if each.streams else 0.0, 0.0)
        for each in answers
        if each.wrong is None
    ]


def within(answers: Iterable[Answered], since: float, until: float) -> list[Answered]:
    """Those that were open at some time between the two."""
    return [each for each in answers if each.ended >= since and each.began <= until]


def failed(answers: Iterable[Answered], killed: float | None = None) -> list[str]:
    """What went wrong; with `killed`, not with the requests that were open when a process was killed."""
    return [each.wrong for each in answers if each.wrong and (killed is None or each.began > killed)]


def growth(
    windows: Sequence[Window], answers: Sequence[Answered], first: Callable[[bool], float], limit: float
) -> Line:
    """What a shadow adds to the p95 that clients wait for the first byte beyond their upstream's own (`first`), in ms:
    of pairs of windows, one with it and one without, the median. Where the p95 moves by more than `limit` without a
    shadow, from one window to the next, nothing can be told. None of nothing."""
    p95s = [
        (on, _p95([each for each in answers if since <= each.began < until], first)) for on, since, until in windows
    ]
    pairs = [dict(pair) for pair in zip(p95s[::2], p95s[1::2], strict=True)]
    added = [both[True] - both[False] for both in pairs]
    calm = [p95 for on, p95 in p95s if not on]
    noise = median(abs(one - other) for one, other in pairwise(calm)) if len(calm) > 1 else math.inf
    told = ", ".join(f"{both[False]:.1f} -> {both[True]:.1f}" for both in pairs)
    about = f"median of {len(pairs)} pairs of windows: {told}; {noise:.1f} ms between two without it"
    line = at_most("what a shadow adds to the p95 that clients wait", limit, median(added), "ms", about)
    return replace(line, met=None) if noise > limit or math.isnan(median(added)) else line


def _p95(answers: Iterable[Answered], first: Callable[[bool], float]) -> float:
    """Milliseconds; NaN of nothing."""
    found = quantile([each.first - first(each.streams) for each in answers if each.wrong is None], 0.95)
    return math.nan if found is None else found * 1000


def tree(lines: Sequence[Line]) -> dict[str, Any]:
    """Verdict: "passed", "failed", or "inconclusive" where a line was not measured."""
    verdict = "failed" if any(line.met is False for line in lines) else "passed"
    if verdict == "passed" and any(line.met is None for line in lines):
        verdict = "inconclusive"
    return {"verdict": verdict, "lines": [asdict(line) for line in lines]}
