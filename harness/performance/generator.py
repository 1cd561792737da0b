"""Does the load generator itself hold so many streams? A window against a raw pass-through -> the answer. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from harness.performance.sampling import cpu_of
from harness.performance.window import Window, generator_limit

_ALL = 0.99  # of the streams have to be in flight at one time
_MEDIAN_OFF, _P99_OFF = 0.10, 0.50  # of the pace: what an ITL may be off it
_FULL = 0.9  # cores


class Held(StrEnum):
    YES = "held"
    NO = "not held: the load generator is the limit"
    UNKNOWN = "inconclusive"


@dataclass(frozen=True, slots=True)
class Claim:
    """`streams` at once, `between` seconds apart their events."""

    streams: int
    between: float


def generator_tree(claim: Claim, window: Window) -> dict[str, Any]:
    """Streams held, the pace at the client beside the upstream's, and who used how much of a processor."""
    row, took = window.ledger.together(), window.samples[-1].at - window.samples[0].at
    itl = {f"itl_{name}_ms": _ms(row.itl.percentile(share)) for name, share in (("p50", 0.5), ("p99", 0.99))}
    held, why = _judged(claim, window)
    return {
        "verdict": held.value,
        "why": why,
        "streams_asked": claim.streams,
        "streams_held": window.peak,
        "upstream_pace_ms": claim.between * 1000,
        **itl,
        "late_p95_ms": _ms(window.ledger.lag.percentile(0.95)),
        "generator_cores": round(window.generator, 2),
        "upstream_cores": round(window.upstream, 2),
        "pass_through_cores": round(cpu_of(window.samples) / took, 2) if took else None,
        "foreign_cores": round(window.foreign, 2),
        "streams": row.calls,
        "failures": dict(row.failures),
    }


def _judged(claim: Claim, window: Window) -> tuple[Held, str]:
    short = _shortcomings(claim, window)
    if not short:
        return Held.YES, ""
    told = "; ".join(short)
    if window.foreign > 0.25:
        return Held.UNKNOWN, f"{told}; other programs used {window.foreign:.2f} cores"
    if (limit := generator_limit(window)) is not None:
        return Held.NO, f"{told}; {limit}"
    took = window.samples[-1].at - window.samples[0].at
    if took and cpu_of(window.samples) / took > _FULL:
        return Held.UNKNOWN, f"{told}; the pass-through used its whole core: it is the limit"
    return Held.NO, told


def _shortcomings(claim: Claim, window: Window) -> list[str]:
    row = window.ledger.together()
    found = [f"{row.failed} of {row.calls} streams failed: {row.failures.most_common(1)[0][0]}"] if row.failed else []
    if window.peak < claim.streams * _ALL:
        found.append(f"{window.peak} streams were in flight, not {claim.streams}")
    for name, share, off in (("p50", 0.5, _MEDIAN_OFF), ("p99", 0.99, _P99_OFF)):
        itl = row.itl.percentile(share)
        if itl is None or abs(itl - claim.between) > off * claim.between:
            found.append(f"ITL {name} is {_ms(itl)} ms, not {claim.between * 1000:g} ms")
    return found


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
