import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import uvicorn

from sdk_proxy.connection_limits import BoundedProtocol
from sdk_proxy.limits import Limits
from tests.sdk_proxy.loopback import connection
from tests.waiting import PATIENCE

SHORT = Limits(header_bytes=1000, head_seconds=0.1, unread_seconds=0.1)
PATIENT = Limits(header_bytes=1000)
QUITE_SHORT = Limits(head_seconds=1.0)  # the first request comes within it, unless the machine stands still
HEAD = b"GET / HTTP/1.1\r\nhost: gateway\r\n"


class App:
    """Answers with 64 KiB, again and again where the path says so, until the client has left."""

    def __init__(self) -> None:
        self.left = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        endless = scope["path"] == "/endless"
        while endless and not self.left.is_set():
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
            watching = asyncio.ensure_future(receive())
            done, _ = await asyncio.wait([watching], timeout=0)
            if done and watching.result()["type"] == "http.disconnect":
                self.left.set()
        await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def served(limits: Limits) -> AsyncIterator[tuple[int, App]]:
    app = App()
    protocol: Any = partial(BoundedProtocol, limits)
    config = uvicorn.Config(app, port=0, http=protocol, log_level="critical", lifespan="off")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield server.servers[0].sockets[0].getsockname()[1], app
    finally:
        await server.shutdown()


async def told(limits: Limits, *pieces: bytes) -> bytes:
    async with served(limits) as (port, _), connection(port) as (reader, writer), asyncio.timeout(PATIENCE):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await reader.read()


async def test_a_head_that_grows_over_its_limit_is_a_431_before_it_is_complete() -> None:
    assert (await told(PATIENT, HEAD, b"x-long: " + b"x" * 2000)).startswith(b"HTTP/1.1 431 ")


async def test_a_head_that_does_not_come_to_its_end_is_a_408() -> None:
    assert (await told(SHORT, HEAD)).startswith(b"HTTP/1.1 408 ")


async def test_a_connection_without_a_request_is_closed_without_a_word() -> None:
    assert await told(SHORT) == b""


async def test_a_body_in_the_same_packet_does_not_count_as_head() -> None:
    post = b"POST / HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\ncontent-length: 3000\r\n\r\n" + b"x" * 3000
    assert (await told(PATIENT, post)).endswith(b"ok\r\n0\r\n\r\n")


async def test_the_next_request_of_a_connection_is_bounded_as_well() -> None:
    answers = await told(QUITE_SHORT, HEAD + b"\r\n", HEAD)
    assert answers.startswith(b"HTTP/1.1 200 ") and b"HTTP/1.1 408 " in answers


async def test_a_client_that_does_not_read_has_left() -> None:
    async with served(SHORT) as (port, app), connection(port) as (_, writer), asyncio.timeout(PATIENCE):
        writer.write(HEAD.replace(b"/ ", b"/endless ", 1) + b"\r\n")
        await app.left.wait()


async def test_a_client_that_does_not_read_has_left_whatever_it_asks_for_meanwhile() -> None:
    async with served(SHORT) as (port, app), connection(port) as (_, writer), asyncio.timeout(PATIENCE):
        writer.write(HEAD.replace(b"/ ", b"/endless ", 1) + b"\r\n")
        await asyncio.sleep(0.05)
        writer.write(HEAD + b"\r\n")
        await app.left.wait()


async def test_half_a_head_in_the_middle_of_an_answer_is_not_answered_within_it() -> None:
    async with served(SHORT) as (port, _), connection(port) as (reader, writer), asyncio.timeout(PATIENCE):
        writer.write(HEAD.replace(b"/ ", b"/endless ", 1) + b"\r\n" + HEAD)
        told = b""
        with suppress(ConnectionError):
            while piece := await reader.read(65536):
                told += piece.replace(b"x", b"")
    assert (told.count(b"HTTP/1.1 "), b"408" in told) == (1, False)


async def test_a_body_in_front_of_the_next_head_does_not_count_as_head() -> None:
    post = b"POST / HTTP/1.1\r\nhost: gateway\r\ncontent-length: 3000\r\n\r\n"
    answers = await told(PATIENT, post, b"x" * 3000 + HEAD, b"connection: close\r\n\r\n")
    assert answers.count(b"HTTP/1.1 200 ") == 2
