import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import uvicorn

from sdk_proxy.draining import Drain, DrainingServer
from sdk_proxy.request_record import Record
from tests.sdk_proxy.loopback import connection
from tests.waiting import PATIENCE, until_async

GET = b"GET / HTTP/1.1\r\nhost: gateway\r\n\r\n"
SIZE = 30_000_000  # bytes: more than the kernel keeps for a client that does not read


async def large(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x" * SIZE})


@asynccontextmanager
async def draining(drain: Drain, app: Any = large) -> AsyncIterator[tuple[int, DrainingServer]]:
    config = uvicorn.Config(app, port=0, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    config.load()
    server = DrainingServer(config, drain)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield server.servers[0].sockets[0].getsockname()[1], server
    finally:
        await server.shutdown()


async def test_an_answer_that_its_client_has_yet_to_read_is_not_cut() -> None:
    drain = Drain()
    async with draining(drain) as (port, server), connection(port) as (reader, writer), asyncio.timeout(PATIENCE):
        writer.write(b"GET / HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n")
        await reader.readexactly(1)
        while server.server_state.tasks:
            await asyncio.sleep(0.001)
        drain.began = monotonic()
        assert not await server.on_tick(0)
        assert (await reader.read(-1)).count(b"x") == SIZE
        await until_async(lambda: server.on_tick(0))


async def test_a_client_that_does_not_read_is_waited_for_no_longer_than_others() -> None:
    drain = Drain(seconds=0)
    async with draining(drain) as (port, server), connection(port) as (reader, writer), asyncio.timeout(PATIENCE):
        writer.write(GET)
        await reader.readexactly(1)
        drain.began = monotonic()
        assert await server.on_tick(0)


async def test_a_connection_on_which_nothing_is_asked_is_not_waited_for() -> None:
    drain = Drain(began=monotonic())
    async with draining(drain) as (port, server), connection(port), asyncio.timeout(PATIENCE):
        while not server.server_state.connections:
            await asyncio.sleep(0.001)
        assert await server.on_tick(0)


async def test_an_answer_that_begins_meanwhile_says_that_its_connection_ends() -> None:
    """Or a client would send its next request where nobody answers it any more."""
    drain, asked, go_on = Drain(), asyncio.Event(), asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        asked.set()
        await go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    async with draining(drain, slow) as (port, server), connection(port) as (reader, writer), asyncio.timeout(PATIENCE):
        writer.write(GET)
        await asked.wait()
        drain.open.add(Record("check-1", "/", "", ""))
        drain.began = monotonic()
        assert not await server.on_tick(0)
        go_on.set()
        told = await reader.read(-1)
    assert b"connection: close\r\n" in told and b"ok" in told
