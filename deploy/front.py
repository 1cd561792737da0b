"""Accepts on the production port while there are routes, and passes each connection on to the proxy that it belongs to.

No byte of it goes through the launcher: the request's head is looked at, not taken (MSG_PEEK), and the connection
itself is handed to the proxy, which answers as ever, but for `connection: close`: on one connection several users may
come, one after the other, from a proxy of their own, and each request is to find its way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from socket import MSG_PEEK, socket

from deploy.passing import Way, readable
from deploy.programs import Primary

_BACKLOG = 4096
_LONGEST_HEAD = 1 << 17  # bytes; what it did not say by then, it says too late
_WHOLE_HEAD = 30.0  # seconds from its first byte
_LOOK = 0.005  # seconds
_REST = 0.1  # seconds, when the machine has no file descriptor left

Choose = Callable[[bytes], Primary]
Serves = Callable[[Primary], bool]


@dataclass(slots=True, eq=False)
class Front:
    """`ways`: to each proxy; `serves`: whether it is there to take a connection."""

    ways: Mapping[Primary, Way]
    choose: Choose
    serves: Serves
    _port: socket | None = None
    _passing: set[asyncio.Task[None]] = field(default_factory=set)

    def open(self, port: socket) -> None:
        """Nothing, where it is open."""
        if self._port is None:
            self._port = port.dup()
            self._port.setblocking(False)
            self._port.listen(_BACKLOG)
            self._listen()

    def close(self) -> None:
        """Accepts no more; what it has accepted, it passes on."""
        if self._port is not None:
            asyncio.get_running_loop().remove_reader(self._port)
            self._port.close()
            self._port = None

    async def end(self) -> None:
        self.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)
        for way in self.ways.values():
            way.close()

    def _listen(self) -> None:
        if self._port is not None:
            asyncio.get_running_loop().add_reader(self._port, self._accept, self._port)

    def _accept(self, port: socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            client, _ = port.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:
            loop.remove_reader(port)
            loop.call_later(_REST, self._listen)
            return
        task = loop.create_task(self._pass(client))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _pass(self, client: socket) -> None:
        with client:
            try:
                head = await _head(client)
            except OSError:
                return  # it has gone
            if head:
                await self._give(client, self.choose(head))

    async def _give(self, client: socket, to: Primary) -> None:
        """The binary proxy answers for an SDK proxy that is not there. Never the other way: nobody decided that."""
        while True:
            for each in (to, "binary") if to == "sdk" else (to,):
                if not self.serves(each):
                    continue
                with suppress(OSError):  # it ended a moment ago
                    await self.ways[each].send(client)
                    return
            await asyncio.sleep(_LOOK)


async def _head(client: socket) -> bytes:
    """As much of it as came; empty where the client left without a word. Raises OSError."""
    client.setblocking(False)
    await readable(client)
    with suppress(TimeoutError):
        async with asyncio.timeout(_WHOLE_HEAD):
            while not _is_whole(client.recv(_LONGEST_HEAD, MSG_PEEK)):  # noqa: ASYNC110 - what is there is readable
                await asyncio.sleep(_LOOK)
    return client.recv(_LONGEST_HEAD, MSG_PEEK)


def _is_whole(head: bytes) -> bool:
    return not head or b"\r\n\r\n" in head or len(head) == _LONGEST_HEAD
