"""What a connection may cost before there is a request, and after its client has stopped reading."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from sdk_proxy.limits import Limits

_ANSWER = b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's, which waits for a head, and keeps it, for as long as it comes; and for a client that does not read.

    A head that is too long is a 431, one that is too slow a 408; an answer that nobody reads ends as if its client had
    left. Idle connections after an answer are uvicorn's `timeout_keep_alive`.
    """

    def __init__(self, limits: Limits, **given: Any) -> None:
        super().__init__(**given)
        self._limits = limits
        self._head: int | None = None  # bytes of the head so far; None: no head is being read
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._unanswered: list[RequestResponseCycle] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # as uvicorn has it
        self._begin_head(0)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop("head")
        self._stop("unread")
        for cycle in self._unanswered:  # uvicorn tells the last of them only
            cycle.disconnected = not cycle.response_complete
            cycle.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            self._head += len(data)
        super().data_received(data)  # a head that begins in it, behind a body, counts from the next piece on
        if self._head is not None and self._head > self._limits.header_bytes and not self.transport.is_closing():
            self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._head is None:
            self._begin_head(1)

    def on_headers_complete(self) -> None:
        self._head = None
        self._stop("head")
        super().on_headers_complete()
        self._unanswered = [cycle for cycle in (*self._unanswered, self.cycle) if cycle and not cycle.response_complete]

    def pause_writing(self) -> None:
        super().pause_writing()
        self._timers["unread"] = self.loop.call_later(self._limits.unread_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop("unread")

    def _begin_head(self, size: int) -> None:
        self._head = size
        self._timers["head"] = self.loop.call_later(self._limits.head_seconds, self._refuse, b"408 Request Timeout")

    def _stop(self, timer: str) -> None:
        if timer in self._timers:
            self._timers.pop(timer).cancel()

    def _refuse(self, answer: bytes) -> None:
        if not self._head or (self.cycle is not None and not self.cycle.response_complete):
            self.transport.abort()  # nothing was asked; or the answer before this one would have it in its middle
        else:
            self.transport.write(_ANSWER % answer)
            self.transport.close()
