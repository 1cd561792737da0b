"""The far side of a hop: one request on a connection of its own, and its response part by part, as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httptools

from harness.model import Request, Response, header
from harness.replay.client import wire_bytes

_READ = 65536


class Far:
    """One request to the other side, on a connection of its own; gives the head, then the pieces."""

    def __init__(self, host: str | None, port: int | None) -> None:
        self._place = (host, port)
        self._writer: asyncio.StreamWriter | None = None
        self.complete = False

    async def ask(self, request: Request) -> AsyncIterator[Response | bytes]:
        """Raises OSError where the connection was reset, EOFError where it ended before the response did."""
        reader, self._writer = await asyncio.open_connection(*self._place)
        self._writer.write(wire_bytes(request, ""))
        self._reader, self._parsed = reader, _Parsed(request.method)
        while not self.complete:
            data = await reader.read(_READ)
            self._parsed.feed(data)
            for part in self._parsed.taken():
                yield part
            self.complete = self._parsed.complete

    async def drain(self, seconds: float) -> None:
        """Reads on for that long, or to the end."""
        try:
            async with asyncio.timeout(seconds):
                while await self._reader.read(_READ):
                    pass
        except TimeoutError:
            return
        finally:
            self.close()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


class _Parsed:
    """Bytes -> the head, and each chunk of a chunked body, or each read of any other."""

    def __init__(self, method: str) -> None:
        self.complete = False
        self._method = method
        self._headers: list[tuple[str, str]] = []
        self._parts: list[Response | bytes] = []
        self._open = b""
        self._chunked = self._framed = False
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        if data:
            self._parser.feed_data(data)
        elif self._framed or not self._headers:
            raise EOFError
        else:
            self.complete = True

    def taken(self) -> list[Response | bytes]:
        parts, self._parts = self._parts, []
        return parts

    # --- httptools ---

    def on_message_begin(self) -> None:
        self._headers.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        status, headers = self._parser.get_status_code(), tuple(self._headers)
        if status < 200:
            return
        self._parts.append(Response(status, headers))
        self._chunked = header(headers, "transfer-encoding") is not None
        self._framed = self._chunked or header(headers, "content-length") is not None
        self.complete = self._method == "HEAD" or status in (204, 304)

    def on_body(self, data: bytes) -> None:
        self._open += data
        if not self._chunked:
            self.on_chunk_complete()

    def on_chunk_complete(self) -> None:
        if self._open:
            self._parts.append(self._open)
            self._open = b""

    def on_message_complete(self) -> None:
        self.complete = True
