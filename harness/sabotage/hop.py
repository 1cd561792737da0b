"""A reverse proxy that does one thing wrong: it stands before a gateway, or between it and its provider.

Everything that its mutation leaves alone passes as it came: header names in their own case and order, chunks as they
were cut, an end that is no end, a client that hangs up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from functools import reduce
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httptools

from harness.errors import PortTaken
from harness.model import Headers, Request, Response, header
from harness.replay.client import below
from harness.sabotage.far import Far
from harness.sabotage.mutation import NOTHING, Closed, Mutation
from harness.upstream.answer import chunk, head
from harness.upstream.connection import Connection

_LATE = 0.2  # seconds between a piece's arrival and its departure that no busy machine explains


class Hop:
    """`async with Hop(url) as hop:` listens on `hop.url`; `mutation` can be changed at any time.

    `bitten` says whether anything was not passed on as it came since it was last set to False. `secrets` are those that
    a mutation can leak: name -> value, for headers that hold the name as {name}. `apart`: each piece waits until the
    one before it has been read, for a gateway may pass on as one what it reads as one.
    """

    def __init__(self, to_url: str, secrets: Mapping[str, str], port: int = 0, *, apart: bool = False) -> None:
        self._to = urlsplit(to_url)
        self.apart = apart
        self._secrets = secrets
        self.mutation = NOTHING
        self.bitten = False
        self._connections: set[Connection] = set()
        self._strays: set[asyncio.Task[None]] = set()
        self._port = port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._connect, "127.0.0.1", self._port)
        except OSError as error:
            raise PortTaken(self._port) from error
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for stray in self._strays:
            stray.cancel()
        await asyncio.gather(*(connection.stop() for connection in self._connections))
        await asyncio.gather(*self._strays, return_exceptions=True)

    def _connect(self) -> Connection:
        connection = Connection(self._pass_on)
        self._connections = {each for each in self._connections if not each.closed.is_set()} | {connection}
        return connection

    async def _pass_on(self, request: Request, connection: Connection) -> None:
        mutation = self.mutation
        asked = _sized(mutation.request(request), request)
        asked = replace(asked, headers=self.filled(asked.headers))
        self.bitten |= asked != request or mutation.calls != 1 or mutation.pause > 0
        await asyncio.sleep(mutation.pause)
        for _ in range(mutation.calls - 1):
            async for _ in Far(self._to.hostname, self._to.port).ask(below(asked, self._to.path)):
                pass
        far = Far(self._to.hostname, self._to.port)
        try:
            await self._answer(request, far, asked, mutation, connection)
        except asyncio.CancelledError:
            if mutation.deaf and not far.complete:
                self.bitten = True
                self._stray(far, mutation.deaf)
                far = Far(None, None)
            raise
        finally:
            far.close()

    async def _answer(
        self, request: Request, far: Far, asked: Request, mutation: Mutation, connection: Connection
    ) -> None:
        try:
            parts = far.ask(below(asked, self._to.path))
            first = await anext(parts)
            if not isinstance(first, Response):
                connection.cut("fin")
                return
            framed = await _Passing(self, mutation, connection, request.method).response(first, parts)
            self.bitten |= mutation.hangs_up
            if mutation.hangs_up or not framed:
                connection.cut("fin")
        except Closed:
            self.bitten = True
            connection.cut("fin")
        except (OSError, EOFError, httptools.HttpParserError, StopAsyncIteration) as error:
            connection.cut("fin" if isinstance(error, EOFError) else "rst")

    def filled(self, headers: Headers) -> Headers:
        return tuple((name, reduce(self._fill, self._secrets, value)) for name, value in headers)

    def _fill(self, value: str, name: str) -> str:
        return value.replace(f"{{{name}}}", self._secrets[name])

    def _stray(self, far: Far, seconds: float) -> None:
        """Goes on reading for nobody."""
        stray = asyncio.create_task(far.drain(seconds))
        self._strays.add(stray)
        stray.add_done_callback(self._strays.discard)


class _Passing:
    """One response on its way back."""

    def __init__(self, hop: Hop, mutation: Mutation, connection: Connection, method: str) -> None:
        self._hop, self._mutation, self._connection = hop, mutation, connection
        self._bodiless = method == "HEAD"
        self._came: list[bytes] = []
        self._went: list[bytes] = []
        self._arrived = 0.0
        self._late = False
        self._framed = True

    async def response(self, came: Response, parts: AsyncIterator[Response | bytes]) -> bool:
        """Whether the other side was told where it ends, so that the connection can be used again."""
        chunked = header(came.headers, "transfer-encoding") is not None
        try:
            if chunked:
                await self._stream(came, parts)
            else:
                await self._whole(came, parts)
        finally:
            self._hop.bitten |= self._came != self._went or self._late
        return self._framed

    async def _stream(self, came: Response, parts: AsyncIterator[Response | bytes]) -> None:
        await self._connection.write(self._head(came, came))
        async for piece in self._mutation.body(self._noted(parts)):
            await self._send(chunk(piece), piece)
        await self._connection.write(b"0\r\n\r\n")

    async def _whole(self, came: Response, parts: AsyncIterator[Response | bytes]) -> None:
        """Read to its end first, so that its length can be told; a HEAD's length stays what it was."""
        source = _one([piece async for piece in self._noted(parts)])
        body = [piece async for piece in self._mutation.body(source)]
        whole = b"".join(body)
        length = came.headers if self._bodiless else _with_length(came.headers, len(whole))
        await self._send(self._head(came, replace(came, headers=length)) + whole, whole)

    def _head(self, came: Response, sized: Response) -> bytes:
        told = self._mutation.head(sized)
        self._hop.bitten |= told != came
        names = {name.lower() for name, _ in told.headers}
        self._framed = self._bodiless or bool(names & {"content-length", "transfer-encoding"})
        written = head(told.status, self._hop.filled(told.headers))
        changed = self._mutation.head_line(written)
        self._hop.bitten |= changed != written
        return changed

    async def _noted(self, parts: AsyncIterator[Response | bytes]) -> AsyncIterator[bytes]:
        async for part in parts:
            assert isinstance(part, bytes)  # noqa: S101 - after the head there are only pieces
            self._came.append(part)
            self._late |= len(self._went) < len(self._came) - 1
            self._arrived = asyncio.get_running_loop().time()
            yield part
            if self._hop.apart:
                await self._connection.read_by_peer()

    async def _send(self, data: bytes, piece: bytes) -> None:
        if piece:
            self._went.append(piece)
            self._late |= asyncio.get_running_loop().time() - self._arrived > _LATE
        await self._connection.write(data)


async def _one(body: list[bytes]) -> AsyncIterator[bytes]:
    """All of it at once, also where it is nothing."""
    yield b"".join(body)


def _sized(request: Request, before: Request) -> Request:
    if request.body == before.body or header(request.headers, "content-length") is None:
        return request
    return replace(request, headers=_with_length(request.headers, len(request.body)))


def _with_length(headers: Headers, length: int) -> Headers:
    return tuple((name, str(length) if name.lower() == "content-length" else value) for name, value in headers)
