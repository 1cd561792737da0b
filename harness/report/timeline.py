"""When what happened on both faces of one target, in milliseconds: what the page draws. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.event_stream import parse
from harness.model import Exchange, Failure, Observation

_LONGEST = 40  # characters of an event's name


@dataclass(frozen=True, slots=True)
class Lane:
    """One exchange; times from the scenario's first request. `ticks`: what came of the body, and when."""

    name: str
    start: float
    end: float
    how: str  # the status, or what came instead
    ticks: tuple[tuple[float, str], ...]
    left_out: int = 0


def lanes(observation: Observation, most: int) -> list[Lane]:
    """The client's exchanges, then the upstream's; `most`: ticks of one lane."""
    client = [_lane(f"client {each.step}", each, most) for each in observation.client]
    ordered = sorted(observation.upstream, key=lambda each: each.at)
    return [*client, *(_lane(f"upstream {number}", each, most) for number, each in enumerate(ordered))]


def _lane(name: str, exchange: Exchange, most: int) -> Lane:
    start, outcome = _ms(exchange.at), exchange.outcome
    if isinstance(outcome, Failure):
        return Lane(name, start, start, outcome.kind, ())
    ticks = [(_ms(exchange.at + chunk.at), _label(chunk.data)) for chunk in outcome.chunks]
    how = str(outcome.status) + (f", {outcome.failure.kind}" if outcome.failure else "")
    end = ticks[-1][0] if ticks else start
    return Lane(name, start, end, how, _thinned(ticks, most), max(0, len(ticks) - most))


def _thinned(ticks: Sequence[tuple[float, str]], most: int) -> tuple[tuple[float, str], ...]:
    """The first and the last ones: how it began and how it ended."""
    return tuple(ticks) if len(ticks) <= most else (*ticks[: most // 2], *ticks[-(most - most // 2) :])


def _label(chunk: bytes) -> str:
    """What the first event of it is called; else how much it is."""
    events, _ = parse(chunk)
    if not events:
        return f"{len(chunk)} bytes"
    first = events[0]
    name = first.event or _kind(first.data)
    return name[:_LONGEST] + (f" +{len(events) - 1}" if len(events) > 1 else "")


def _kind(data: str) -> str:
    """Never what it says: a part of a secret would not be known as one."""
    try:
        tree: Any = json.loads(data)
    except (ValueError, RecursionError):
        return "[DONE]" if data == "[DONE]" else "text"
    if not isinstance(tree, dict):
        return "text"
    return str(tree.get("type") or ("error" if "error" in tree else tree.get("object") or "event"))


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
