"""All scenarios on one target: in a shuffled order, several at once where they cannot meet, none on a resting model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable
from random import Random
from time import monotonic

from harness.model import Observation, Scenario
from harness.replay.run import Site, replay

# After these LiteLLM 1.106.2 takes a model's only deployment out of service for 5 s, and says 429 meanwhile
# (router_utils/cooldown_handlers.py, _is_cooldown_required and _should_cooldown_deployment; 402 is exempt there).
COOLING = frozenset({401, 404})
REST = 5.5  # seconds


async def replay_all(
    scenarios: Iterable[Scenario], site: Site, seed: int, concurrency: int = 1
) -> AsyncGenerator[Observation, None]:
    """The observations in the order that they are done. Close it (`aclosing`) to stop what is still being played."""
    schedule = Schedule(shuffled(scenarios, seed))
    playing: dict[asyncio.Task[Observation], Scenario] = {}
    try:
        while schedule.waiting or playing:
            while len(playing) < concurrency and (scenario := schedule.take(monotonic())):
                playing[asyncio.create_task(replay(scenario, site))] = scenario
            for task in await _next_done(playing, schedule.pause(monotonic())):
                schedule.done(playing.pop(task), monotonic())
                yield task.result()
    finally:
        for task in playing:
            task.cancel()
        await asyncio.gather(*playing, return_exceptions=True)


async def _next_done(
    playing: Iterable[asyncio.Task[Observation]], pause: float | None
) -> set[asyncio.Task[Observation]]:
    """Those that are done; none, if a model is rested before the first of them is."""
    tasks = set(playing)
    if not tasks:
        await asyncio.sleep(pause or 0)
        return set()
    done, _ = await asyncio.wait(tasks, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
    return done


class Schedule:
    """Which scenario may be played next; `now` is any clock in seconds."""

    def __init__(self, scenarios: Iterable[Scenario]) -> None:
        # Those that make a model rest go first: the others fill the time.
        self.waiting = sorted(scenarios, key=lambda scenario: not cools(scenario))
        self._busy: set[str] = set()
        self._resting: dict[str, float] = {}

    def take(self, now: float) -> Scenario | None:
        """The first whose models are neither in use nor resting; None if there is none at the moment."""
        blocked = self._busy | {model for model, until in self._resting.items() if until > now}
        chosen = next((each for each in self.waiting if not models_of(each) & blocked), None)
        if chosen is not None:
            self.waiting.remove(chosen)
            self._busy |= models_of(chosen)
        return chosen

    def done(self, scenario: Scenario, now: float) -> None:
        self._busy -= models_of(scenario)
        if cools(scenario):
            self._resting |= dict.fromkeys(models_of(scenario), now + REST)

    def pause(self, now: float) -> float | None:
        """Seconds until the next model has rested; None if nobody waits for one."""
        untils = [until for until in self._resting.values() if until > now]
        return min(untils) - now if untils and self.waiting else None


def shuffled(scenarios: Iterable[Scenario], seed: int) -> list[Scenario]:
    """The same order for the same seed and the same scenarios, however they were found."""
    order = sorted(scenarios, key=lambda scenario: scenario.id)
    Random(seed).shuffle(order)  # noqa: S311 - an order, not a secret
    return order


def cools(scenario: Scenario) -> bool:
    return any(reply.status in COOLING for step in scenario.steps for reply in step.replies)


def models_of(scenario: Scenario) -> frozenset[str]:
    """The models that the requests name."""
    return frozenset(model for step in scenario.steps if (model := _model(step.request.body)))


def _model(body: bytes) -> str | None:
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        return None
    model = tree.get("model") if isinstance(tree, dict) else None
    return model if isinstance(model, str) else None
