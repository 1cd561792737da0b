"""Against a server that does to its connections what it is told."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from harness.drill.clients import Answered, Caller
from harness.model import Request
from harness.performance.mix import call_of
from tests.waiting import PATIENCE

CALL = call_of(Request("POST", "/v1/chat/completions", (("authorization", "Bearer <key>"),), b'{"model": "m"}'))
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
LAST = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"
CUT = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}"


class Server:
    def __init__(self, answers: list[bytes]) -> None:
        self.answers, self.connections, self.requests = answers, 0, list[bytes]()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while self.answers and (head := await reader.readuntil(b'{"model": "m"}')):
            self.requests.append(head)
            answer = self.answers.pop(0)
            writer.write(answer)
            if answer is not WHOLE:
                break
        writer.close()


@pytest.fixture
async def asked() -> AsyncIterator[object]:
    servers = []

    async def play(answers: list[bytes], *, keeps: bool) -> tuple[list[Answered], Server]:
        place, number, stop = Server(answers), len(answers), asyncio.Event()
        server = await asyncio.start_server(place.serve, "127.0.0.1", 0)
        servers.append(server)
        got: list[Answered] = []
        caller = Caller("127.0.0.1", server.sockets[0].getsockname()[1], "sk-1", CALL, keeps, 0.0, got)
        task = asyncio.create_task(caller.run(stop))
        async with asyncio.timeout(PATIENCE):
            while len(got) < number:
                await asyncio.sleep(0.01)
        stop.set()
        await task
        return got[:number], place

    yield play
    for server in servers:
        server.close()


async def test_a_connection_is_kept_until_the_server_says_that_it_closes(asked: object) -> None:
    got, server = await asked([WHOLE, WHOLE, LAST, WHOLE], keeps=True)  # type: ignore[operator]
    assert ([each.wrong for each in got], server.connections >= 2) == ([None] * 4, True)
    assert b"Bearer sk-1" in server.requests[0]


async def test_who_keeps_none_opens_one_for_each(asked: object) -> None:
    _, server = await asked([WHOLE, WHOLE, WHOLE], keeps=False)  # type: ignore[operator]
    assert server.connections >= 3


async def test_an_answer_that_is_cut_is_wrong_and_not_asked_for_again(asked: object) -> None:
    got, server = await asked([CUT, WHOLE], keeps=True)  # type: ignore[operator]
    assert [each.wrong for each in got] == ["the connection ended before the answer did", None]
    assert len(server.requests) == 2
