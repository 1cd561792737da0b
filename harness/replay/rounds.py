"""The targets play in step: once all are through, it is decided what all of them play again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from harness.model import Observation, Scenario
from harness.replay.run import Site
from harness.replay.schedule import replay_all

MOST = 3  # replays of a scenario


class Rounds:
    """Shared by all targets of a run. `undecided` says, after each round, what is to be played again."""

    def __init__(self, targets: int, undecided: Callable[[], Sequence[Scenario]]) -> None:
        self._all_through = asyncio.Barrier(targets)
        self._undecided = undecided
        self._todo: Sequence[Scenario] = ()

    async def again(self, site: Site, seed: int) -> AsyncGenerator[Observation, None]:
        """What one target shows in its replays, each scenario alone."""
        for attempt in range(1, MOST + 1):
            if not (todo := await self._next()):
                return
            async with aclosing(replay_all(todo, site, seed + attempt)) as observations:
                async for observation in observations:
                    yield replace(observation, attempt=attempt)

    async def _next(self) -> Sequence[Scenario]:
        """The last one that comes decides for all."""
        if await self._all_through.wait() == 0:
            self._todo = self._undecided()
        await self._all_through.wait()
        return self._todo
