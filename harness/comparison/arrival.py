"""When a stream's events came, against the pace of the upstream: whether they came one by one, or in bursts.

The simulated upstream pauses between two pieces at least, and longer until the client has seen something new. A gateway
that passes on what it has gives its client something after each piece; one that buffers, or holds an event back, lets
the upstream say several and then gives all of them at once. Nothing depends on how long anything took.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from harness.comparison.compare import pointer
from harness.model import Difference, Exchange, Observation, Response

_FEWEST = 6  # arrivals, from which on there is a pace to speak of
_SHARE = 0.45  # of the other's arrivals; a busy machine merges one or two, not every second


def paces(baseline: Observation, other: Observation) -> Iterator[Difference]:
    """The steps whose events came in far fewer bursts than the baseline's, or the other way round: both numbers."""
    ours, theirs = bursts(baseline), bursts(other)
    for step, count in ours.items():
        few, many = sorted((count, theirs.get(step, count)))
        if many >= _FEWEST and few < _SHARE * many:
            yield Difference(pointer(("client", step, "response", "stream", "bursts")), count, theirs[step])


def bursts(observation: Observation) -> dict[int, int]:
    """Step -> in how many bursts its chunks came, where its upstream paced them."""
    return {
        exchange.step: _bursts(_moments(exchange), pause)
        for exchange in observation.client
        if (pause := _pause(observation.upstream, exchange.step)) is not None
    }


def _pause(upstream: Sequence[Exchange], step: int) -> float | None:
    """The shortest between two pieces of that step's upstream calls; None where none said several."""
    pieces = [_moments(call) for call in upstream if call.step == step]
    return min((later - sooner for moments in pieces for sooner, later in pairwise(moments)), default=None)


def _bursts(moments: Sequence[float], pause: float) -> int:
    """Chunks that follow each other in less than half a pause are one."""
    return bool(moments) + sum(later - sooner >= pause / 2 for sooner, later in pairwise(moments))


def _moments(exchange: Exchange) -> list[float]:
    return [chunk.at for chunk in exchange.outcome.chunks] if isinstance(exchange.outcome, Response) else []
