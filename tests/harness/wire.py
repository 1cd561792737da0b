"""Real loopback sockets for the tests of both ends: a server that says given bytes, and a hop that buffers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from harness.model import Reply, Request, Scenario, Step

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[str]:
    """Each connection is handed to `talk` and closed after it; gives the URL."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


async def read_head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


def saying(*pieces: bytes) -> Talk:
    """Reads a request's head, and answers with these bytes, whatever it says."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return talk


def passing_on(to_url: str, buffered: bool = False) -> Talk:
    """A gateway of bytes: it passes on what comes as it comes, or nothing before the upstream has said it all."""
    port = int(to_url.rpartition(":")[2])

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
        up = asyncio.create_task(_copy(reader, up_writer))
        try:
            await (_copy_whole if buffered else _copy)(up_reader, writer)
        finally:
            up.cancel()
            up_writer.close()

    return talk


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


async def _copy_whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    kept = b""
    while not kept.endswith(b"\r\n0\r\n\r\n") and (data := await reader.read(65536)):
        kept += data
    writer.write(kept)


def post(body: bytes = b"{}", path: str = "/v1/messages") -> Request:
    return Request("POST", path, (("Content-Type", "application/json"),), body)


def one_step(*replies: Reply, request: Request | None = None, leave_after: int | None = None) -> Scenario:
    step = Step(request or post(), replies, leave_after=leave_after)
    return scenario(step)


def scenario(*steps: Step, name: str = "one") -> Scenario:
    return Scenario(f"client/{name}", "client", "A title", "scripted", (), steps)
