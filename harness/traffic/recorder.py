"""A forwarding recorder: stands before a gateway, or between a gateway and its provider, and keeps what passes.

Bytes of bodies and of answers pass as they come, unbuffered. Of a request only two headers change on the way: Host
names the other side, and Accept-Encoding is `identity`, so that answers can be read. What is kept is what was sent.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httptools

from harness.errors import BadInput, PortTaken
from harness.model import Exchange
from harness.traffic.recorded_call import RecordedCall

_READ = 65536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 seconds: close() sends RST (socket(7))


class Recorder:
    """`async with Recorder("https://api.anthropic.com") as recorder:` listens on `recorder.url`."""

    def __init__(self, to_url: str, port: int = 0, host: str = "127.0.0.1") -> None:
        self._to = urlsplit(to_url)
        if self._to.scheme not in ("http", "https") or self._to.hostname is None:
            raise BadInput(f"cannot forward to {to_url!r}: give an address such as http://127.0.0.1:4000")
        self._host, self._port = host, port
        self._calls: list[RecordedCall] = []
        self._links: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}"

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """In the order of their beginnings, which the machine's monotonic clock tells; one under way is `left`."""
        return tuple(call.exchange() for call in self._calls)

    @property
    def busy(self) -> bool:
        """Whether an answer is still under way."""
        return any(call.is_open for call in self._calls)

    def forget(self) -> None:
        """What was recorded until now is gone: a new recording begins."""
        self._calls.clear()

    async def __aenter__(self) -> Self:
        try:
            self._server = await asyncio.start_server(self._accept, self._host, self._port)
        except OSError as error:
            raise PortTaken(self._port) from error
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for link in tuple(self._links):
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.create_task(self._forward(reader, writer))
        self._links.add(link)
        link.add_done_callback(self._links.discard)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        secure = self._to.scheme == "https"
        port = self._to.port or (443 if secure else 80)
        try:
            far_reader, far_writer = await asyncio.open_connection(self._to.hostname, port, ssl=secure or None)
        except OSError:
            writer.close()
            return
        link = _Link(far_writer, self._to.netloc, self._to.path.rstrip("/"), self._calls)
        try:
            await link.forward(reader, far_reader, writer)
        finally:
            writer.close()
            far_writer.close()


class _Link:
    """One connection of the client and the one that it was given to the other side: calls, one after the other."""

    def __init__(self, far: asyncio.StreamWriter, host: str, prefix: str, calls: list[RecordedCall]) -> None:
        self._far, self._host, self._prefix = far, host, prefix
        self._calls = calls
        self._open: list[RecordedCall] = []
        self._requests = httptools.HttpRequestParser(self)
        self._path, self._headers = b"", list[tuple[str, str]]()
        self._chunked = False

    async def forward(
        self, reader: asyncio.StreamReader, far_reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        there = asyncio.create_task(self._there(reader))
        back = asyncio.create_task(self._back(far_reader, writer))
        try:
            await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (there, back):
                task.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
            for call in self._open:
                call.left()

    async def _there(self, reader: asyncio.StreamReader) -> None:
        try:
            while data := await reader.read(_READ):
                self._requests.feed_data(data)
                await self._far.drain()
        except (OSError, httptools.HttpParserError):
            return

    async def _back(self, far_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await far_reader.read(_READ):
                writer.write(data)
                self._answered(data)
                await writer.drain()
        except OSError as error:
            self._cut(f"reset: {error.strerror}")
            reset(writer)
            return
        self._cut(None)

    def _answered(self, data: bytes) -> None:
        if self._open and self._open[0].feed(data):
            self._open.pop(0)

    def _cut(self, how: str | None) -> None:
        for call in self._open:
            call.ended(how)
        self._open.clear()

    # --- httptools: the request, on its way there ---

    def on_message_begin(self) -> None:
        self._path, self._headers = b"", []

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        method, path = self._requests.get_method().decode("ascii"), self._path.decode("latin-1")
        self._chunked = any(name.lower() == "transfer-encoding" for name, _ in self._headers)
        call = RecordedCall(method, path, tuple(self._headers))
        self._calls.append(call)
        self._open.append(call)
        lines = [f"{method} {self._prefix}{path} HTTP/1.1", *map(self._forwarded, *zip(*self._headers, strict=True))]
        self._far.write("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def on_body(self, data: bytes) -> None:
        self._calls_body(data)
        self._far.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def on_message_complete(self) -> None:
        if self._chunked:
            self._far.write(b"0\r\n\r\n")

    def _calls_body(self, data: bytes) -> None:
        if self._open:
            self._open[-1].sent(data)

    def _forwarded(self, name: str, value: str) -> str:
        match name.lower():
            case "host":
                return f"{name}: {self._host}"
            case "accept-encoding":
                return f"{name}: identity"
            case _:
                return f"{name}: {value}"


def reset(writer: asyncio.StreamWriter) -> None:
    """Close without the end of anything: the other side sees RST."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()
