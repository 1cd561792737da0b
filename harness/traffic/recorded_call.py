"""One call while it passes the recorder: the request as it was sent, the answer as it came."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import httptools

from harness.model import Chunk, Exchange, Failure, Headers, Request, Response, header

_CUT = "closed before the response was complete"


class RecordedCall:
    """`clock` tells when that is: seconds."""

    def __init__(self, method: str, path: str, headers: Headers, clock: Callable[[], float] = monotonic) -> None:
        self._method, self._path, self._request_headers = method, path, headers
        self._body = bytearray()
        self._clock = clock
        self._began = clock()
        self._parser = httptools.HttpResponseParser(self)
        self._status: int | None = None
        self._headers: list[tuple[str, str]] = []
        self._chunks: list[Chunk] = []
        self._open = b""  # a chunk whose end has not come
        self._chunked = False
        self._complete = False
        self._failure: Failure | None = None

    @property
    def is_open(self) -> bool:
        return not self._complete and self._failure is None

    def sent(self, data: bytes) -> None:
        self._body += data

    def feed(self, data: bytes) -> bool:
        """Bytes of the answer; whether it is complete with them."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._complete = True  # a 101: what follows is not HTTP
        except httptools.HttpParserError as error:
            self._failure = Failure("cut", f"not HTTP: {error}")
        return self._complete

    def ended(self, how: str | None) -> None:
        """The connection has ended: in order (None), or not. That can be the end of a body without a length."""
        framed = self._chunked or header(tuple(self._headers), "content-length") is not None
        if not self._complete and (how or self._status is None or framed):
            self._failure = Failure("cut", how or _CUT)
        self._complete = True

    def left(self) -> None:
        if not self._complete:
            self._failure = Failure("left", "the client hung up")

    def exchange(self) -> Exchange:
        request = Request(self._method, self._path, self._request_headers, bytes(self._body))
        return Exchange(request, self._outcome(), at=self._began)

    def _outcome(self) -> Response | Failure:
        failure = self._failure
        if failure is None and not self._complete:
            failure = Failure("left", "the recorder ended first")
        if self._status is None:
            return failure or Failure("cut", "no response")
        rest = (Chunk(self._clock() - self._began, self._open),) if self._open else ()
        return Response(self._status, tuple(self._headers), (*self._chunks, *rest), failure)

    # --- httptools ---

    def on_message_begin(self) -> None:
        self._headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200 and status != 101:
            return  # an interim response: the real one follows
        self._status = status
        self._chunked = "chunked" in (header(tuple(self._headers), "transfer-encoding") or "").lower()
        self._complete = self._method == "HEAD"

    def on_body(self, data: bytes) -> None:
        self._open += data
        if not self._chunked:
            self._close_chunk()

    def on_chunk_complete(self) -> None:
        self._close_chunk()

    def on_message_complete(self) -> None:
        self._complete = self._status is not None

    def _close_chunk(self) -> None:
        if self._open:
            self._chunks.append(Chunk(self._clock() - self._began, self._open))
            self._open = b""
