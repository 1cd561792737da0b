"""Late streams of a whole run -> whether the candidate is late now and then, or the machine is.

A gateway that is late on every tenth stream is seldom late on the same stream twice, so that replays of one scenario
clear it. Over all streams it shows: without a fault any of the three targets is as likely as another to be the late one
(each observes the same streams on the same machine), and the candidate is one of three.
"""

from __future__ import annotations

from math import comb

from harness.model import Excess, LateStreams
from harness.verdict.senses import LATE_STREAMS

ENOUGH = 120  # streams in replays, after which nothing more is expected of further ones
_SUSPICIOUS = 0.05  # how likely so many of the late streams are the candidate's by chance: then streams are replayed
_SURE = 0.005  # and then it counts: 5 of 5, 8 of 10


def is_suspicious(first: LateStreams) -> bool:
    """Whether the first look asks for replays. It proves nothing: one moment in which a target stands still makes all
    streams late that it is passing on."""
    return _by_chance(first) < _SUSPICIOUS


def excess_of(again: LateStreams) -> Excess | None:
    """Return what replays, in which no two streams meet, have shown of the candidate."""
    if _by_chance(again) >= _SURE:
        return None
    told = (
        f"{again.candidate} of {again.streams} streams came late on the candidate alone; "
        f"{again.baseline} of {2 * again.streams} on one of the baseline's two instances"
    )
    return Excess(LATE_STREAMS, told)


def _by_chance(late: LateStreams) -> float:
    """Return the probability that at least as many of the late streams are the candidate's (binomial, p = 1/3)."""
    total = late.baseline + late.candidate
    ways = sum(comb(total, k) << (total - k) for k in range(late.candidate, total + 1))
    return ways / int(3**total)
