"""The clients of a drill: each asks again and again, and keeps how long it waited, and whether the answer was whole.

They do as HTTP clients do: an idle connection that the server has closed is not used again, and nothing is sent twice.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import monotonic

import httptools

from harness.performance.mix import Call
from harness.performance.reception import Reception

MARK = b"x-request-id"  # the SDK proxy's answers have an id of their own
_READ = 1 << 16
_PATIENCE = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Answered:
    """`began`, `ended`: seconds of `time.monotonic`; `first`: seconds to the first byte; `gap`: the longest silence
    after it; `wrong`: None for a whole and right answer; `marked`: it has the header that only the SDK proxy sends."""

    began: float
    ended: float
    first: float
    gap: float
    streams: bool
    wrong: str | None
    user: str = ""
    marked: bool = False


@dataclass(slots=True, eq=False)
class Caller:
    """`keeps`: its connection is used again. `pause`: seconds between two of its requests. `user`: whose they are."""

    host: str
    port: int
    key: str
    call: Call
    keeps: bool
    pause: float
    answers: list[Answered]
    user: str = ""
    _connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = field(default=None)

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self.answers.append(await self._asked())
            await asyncio.sleep(self.pause)
        self._close()

    async def _asked(self) -> Answered:
        began = monotonic()
        answer = _Answer(self.call, began)
        try:
            async with asyncio.timeout(_PATIENCE):
                reader, writer = await self._connected()
                writer.write(self.call.wire(self.key, f"{self.host}:{self.port}"))
                while not answer.done:
                    data = await reader.read(_READ)
                    if not data:
                        break
                    answer.feed(data)
        except (OSError, TimeoutError, httptools.HttpParserError) as error:
            answer.failed = f"{type(error).__name__}: {error}"
        if not (self.keeps and answer.done and answer.parser.should_keep_alive()):
            self._close()
        return answer.told(self.user)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._connection is not None and self._connection[0].at_eof():
            self._close()
        if self._connection is None:
            self._connection = await asyncio.open_connection(self.host, self.port)
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection[1].close()
            self._connection = None


class _Answer:
    def __init__(self, call: Call, began: float) -> None:
        self._began, self._first, self._last, self._gap = began, 0.0, 0.0, 0.0
        self._reception = Reception(call.path, call.streams)
        self.parser = httptools.HttpResponseParser(self)
        self.done = self._marked = False
        self.failed: str | None = None

    def feed(self, data: bytes) -> None:
        now = monotonic()
        if self._last:
            self._gap = max(self._gap, now - self._last)
        else:
            self._first = now - self._began
        self._last = now
        self.parser.feed_data(data)

    def told(self, user: str) -> Answered:
        wrong = self.failed or (self._reception.wrong() if self.done else "the connection ended before the answer did")
        now = monotonic()
        first = self._first or now - self._began
        return Answered(self._began, now, first, self._gap, self._reception.streams, wrong, user, self._marked)

    # --- httptools

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"content-encoding":
            self._reception.gzip = value.lower() == b"gzip"
        self._marked = self._marked or name.lower() == MARK

    def on_headers_complete(self) -> None:
        self._reception.status = self.parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        self._reception.got(data, monotonic() - self._began)

    def on_message_complete(self) -> None:
        self.done = True
