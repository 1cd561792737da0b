"""The simulated provider: a server that answers with what the running scenarios say, and keeps what it was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from harness.errors import PortTaken
from harness.model import Exchange, Reply, Request, Scenario
from harness.upstream.answer import Timing, answer
from harness.upstream.autoplay import nobody_scripted
from harness.upstream.connection import Connection
from harness.upstream.play import Call, Play, Progress, Stage

Improvise = Callable[[Request], Reply]
_HOST = "127.0.0.1"


class SimulatedUpstream:
    """`async with SimulatedUpstream() as upstream:` listens on `upstream.url`.

    A call gets the next reply of the step that it belongs to (`play`); one that nobody scripted gets what `improvise`
    answers, or else an error that says so. With `improvise` alone the upstream is one that answers anything.
    What `first` answers is asked of no scenario. `patience` and `gap` are seconds: see `Timing`.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        patience: float = 5.0,
        gap: float = 0.15,
        improvise: Improvise | None = None,
        first: Callable[[Request], Reply | None] = lambda _: None,
    ) -> None:
        self._port, self._timing = port, Timing(patience, gap)
        self._improvise, self._first = improvise, first
        self._stage = Stage()
        self._connections: set[Connection] = set()
        self.opened = self.calls = 0  # connections so far, and calls on them
        self._unscripted: list[Call] = []

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self._port}"

    @property
    def unscripted(self) -> tuple[Exchange, ...]:
        """The calls that belong to no scenario: improvised ones, and those that came when nothing was played."""
        return tuple(call.exchange() for call in self._unscripted)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._connect, _HOST, self._port)
        except OSError as error:
            raise PortTaken(self._port) from error
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        await asyncio.gather(*(connection.stop() for connection in self._connections))
        await self._server.wait_closed()

    @contextmanager
    def play(self, scenario: Scenario) -> Iterator[Play]:
        """From here to the end of the block the scenario's replies are there to be asked for."""
        play = Play(scenario)
        self._stage.plays.append(play)
        try:
            yield play
        finally:
            self._stage.plays.remove(play)

    @contextmanager
    def improvising(self, improvise: Improvise) -> Iterator[None]:
        """Within the block a call that nobody scripted is answered by `improvise`."""
        before, self._improvise = self._improvise, improvise
        try:
            yield
        finally:
            self._improvise = before

    def _connect(self) -> Connection:
        self.opened += 1
        connection = Connection(self._answer)
        self._connections = {each for each in self._connections if not each.closed.is_set()} | {connection}
        return connection

    async def _answer(self, request: Request, connection: Connection) -> None:
        self.calls += 1
        call, client = self._call(request)
        await answer(call, connection, client, self._timing)

    def _call(self, request: Request) -> tuple[Call, Progress]:
        if reply := self._first(request):
            return self._record(Call(request, reply, "before any scenario")), Progress()
        play, step = self._stage.place_of(request) or (None, None)
        if play and step is not None and play.has_reply(step):
            return play.take(step, request), play.progress(step)
        if self._improvise is not None:
            return self._record(Call(request, self._improvise(request), "improvised")), Progress()
        refusal = nobody_scripted(request)
        if play:
            return play.refuse(step, request, refusal), Progress()
        return self._record(Call(request, refusal, "no scenario")), Progress()

    def _record(self, call: Call) -> Call:
        self._unscripted.append(call)
        return call
