"""One line of the gate: what was to be, what is, and whether that is enough. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import sqrt
from typing import Any

ERRORS, CLOUDFLARE, LATENCY, COOKIES = "error rate", "Cloudflare 503s", "latency p95", "cookie persistence"
MEMORY, CONCURRENT, CLIENTS = "memory", "concurrent requests", "client compatibility"
PARITY, UNTOUCHED = "feature parity", "baseline untouched"
METRICS = (ERRORS, CLOUDFLARE, LATENCY, COOKIES, MEMORY, CONCURRENT, CLIENTS, PARITY, UNTOUCHED)  # as they are shown


class Judged(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


class GateVerdict(StrEnum):
    READY = "READY"
    NOT_READY = "NOT READY"
    INCONCLUSIVE = "INCONCLUSIVE"


EXIT_CODES = {GateVerdict.READY: 0, GateVerdict.NOT_READY: 1, GateVerdict.INCONCLUSIVE: 2}


@dataclass(frozen=True, slots=True)
class Figure:
    """`noise`: how far another measurement of the same may be from `value`."""

    value: float
    noise: float


@dataclass(frozen=True, slots=True)
class Line:
    """`value` is None where nothing was measured; `noise` where the value is a count. `evidence`: where to look, a path
    below the reports' folder or a command. `why`: what speaks against a pass. `beside`: figures for the reader.
    `target`: what was asked for, in words."""

    metric: str
    value: float | str | None
    unit: str
    verdict: Judged
    measured_as: str
    evidence: str
    noise: float | None = None
    why: str = ""
    beside: Mapping[str, Any] = field(default_factory=dict)
    target: str = ""


def verdict_of(lines: Sequence[Line]) -> GateVerdict:
    """One line that failed is enough for no; a line that is not there, or inconclusive, is never a yes."""
    found = {line.verdict for line in lines}
    if Judged.FAILED in found:
        return GateVerdict.NOT_READY
    whole = {line.metric for line in lines} >= {*METRICS}
    return GateVerdict.READY if whole and found == {Judged.PASSED} else GateVerdict.INCONCLUSIVE


def below(figure: Figure, limit: float) -> Judged:
    """Whether it is below the limit also where the noise is against us, or above it even if the noise is for us."""
    if figure.value + figure.noise < limit:
        return Judged.PASSED
    return Judged.FAILED if figure.value - figure.noise >= limit else Judged.INCONCLUSIVE


def spread(value: float, parts: Iterable[float], least: float = 0.01) -> Figure:
    """The value of the whole with the spread of its parts, which were measured one after the other, as its noise; at
    least the share `least` of it."""
    figures = [*parts]
    return Figure(value, max(max(figures) - min(figures) if figures else 0.0, abs(value) * least))


def share(some: int, of: int) -> Figure:
    """In percent; the noise is the distance to the upper end of Wilson's 95 % interval."""
    if not of:
        return Figure(0.0, 100.0)
    z, p = 1.96, some / of
    middle, width = p + z * z / (2 * of), z * sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    return Figure(100 * p, max(0.0, 100 * ((middle + width) / (1 + z * z / of) - p)))
