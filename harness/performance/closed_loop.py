"""A closed loop in one process: so many connections, each of which asks again as soon as it has its whole answer.

Unlike Locust's users it starts within a millisecond, so that a benchmark can have hundreds of short cells.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import cast
from urllib.parse import urlsplit

import httptools

from harness.errors import TargetFailed
from harness.performance.connection import Outcome
from harness.performance.mix import Call
from harness.performance.reception import Reception


async def closed_loop(
    url: str, key: str, call: Call, concurrency: int, seconds: float, spread: float = 0.0
) -> list[Outcome]:
    """Every answer that was begun within that time, whole or not; raises `TargetFailed` if nobody listens there.

    `spread`: seconds over which the connections begin one after the other, so that they do not all ask at once.
    """
    place = urlsplit(url)
    loop, until = asyncio.get_running_loop(), perf_counter() + seconds
    found: list[Outcome] = []
    ends = [loop.create_future() for _ in range(concurrency)]

    def client(number: int) -> Callable[[], _Client]:
        return lambda: _Client(call, call.wire(key, place.netloc, place.path), until, found, ends[number])

    async def opening(number: int) -> asyncio.Transport:
        await asyncio.sleep(spread * number / concurrency)
        return (await loop.create_connection(client(number), str(place.hostname), place.port or 80))[0]

    try:
        opened = await asyncio.gather(*map(opening, range(concurrency)))
    except OSError as error:
        raise TargetFailed(f"nobody listens at {url}: {error}") from error
    await asyncio.gather(*ends)
    for transport in opened:
        transport.close()
    return found


class _Client(asyncio.Protocol):
    def __init__(self, call: Call, wire: bytes, until: float, found: list[Outcome], end: asyncio.Future[None]) -> None:
        self._call, self._wire, self._until, self._found, self._end = call, wire, until, found, end

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def _ask(self) -> None:
        self._began = perf_counter()
        if self._began >= self._until:
            self._finish()
            return
        self._parser = httptools.HttpResponseParser(self)
        self._reception = Reception(self._call.path, self._call.streams)
        self._transport.write(self._wire)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(str(error))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._end.done():
            self._fail(str(exc or "the gateway closed the connection"))

    def _fail(self, why: str) -> None:
        self._found.append(Outcome(perf_counter() - self._began, None, (), 0, why))
        self._finish()

    def _finish(self) -> None:
        if not self._end.done():
            self._end.set_result(None)

    # --- httptools

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"content-encoding":
            self._reception.gzip = value.lower() == b"gzip"

    def on_headers_complete(self) -> None:
        self._reception.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        self._reception.got(data, perf_counter() - self._began)

    def on_message_complete(self) -> None:
        got = self._reception
        took = perf_counter() - self._began
        self._found.append(Outcome(took, got.ttft, (), len(got.body), got.wrong()))
        self._ask()
