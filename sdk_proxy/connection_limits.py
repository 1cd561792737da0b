"""What a connection may cost before there is a request, and after its client has stopped reading."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

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
        self._head: int | None = 0  # bytes of the head so far; None: no head is being read
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # as uvicorn has it
        self._wait(self._limits.head_seconds, b"408 Request Timeout")

    def connection_lost(self, exc: Exception | None) -> None:
        self._rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head is not None and not self.transport.is_closing():
            self._head += len(data)
            if self._head > self._limits.header_bytes:
                self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._head is None:
            self._head = 0
            self._wait(self._limits.head_seconds, b"408 Request Timeout")

    def on_headers_complete(self) -> None:
        self._head = None
        self._rest()
        super().on_headers_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait(self._limits.unread_seconds, None)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._head is None:
            self._rest()

    def _wait(self, seconds: float, answer: bytes | None) -> None:
        self._rest()
        self._timer = self.loop.call_later(seconds, self._refuse, answer)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, answer: bytes | None) -> None:
        if answer is None or not self._head:
            self.transport.abort()
        else:
            self.transport.write(_ANSWER % answer)
            self.transport.close()
