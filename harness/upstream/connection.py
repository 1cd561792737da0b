"""One connection of the simulated upstream: bytes -> Requests, one answered after the other."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Literal

import httptools

from harness.model import Request
from harness.upstream.receive_queue import unread

Answer = Callable[[Request, "Connection"], Awaitable[None]]
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 seconds: close() sends RST (socket(7))
_POLL = 0.005  # seconds


class Connection(asyncio.Protocol):
    """Reads requests, header names in their own case and order, bodies de-chunked; `answer` writes on it.

    When the peer hangs up, the answer that is under way is cancelled.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._requests: asyncio.Queue[tuple[Request, bool]] = asyncio.Queue()
        self._writable = asyncio.Event()
        self._writable.set()
        self.closed = asyncio.Event()

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_server gives
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)
        self._task = asyncio.create_task(self._answer_all())

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._writable.set()
        self._task.cancel()
        self.closed.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # --- httptools ---

    def on_message_begin(self) -> None:
        self._path, self._headers, self._body = b"", list[tuple[str, str]](), bytearray()

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        if any(name.lower() == "expect" and value.lower() == "100-continue" for name, value in self._headers):
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        self._body += data

    def on_message_complete(self) -> None:
        method, path = self._parser.get_method().decode("ascii"), self._path.decode("latin-1")
        request = Request(method, path, tuple(self._headers), bytes(self._body))
        self._requests.put_nowait((request, self._parser.should_keep_alive()))

    # --- answering ---

    async def _answer_all(self) -> None:
        keep_alive = True
        try:
            while keep_alive and not self._transport.is_closing():
                request, keep_alive = await self._requests.get()
                await self._answer(request, self)
        finally:
            self._transport.close()

    async def write(self, data: bytes) -> None:
        """Hands it to the kernel at once, and waits only where the peer does not keep up."""
        self._transport.write(data)
        await self._writable.wait()

    async def read_by_peer(self) -> None:
        """Returns once the peer has read all that was written, as far as this system tells; what is written after that
        cannot come to it in one read with what was written before."""
        here, peer = (self._transport.get_extra_info(name) for name in ("sockname", "peername"))
        while not self._transport.is_closing() and unread(here, peer):  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(_POLL)

    def cut(self, how: Literal["fin", "rst"]) -> None:
        """End the connection in order, or not; what was written before still goes out."""
        if how == "fin":
            self._transport.close()
            return
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    async def stop(self) -> None:
        self._transport.abort()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.closed.wait()
