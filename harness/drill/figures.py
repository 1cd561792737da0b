"""What a drill has measured, beside what was promised."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.drill.clients import Answered


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


def tree(lines: Sequence[Line]) -> dict[str, Any]:
    """Verdict: "passed", "failed", or "inconclusive" where a line was not measured."""
    verdict = "failed" if any(line.met is False for line in lines) else "passed"
    if verdict == "passed" and any(line.met is None for line in lines):
        verdict = "inconclusive"
    return {"verdict": verdict, "lines": [asdict(line) for line in lines]}
