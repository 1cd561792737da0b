"""Both sides of a proxy over real sockets: a LiteLLM that does what a test says, and the proxy served by uvicorn."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.types import ASGIApp

from tests.waiting import PATIENCE

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@dataclass
class Call:
    """What LiteLLM was sent: `body` is as on the wire (chunked ones with their chunks' lengths), and grows."""

    line: str
    headers: list[tuple[str, str]]
    body: bytearray = field(default_factory=bytearray)
    ended: bool = False  # the body is whole
    left: asyncio.Event = field(default_factory=asyncio.Event)  # the proxy has closed the connection

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]


Answer = Callable[[Call, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class LiteLLM:
    url: str
    calls: list[Call] = field(default_factory=list)

    async def call(self, number: int = 0) -> Call:
        async with asyncio.timeout(PATIENCE):
            while len(self.calls) <= number:
                await asyncio.sleep(0.001)
        return self.calls[number]


def say(data: bytes = OK) -> Answer:
    async def answer(_: Call, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return answer


def cut(data: bytes = b"") -> Answer:
    """Says that, and closes the connection."""

    async def answer(call: Call, writer: asyncio.StreamWriter) -> None:
        await say(data)(call, writer)
        writer.close()

    return answer


async def never(_: Call, __: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


@asynccontextmanager
async def litellm(answer: Answer) -> AsyncIterator[LiteLLM]:
    """Answers one request per connection, and closes it without a word when a second comes, as LiteLLM may.

    (It closes a connection by itself after an error of its own, which a proxy may not have noticed yet.)
    """
    calls: list[Call] = []
    running: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await _serve(reader, writer, answer, calls)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the proxy has left: `left` says so
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield LiteLLM(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", calls)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer, calls: list[Call]) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
    call = Call(head[0], [(name, value) for name, _, value in (line.partition(": ") for line in head[1:-1])])
    calls.append(call)
    try:
        await _read_body(reader, call)
        answering = asyncio.ensure_future(answer(call, writer))
        leaving = asyncio.ensure_future(reader.read(1))
        await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not leaving.done():
            answering.result()
            await leaving
        if not leaving.result():
            call.left.set()
        answering.cancel()
    except (ConnectionError, asyncio.IncompleteReadError):
        call.left.set()
        raise


async def _read_body(reader: asyncio.StreamReader, call: Call) -> None:
    chunked, length = call.values("transfer-encoding"), int((call.values("content-length") or ["0"])[0])
    while not (call.body.endswith(b"0\r\n\r\n") if chunked else len(call.body) >= length):
        data = await reader.read(65536)
        if not data:
            raise asyncio.IncompleteReadError(bytes(call.body), length)
        call.body += data
    call.ended = True


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[int]:
    """The port that the application listens on. At the end no request may still be worked on.

    uvicorn.Server.serve without its signal handlers and its ticks of 0.1 s. It closes no connection that a client may
    use for its next request: on a busy machine uvicorn's 5 s are over while an import holds the event loop of both.
    """
    config = uvicorn.Config(
        app,
        port=0,
        date_header=False,
        server_header=False,
        log_level="critical",
        timeout_keep_alive=int(PATIENCE),
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        for listener in server.servers:
            listener.close()
        for open_connection in list(server.server_state.connections):
            open_connection.shutdown()
        async with asyncio.timeout(PATIENCE):
            while server.server_state.tasks:
                await asyncio.sleep(0.001)
        await server.lifespan.shutdown()


@asynccontextmanager
async def connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def spoken(port: int, request: bytes) -> bytes:
    """All that comes back on one connection, until the proxy closes it."""
    async with connection(port) as (reader, writer), asyncio.timeout(PATIENCE):
        writer.write(request.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1))
        return await reader.read()
