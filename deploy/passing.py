"""Connections that one process accepts and another serves: they go over a Unix socket (SCM_RIGHTS, unix(7))."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM, recv_fds, send_fds, socket

_LOOK = 0.005  # seconds
_WORD = b"\0"  # a descriptor needs a byte to travel with


def place_of(folder: Path, program: str) -> Path:
    """Where a program takes them."""
    return folder / f"{program}.connections"


@dataclass(slots=True, eq=False)
class Way:
    """To one program; it begins anew where the program did."""

    place: Path
    _connected: socket | None = None

    async def send(self, client: socket) -> None:
        """Raises OSError where nobody is there. The caller still has to close its own."""
        if self._connected is not None:
            try:
                await _sent(self._connected, client)
            except OSError:
                self.close()  # of a program that has ended; there may be a new one
            else:
                return
        self._connected = _to(self.place)
        await _sent(self._connected, client)

    def close(self) -> None:
        if self._connected is not None:
            self._connected.close()
            self._connected = None


def _to(place: Path) -> socket:
    way = socket(AF_UNIX, SOCK_STREAM)
    way.setblocking(False)
    try:
        way.connect(str(place))
    except OSError:
        way.close()
        raise
    return way


async def _sent(way: socket, client: socket) -> None:
    while True:
        try:
            send_fds(way, [_WORD], [client.fileno()])
        except BlockingIOError:
            await asyncio.sleep(_LOOK)  # it has as many as fit, and takes them one after the other
        else:
            return


def taking(place: Path) -> socket:
    """Listens there."""
    listener = socket(AF_UNIX, SOCK_STREAM)
    place.unlink(missing_ok=True)
    listener.bind(str(place))
    listener.listen()
    listener.setblocking(False)
    return listener


async def taken(listener: socket, serve: Callable[[socket], Awaitable[object]]) -> None:
    """Until it is cancelled: each connection that comes, from whatever launcher, is served."""
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as launchers:
        while True:
            launcher, _ = await loop.sock_accept(listener)
            launchers.create_task(_taken_from(launcher, serve))


async def _taken_from(launcher: socket, serve: Callable[[socket], Awaitable[object]]) -> None:
    launcher.setblocking(False)
    with launcher:
        while True:
            await readable(launcher)
            try:
                word, fds, _, _ = recv_fds(launcher, len(_WORD), 1)
            except BlockingIOError:
                continue
            except OSError:
                return
            if not word:
                return
            for fd in fds:
                with suppress(OSError):  # the client has gone
                    await serve(socket(fileno=fd))


def _set(there: asyncio.Future[None]) -> None:
    if not there.done():
        there.set_result(None)


async def readable(one: socket) -> None:
    """Once there is something to read, or its other end is closed."""
    loop = asyncio.get_running_loop()
    there = loop.create_future()
    loop.add_reader(one, _set, there)
    try:
        await there
    finally:
        loop.remove_reader(one)
