import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn

from harness.model import Failure, Request, Response
from harness.performance.pass_through import CLIENTS, PassThrough
from harness.replay.client import send
from harness.upstream.paced import Pace, PacedUpstream
from tests.waiting import until

STREAMED = b'{"model": "claude-sonnet-5", "stream": true, "messages": []}'
HEADERS = (("Host", "gateway"), ("Content-Type", "application/json"), ("X-Own", "1"))


@asynccontextmanager
async def passing(to: str, client: str) -> AsyncIterator[str]:
    async with CLIENTS[client]() as forward:
        server = uvicorn.Server(uvicorn.Config(PassThrough(to, forward), "127.0.0.1", 0, log_level="error"))
        serving = asyncio.create_task(server.serve())
        await until(lambda: server.started or serving.done())
        try:
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("body", [STREAMED, STREAMED.replace(b"true", b"false")])
async def test_the_answer_is_the_upstreams_own_byte_for_byte(client: str, body: bytes) -> None:
    request = Request("POST", "/v1/messages?beta=true", HEADERS, body)
    async with PacedUpstream(pace=Pace(0.0, 0.0, 5)) as upstream, passing(upstream.url, client) as url:
        direct, through = [(await send(request, at)).outcome for at in (upstream.url, url)]
    assert isinstance(direct, Response)
    assert isinstance(through, Response)
    assert through.status == direct.status == 200
    assert through.body == direct.body
    lowered = [{name.lower(): value for name, value in each.headers} for each in (direct, through)]
    assert lowered[1].items() >= {name: lowered[0][name] for name in ("content-type", "request-id")}.items()


@pytest.mark.parametrize("client", CLIENTS)
async def test_it_answers_for_its_own_health_and_is_a_bad_gateway_without_an_upstream(client: str) -> None:
    async with passing("http://127.0.0.1:9", client) as url:
        asked = [Request("GET", "/health"), Request("POST", "/v1/messages", HEADERS, STREAMED)]
        outcomes = [(await send(each, url)).outcome for each in asked]
    assert [each.status for each in outcomes if isinstance(each, Response)] == [200, 502]


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_cut_stream_stays_a_cut_stream(client: str) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    async with server, passing(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", client) as url:
        outcome = (await send(Request("GET", "/v1/models"), url)).outcome
    failed = outcome.failure if isinstance(outcome, Response) else outcome
    assert isinstance(failed, Failure)
