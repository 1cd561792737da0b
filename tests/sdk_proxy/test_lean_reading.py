import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from types import SimpleNamespace
from typing import Any

import aiohttp
import httpx
import pytest
from aiohttp.client_proto import ResponseHandler
from litellm.llms.custom_httpx.aiohttp_transport import AiohttpResponseStream

from sdk_proxy.lean_reading import ReadTimeout, lean_reading
from sdk_proxy.tap import Tap
from tests.waiting import PATIENCE


@asynccontextmanager
async def upstream(*pieces: bytes, pause: float = 0.0, rests: float = 0.0) -> AsyncIterator[str]:
    """Its pieces with that pause between two; it `rests` before the last one, in seconds."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                for number, piece in enumerate(pieces):
                    await asyncio.sleep(rests if number == len(pieces) - 1 else pause)
                    writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                    await writer.drain()
                writer.write(b"0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1")
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()


async def read(tap: Tap) -> bytes:
    found = b""
    while piece := await tap.read(keep=False):
        found += piece
    return found


@pytest.mark.parametrize("size", [10, 3_000_000])
async def test_everything_arrives_also_what_is_more_than_fits(size: int) -> None:
    """Of the large one aiohttp pauses the connection, and has to resume it."""
    with lean_reading():
        async with upstream(b"a" * size, b"b") as url, aiohttp.ClientSession() as session, session.get(url) as response:
            await asyncio.sleep(0.1)
            async with asyncio.timeout(PATIENCE):
                assert await read(Tap(AiohttpResponseStream(response))) == b"a" * size + b"b"


async def test_an_upstream_that_says_nothing_any_more_fails_after_its_time_as_litellm_tells_it() -> None:
    timeout = aiohttp.ClientTimeout(total=None, sock_read=2.0)
    with lean_reading():
        async with (
            upstream(*[b"a"] * 9, b"late", pause=0.25, rests=PATIENCE) as url,
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url) as response,
        ):
            tap = Tap(AiohttpResponseStream(response))
            assert [await tap.read() for _ in range(9)] == [b"a"] * 9  # longer than the time, together
            for _ in range(2):
                with pytest.raises(httpx.ReadTimeout):
                    await tap.read()


async def test_who_leaves_in_the_middle_closes_the_connection_and_who_reads_to_the_end_keeps_it() -> None:
    with lean_reading():
        async with upstream(b"a", b"b", rests=0.2) as url, aiohttp.ClientSession() as session:
            kept = await session.get(url)
            tap = Tap(AiohttpResponseStream(kept))
            assert await read(tap) == b"ab"
            await tap.aclose()
            assert len(_idle(session)) == 1
            left = Tap(AiohttpResponseStream(await session.get(url)))
            assert await left.read() == b"a"
            await left.aclose()
            assert _idle(session) == []


def _idle(session: aiohttp.ClientSession) -> list[Any]:
    connector: Any = session.connector
    return [each for kept in connector._conns.values() for each in kept]


class Clock:
    """A loop's, that goes on when it is told to."""

    def __init__(self) -> None:
        self.now, self.due = 0.0, list[tuple[float, Any, list[bool]]]()

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, call: Any) -> Any:
        cancelled: list[bool] = []
        self.due.append((self.now + seconds, call, cancelled))
        return SimpleNamespace(cancel=lambda: cancelled.append(True))

    def goes_on(self, seconds: float) -> None:
        self.now += seconds
        due, self.due = self.due, []
        for each in due:
            moment, call, cancelled = each
            if moment > self.now:
                self.due.append(each)
            elif not cancelled:
                call()


def test_a_timer_that_hears_something_runs_on_and_one_that_is_cancelled_never_tells() -> None:
    told: list[str] = []
    clock: Any = Clock()
    heard, _, gone = (ReadTimeout(clock, 2, partial(told.append, name)) for name in ("heard", "silent", "gone"))
    gone.cancel()
    for _ in range(6):
        heard.heard()
        clock.goes_on(1)
    assert told == ["silent"] and len(clock.due) == 1
    clock.goes_on(1)
    assert told == ["silent", "heard"] and not clock.due


def test_outside_of_the_block_aiohttp_reads_as_ever() -> None:
    resume, reschedule = ResponseHandler.resume_reading, ResponseHandler._reschedule_timeout
    with lean_reading():
        assert ResponseHandler.resume_reading is not resume
        assert ResponseHandler._reschedule_timeout is not reschedule
    assert ResponseHandler.resume_reading is resume
    assert ResponseHandler._reschedule_timeout is reschedule
