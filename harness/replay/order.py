"""In which order scenarios start: shuffled by the seed, and so arranged that little time passes in waiting.

The order is made before the first of them starts, on a clock that is only imagined: how long each of them takes this
time changes when the next one starts, but not which one that is.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from harness.model import Reply, Scenario, Wait
from harness.replay.room import Room, apart, cools

_RETRIED = frozenset({408, 409, 429, *range(500, 600)})  # a gateway waits before it sends such a call again
_LONG = 3.0  # seconds


@dataclass(frozen=True, slots=True)
class Order:
    """The scenarios as they start, and which of them must not meet."""

    scenarios: tuple[Scenario, ...]
    apart: Mapping[str, Collection[str]]


def planned(scenarios: Iterable[Scenario], seed: int, concurrency: int) -> Order:
    """The same for the same seed and the same scenarios, however they were found."""
    mixed = shuffled(scenarios, seed)
    distances = apart(mixed)
    seconds = {scenario.id: _seconds(scenario) for scenario in mixed}

    def turn(scenario: Scenario) -> int:
        """What keeps much else from being played goes first, what must be alone last."""
        others = distances[scenario.id]
        if len(others) == len(mixed):
            return 2
        return 0 if cools(scenario) or seconds[scenario.id] + sum(seconds[other] for other in others) > _LONG else 1

    order = _on_an_imagined_clock(sorted(mixed, key=turn), Room(distances), seconds, concurrency)
    return Order(tuple(order), distances)


def shuffled(scenarios: Iterable[Scenario], seed: int) -> list[Scenario]:
    order = sorted(scenarios, key=lambda scenario: scenario.id)
    Random(seed).shuffle(order)  # noqa: S311 - an order, not a secret
    return order


def _on_an_imagined_clock(
    waiting: list[Scenario], room: Room, seconds: Mapping[str, float], concurrency: int
) -> Iterable[Scenario]:
    """As they come free: always the first that there is room for."""
    now, playing = 0.0, list[tuple[float, int, Scenario]]()
    for number in range(len(waiting)):
        while (chosen := _first(waiting, room, now, concurrency - len(playing))) is None:
            now = _next_moment(playing, room, now)
            while playing and playing[0][0] <= now:
                room.leave(heapq.heappop(playing)[2], now)
        waiting.remove(chosen)
        room.enter(chosen)
        heapq.heappush(playing, (now + seconds[chosen.id], number, chosen))
        yield chosen


def _first(waiting: Sequence[Scenario], room: Room, now: float, free: int) -> Scenario | None:
    return next((each for each in waiting if room.admits(each, now)), None) if free > 0 else None


def _next_moment(playing: Sequence[tuple[float, int, Scenario]], room: Room, now: float) -> float:
    """When something changes: a scenario ends, or a model has rested."""
    rested = room.rested(now)
    return min([*(end for end, _, _ in playing[:1]), *([] if rested is None else [rested])])


def _seconds(scenario: Scenario) -> float:
    """About how long it takes: what goes over the wire, the pauses of a gateway that tries again, and the waits."""
    replies = [reply for step in scenario.steps for reply in step.replies]
    return 0.1 + sum(0.2 + _pauses(reply) for reply in replies)


def _pauses(reply: Reply) -> float:
    acts = (*reply.before, *(reply.acts or ()))
    waits = sum(act.seconds for act in acts if isinstance(act, Wait))
    return waits + 0.02 * len(acts) + (1.5 if reply.status in _RETRIED else 0.0)
