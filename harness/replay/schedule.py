"""All scenarios on one target: in an order that the seed gives, several at once where they cannot meet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from time import monotonic

from harness.model import Observation, Scenario
from harness.replay.order import Order, planned
from harness.replay.room import Room
from harness.replay.run import Played, Site, play


async def replay_all(
    scenarios: Iterable[Scenario], site: Site, seed: int, concurrency: int = 1
) -> AsyncGenerator[Observation, None]:
    """The observations in the order that they are done; the scenarios start in the order that is `planned`.

    Where a call could not be told from another scenario's, what was seen does not count: it is played again, alone.
    Close it (`aclosing`) to stop what is still being played.
    """
    unsure: list[Scenario] = []
    async with aclosing(_side_by_side(planned(scenarios, seed, concurrency), site, concurrency)) as crowd:
        async for scenario, played in crowd:
            if played.sure:
                yield played.observation
            else:
                unsure.append(scenario)
    async with aclosing(_side_by_side(planned(unsure, seed, 1), site, 1)) as alone:
        async for _, played in alone:
            yield played.observation


async def _side_by_side(order: Order, site: Site, concurrency: int) -> AsyncGenerator[tuple[Scenario, Played], None]:
    stage = _Stage(site, Room(order.apart, site.rested))
    try:
        for scenario in order.scenarios:
            while not stage.admits(scenario, concurrency):
                async for done in stage.changed():
                    yield done
            stage.start(scenario)
        while stage.playing:
            async for done in stage.changed():
                yield done
    finally:
        await stage.clear()


class _Stage:
    """What is being played on one target."""

    def __init__(self, site: Site, room: Room) -> None:
        self.playing: dict[asyncio.Task[Played], Scenario] = {}
        self._site, self._room = site, room

    def admits(self, scenario: Scenario, concurrency: int) -> bool:
        return len(self.playing) < concurrency and self._room.admits(scenario, monotonic())

    def start(self, scenario: Scenario) -> None:
        self._room.enter(scenario)
        self.playing[asyncio.create_task(play(scenario, self._site))] = scenario

    async def changed(self) -> AsyncIterator[tuple[Scenario, Played]]:
        """Waits until something is done, or a model has rested; gives what is done."""
        now = monotonic()
        rested = self._room.rested(now)
        pause = None if rested is None else rested - now
        if not self.playing:
            await asyncio.sleep(pause or 0)
            return
        done, _ = await asyncio.wait(self.playing, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            scenario = self.playing.pop(task)
            self._room.leave(scenario, monotonic())
            yield scenario, task.result()

    async def clear(self) -> None:
        for task in self.playing:
            task.cancel()
        await asyncio.gather(*self.playing, return_exceptions=True)
