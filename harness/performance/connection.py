"""A client that costs little: blocking sockets, so that gevent can run a thousand of them; times at every read.

Not Locust's FastHttpUser: it tells the time of a whole answer only, and its reads of a stream wait for a separator.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from time import perf_counter
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httptools

from harness.performance.mix import Call
from harness.performance.reception import Reception

_READ = 65536


@dataclass(frozen=True, slots=True)
class Outcome:
    """`failure` is None for a whole and right answer. Times in seconds; `ttft` None: no content came."""

    total: float
    ttft: float | None
    gaps: tuple[float, ...]
    size: int
    failure: str | None


class Connection:
    """One keep-alive connection to a gateway; it is opened again where the gateway has closed it."""

    def __init__(self, url: str, key: str, patience: float = 120.0) -> None:
        parts = urlsplit(url)
        self._host, self._prefix = parts.netloc, parts.path
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._key, self._patience = key, patience
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def send(self, call: Call) -> Outcome:
        """The whole answer, or why there is none; never raises for what the gateway does."""
        reader = _Reader(Reception(call.path, call.streams))
        began = perf_counter()
        try:
            self._exchange(call.wire(self._key, self._host, self._prefix), reader, began)
            failure = reader.reception.wrong()
        except TimeoutError:
            failure = f"nothing came for {self._patience:g} s"
        except (OSError, httptools.HttpParserError) as error:
            failure = str(error) or type(error).__name__
        if failure is not None or not reader.keep_alive:
            self.close()
        got = reader.reception
        return Outcome(perf_counter() - began, got.ttft, tuple(got.gaps), len(got.body), failure)

    def _exchange(self, request: bytes, reader: _Reader, began: float) -> None:
        reused = self._socket is not None
        try:
            self._converse(request, reader, began)
        except _ClosedUnasked:
            # What a keep-alive connection may always do between two requests (RFC 9112, section 9.3.1).
            self.close()
            if not reused:
                raise
            self._converse(request, reader, began)

    def _converse(self, request: bytes, reader: _Reader, began: float) -> None:
        sock = self._socket = self._socket or socket.create_connection(self._address, self._patience)
        try:
            sock.sendall(request)
            while not reader.complete:
                data = sock.recv(_READ)
                if not data:
                    raise reader.cut()
                reader.feed(data, perf_counter() - began)
        except (ConnectionResetError, BrokenPipeError) as error:
            raise reader.cut() from error


class _ClosedUnasked(OSError):
    pass


class _Reader:
    """Bytes -> Reception (httptools' protocol)."""

    def __init__(self, reception: Reception) -> None:
        self.reception = reception
        self.complete = False
        self.keep_alive = False
        self._parser = httptools.HttpResponseParser(self)
        self._at = 0.0

    def feed(self, data: bytes, at: float) -> None:
        self._at = at
        self._parser.feed_data(data)

    def cut(self) -> OSError:
        if self.reception.status == 0:
            return _ClosedUnasked("the gateway closed the connection without an answer")
        return OSError("the gateway closed the connection in the middle of its answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"content-encoding":
            self.reception.gzip = value.lower() == b"gzip"

    def on_headers_complete(self) -> None:
        self.reception.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        self.reception.got(data, self._at)

    def on_message_complete(self) -> None:
        self.complete = True
        self.keep_alive = self._parser.should_keep_alive()
