"""When a stream's events came, against the pace of the upstream: whether they came one by one, or in bursts.

The simulated upstream pauses between two pieces at least, and longer until the client has seen something new. A gateway
that passes on what it has gives its client something after each piece; one that buffers, or holds an event back, lets
the upstream say several and then gives all of them at once. What counts is the order of the two sides' pieces: a slow
machine comes late with one and soon after it with the next, and that is no burst.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise

from harness.comparison.compare import pointer
from harness.model import Difference, Exchange, Json, Kind, LateStreams, Observation, Response, header

_LATE = 1.0  # seconds that no step's share of work explains, on a machine that is not stopped
_FEWEST = 6  # arrivals, from which on there is a pace to speak of
_BURSTS = "/stream/bursts"
_PING: Json = {"event": "ping", "data": {"type": "ping"}}
_EVENTS = re.compile(r"/client/\d+/response/stream/events/")
_SHARE = 0.45  # of the other's arrivals; a busy machine merges one or two, not every second


def paces(baseline: Observation, other: Observation) -> Iterator[Difference]:
    """The steps whose events came in far fewer bursts than the baseline's, or the other way round: both numbers."""
    ours, theirs = bursts(baseline), bursts(other)
    for step, count in ours.items():
        few, many = sorted((count, theirs.get(step, count)))
        if many >= _FEWEST and few < _SHARE * many:
            yield Difference(pointer(("client", step, "response", "stream", "bursts")), count, theirs[step])


def bursts(observation: Observation) -> dict[int, int]:
    """Step -> in how many bursts its chunks came, where its upstream said several pieces: chunks are of one burst if
    the upstream said nothing between them. Both faces of an observation are on one clock.
    """
    said = {exchange.step: _said(observation.upstream, exchange.step) for exchange in observation.client}
    return {
        exchange.step: len({bisect_right(said[exchange.step], moment) for moment in _moments(exchange)})
        for exchange in observation.client
        if len(said[exchange.step]) > 1
    }


def lags(baseline: Observation, other: Observation) -> Iterator[Difference]:
    """The steps in which the other held up what it had to pass on for much longer than the baseline: both in seconds.

    One observation proves nothing: a machine may stand still. See `run.compare_attempts`.
    """
    ours, theirs = held_up(baseline), held_up(other)
    for step, seconds in ours.items():
        if theirs.get(step, seconds) > seconds + _LATE:
            path = pointer(("client", step, "response", "late"))
            yield Difference(path, round(seconds, 1), round(theirs[step], 1))


def late_streams(baseline: Observation, again: Observation, candidate: Observation) -> LateStreams:
    """Count the streams that one of the three held up for much longer than both others: `lags`, but alike for all."""
    seconds = [held_up(each) for each in (baseline, again, candidate)]
    steps = [step for step in _streamed(baseline) if all(step in each for each in seconds)]
    late = [_late_one([each[step] for each in seconds]) for step in steps]
    return LateStreams(len(steps), sum(one in (0, 1) for one in late), late.count(2))


def _late_one(seconds: Sequence[float]) -> int | None:
    """Return the place of the one that is later than all others by a lag, if there is one."""
    *_, second, latest = sorted(seconds)
    return [*seconds].index(latest) if latest > second + _LATE else None


def _streamed(observation: Observation) -> Iterator[int]:
    for exchange in observation.client:
        outcome = exchange.outcome
        if isinstance(outcome, Response) and "event-stream" in (header(outcome.headers, "content-type") or ""):
            yield exchange.step


def is_lag(difference: Difference) -> bool:
    return difference.path.endswith("/response/late")


def roughness(found: Sequence[Difference]) -> tuple[Difference, ...]:
    """What a busy machine does as well: it merges pieces, and with them moves pings, of which there are as many.

    LiteLLM holds the head of a message back, and lets a ping pass that comes alone (router.py,
    _anthropic_stream_forwards_ping_live, 1.106.2): behind a pause of the machine it reads both at once.
    """
    return (*(each for each in found if each.path.endswith(_BURSTS)), *_moved_pings(found))


def _moved_pings(found: Sequence[Difference]) -> tuple[Difference, ...]:
    pings = [(each, match[0]) for each in found if _is_ping(each) and (match := _EVENTS.match(each.path))]
    lost = Counter(stream for each, stream in pings if each.kind is Kind.MISSING)
    invented = Counter(stream for each, stream in pings if each.kind is Kind.EXTRA)
    return tuple(each for each, stream in pings if lost[stream] == invented[stream])


def _is_ping(difference: Difference) -> bool:
    return _PING in (difference.baseline, difference.candidate) and difference.kind in (Kind.MISSING, Kind.EXTRA)


def held_up(observation: Observation) -> dict[int, float]:
    """Step -> the seconds in which it was the gateway's turn: until it called, and from the first thing that was said
    to it since, on either face, to the next piece that its client got. How long it pauses before it tries again is not
    counted."""
    return {
        exchange.step: _turns(exchange, [call for call in observation.upstream if call.step == exchange.step])
        for exchange in observation.client
        if isinstance(exchange.outcome, Response)
    }


def _turns(exchange: Exchange, calls: Sequence[Exchange]) -> float:
    """A moment is the gateway's (True), somebody else's (False), or begins another try of the gateway's (None)."""
    called = sorted(call.at for call in calls)
    others = [(exchange.at, False), *((moment, False) for call in calls for moment in _moments(call))]
    tries = [(at, True if number == 0 else None) for number, at in enumerate(called)]
    moments = [*others, *tries, *((at, True) for at in _moments(exchange))]
    ordered = sorted(moments, key=lambda one: (one[0], not one[1]))
    seconds, turn = 0.0, exchange.at
    for (before, whose), (moment, next_is) in pairwise(ordered):
        if whose is not False:
            turn = before if next_is else moment
        seconds += moment - turn if next_is else 0.0
    return seconds


def _said(upstream: Sequence[Exchange], step: int) -> list[float]:
    """When the pieces of that step's upstream calls went out; none where no call said several."""
    calls = [_moments(call) for call in upstream if call.step == step]
    return sorted(chain(*calls)) if any(len(moments) > 1 for moments in calls) else []


def _moments(exchange: Exchange) -> list[float]:
    """Seconds since the scenario began."""
    if not isinstance(exchange.outcome, Response):
        return []
    return [exchange.at + chunk.at for chunk in exchange.outcome.chunks]
