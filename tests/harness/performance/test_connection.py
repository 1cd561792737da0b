import asyncio
import socket

import pytest

from harness.model import Request
from harness.performance.connection import Connection, Outcome
from harness.performance.mix import Call, call_of
from harness.upstream.paced import Pace, PacedUpstream
from tests.harness.wire import saying, server
from tests.waiting import PATIENCE

CALL = call_of(Request("POST", "/v1/messages", (("Authorization", "Bearer <key>"),), b'{"model":"m","stream":true}'))
ASKED_WHOLE = call_of(Request("POST", "/v1/messages", (), b'{"model":"m","x":true}'))
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


async def sent(url: str, times: int = 1, call: Call = CALL) -> list[Outcome]:
    def all_of_them() -> list[Outcome]:
        with Connection(url, "sk-1", patience=PATIENCE) as connection:
            return [connection.send(call) for _ in range(times)]

    return await asyncio.to_thread(all_of_them)


async def test_a_stream_has_its_first_content_its_gaps_and_no_failure() -> None:
    async with PacedUpstream(pace=Pace(0.0, 0.0, 5)) as upstream:
        (outcome,) = await sent(upstream.url)
    assert outcome.failure is None
    assert outcome.ttft is not None and outcome.ttft <= outcome.total
    assert len(outcome.gaps) == 4


async def test_a_connection_is_used_again() -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in range(3):
            await reader.readuntil(b"true}")
            writer.write(WHOLE)
            await writer.drain()

    async with server(talk) as url:
        outcomes = await sent(url, 3, ASKED_WHOLE)
    assert ([outcome.failure for outcome in outcomes], connections) == ([None] * 3, 1)


async def test_the_path_of_the_url_goes_before_the_calls_own() -> None:
    heads = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"true}"))
        writer.write(WHOLE)

    async with server(talk) as url:
        (outcome,) = await sent(f"{url}/litellm", 1, ASKED_WHOLE)
    assert outcome.failure is None
    assert heads[0].startswith(b"POST /litellm/v1/messages HTTP/1.1\r\nHost: 127.0.0.1:")


async def test_a_connection_that_was_closed_between_two_requests_is_no_failure_of_the_second() -> None:
    async with server(saying(WHOLE)) as url:
        outcomes = await sent(url, 2, ASKED_WHOLE)
    assert [outcome.failure for outcome in outcomes] == [None, None]


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ([], "without an answer"),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nevent"], "in the middle of its answer"),
        ([b"SSH-2.0\r\n"], "HTTP"),
        ([b"HTTP/1.1 503 No\r\ncontent-length: 4\r\n\r\nbusy"], "HTTP 503: busy"),
    ],
)
async def test_what_a_gateway_does_wrong_is_a_failure_and_no_exception(pieces: list[bytes], said: str) -> None:
    async with server(saying(*pieces)) as url:
        (outcome,) = await sent(url)
    assert outcome.failure is not None
    assert said in outcome.failure


async def test_a_gateway_that_is_not_there_is_a_failure_too() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        (outcome,) = await sent(f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert outcome.failure is not None
