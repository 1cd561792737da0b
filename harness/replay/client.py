"""The client of a replay: writes a request exactly as given, and keeps what comes back as it came.

A new connection for each request, so that what one request does to its connection cannot reach the next one.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from dataclasses import replace
from time import monotonic
from urllib.parse import SplitResult, urlsplit

import httptools

from harness.event_stream import EventParser
from harness.model import Chunk, Connection, Exchange, Failure, Headers, Request, Response, header

OnEvent = Callable[[int], None]
_READ = 65536
_LOOK = 0.02  # seconds: a server that hangs up behind an answer does it with the answer's last byte


async def send(
    request: Request,
    base_url: str,
    *,
    on_event: OnEvent | None = None,
    leave: int | asyncio.Event | None = None,
    patience: float = 60.0,
) -> Exchange:
    """One call. `on_event` is told the number of events seen so far, whenever it grows.

    The client hangs up at that many events (what comes after them counts as not seen), or when `leave` is set.
    `patience`, in seconds, is for the whole call. The exchange's `at` is how long the connection took: the times of its
    chunks count from then. Never raises for what the other side does: see `Failure`. A path in `base_url` goes before
    the request's own.
    """
    counted, told = (None, leave) if isinstance(leave, asyncio.Event) else (leave, asyncio.Event())
    answer = Answer(request.method, EventCounter(on_event, counted))
    place = urlsplit(base_url)
    data, began = wire_bytes(below(request, place.path), place.netloc), monotonic()
    try:
        async with asyncio.timeout(patience):
            failure = await _converse(place, data, answer, told)
    except TimeoutError:
        failure = Failure("timeout", f"not complete after {patience:g} s")
    return Exchange(request, answer.outcome(failure), at=max(0.0, answer.began - began))


async def _converse(place: SplitResult, data: bytes, answer: Answer, leave: asyncio.Event) -> Failure | None:
    secure = place.scheme == "https"
    port = place.port or (443 if secure else 80)
    try:
        reader, writer = await asyncio.open_connection(place.hostname, port, ssl=secure or None)
    except OSError as error:
        return Failure("refused", str(error))
    return await _exchange(reader, writer, data, answer, leave)


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes, answer: Answer, leave: asyncio.Event
) -> Failure | None:
    watcher = asyncio.create_task(_hang_up(leave, writer))
    try:
        # Not drained: a server may answer, and even hang up, before it has read a large body to its end.
        writer.write(data)
        answer.begin()
        failure = await _listen(reader, answer)
        if failure is None and answer.connection == "kept" and await _closes(reader):
            answer.connection = "dropped"
        return Failure("left", "the client hung up") if leave.is_set() and failure else failure
    finally:
        watcher.cancel()
        writer.close()


async def _closes(reader: asyncio.StreamReader) -> bool:
    """Whether the other side hangs up at once, though it has not said so. The next request would be lost."""
    try:
        async with asyncio.timeout(_LOOK):
            return not await reader.read(1)
    except TimeoutError:
        return False
    except OSError:
        return True


async def _hang_up(leave: asyncio.Event, writer: asyncio.StreamWriter) -> None:
    await leave.wait()
    writer.close()


async def _listen(reader: asyncio.StreamReader, answer: Answer) -> Failure | None:
    try:
        while not answer.complete and not answer.left:
            data = await reader.read(_READ)
            if not data:
                return answer.ended()
            answer.feed(data)
    except OSError as error:
        return Failure("cut", f"reset: {error.strerror}")
    except httptools.HttpParserError as error:
        return Failure("cut", f"not HTTP: {error}")
    if answer.surplus:
        return Failure("surplus", "a body in the answer to HEAD")
    return Failure("left", "the client hung up") if answer.left else None


# --- what is written ------------------------------------------------------------------------------------------------


def below(request: Request, prefix: str) -> Request:
    """Return the request with a URL's path before its own; a target in another form than /path keeps it (RFC 9112,
    section 3.2: `*` and authority-form speak of the whole server)."""
    prefix = prefix.rstrip("/")
    return replace(request, path=prefix + request.path) if prefix and request.path.startswith("/") else request


def wire_bytes(request: Request, host: str) -> bytes:
    """The request as HTTP/1.1, headers as given; Host and Content-Length are added where they are missing."""
    names = {name.lower() for name, _ in request.headers}
    headers: Headers = request.headers if "host" in names else (("Host", host), *request.headers)
    body = request.body
    if "transfer-encoding" in names:
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    elif "content-length" not in names and (body or request.method in ("POST", "PUT", "PATCH")):
        headers = (*headers, ("Content-Length", str(len(body))))
    lines = [f"{request.method} {request.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


# --- what is read ---------------------------------------------------------------------------------------------------


class Answer:
    """A response as it comes: its head, its chunks with their times, and the events counted on the way."""

    def __init__(self, method: str, events: EventCounter) -> None:
        self.complete = False
        self.connection: Connection | None = None
        self.surplus = False  # a body that must not be there (RFC 9110, section 9.3.2)
        self._method = method
        self._headers: list[tuple[str, str]] = []
        self._status: int | None = None
        self._chunks: list[Chunk] = []
        self._open = b""  # a chunk whose end has not come
        self._chunked = False
        self._events = events
        self._parser = httptools.HttpResponseParser(self)
        self.begin()

    @property
    def left(self) -> bool:
        return self._events.enough

    def begin(self) -> None:
        """Times count from here."""
        self.began = monotonic()

    def feed(self, data: bytes) -> None:
        self._now = monotonic() - self.began
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.complete = True  # a 101: what follows is not HTTP

    def ended(self) -> Failure | None:
        """The connection has closed in order; that is the end of a body that has neither length nor chunks."""
        headers = tuple(self._headers)
        framed = self._chunked or header(headers, "content-length") is not None
        if self._status is not None and not framed:
            self.connection = "closed"
            return None
        return Failure("cut", "closed before the response was complete")

    def outcome(self, failure: Failure | None) -> Response | Failure:
        if self._status is None:
            return failure or Failure("cut", "no response")
        self._close_chunk()
        return Response(
            self._status, tuple(self._headers), tuple(self._chunks), failure, None if failure else self.connection
        )

    # --- httptools ---

    def on_message_begin(self) -> None:
        self._headers.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200 and status != 101:
            return  # an interim response: the real one follows
        headers = tuple(self._headers)
        self._status = status
        self._chunked = "chunked" in (header(headers, "transfer-encoding") or "").lower()
        self._events.expect(headers)
        self.connection = "kept" if self._parser.should_keep_alive() else "closed"
        self.complete = self._method == "HEAD"

    def on_body(self, data: bytes) -> None:
        self.surplus |= self._method == "HEAD"
        if self.left or self.complete:
            return
        self._open += data[: self._events.feed(data)]
        if not self._chunked:
            self._close_chunk()

    def on_chunk_complete(self) -> None:
        self._close_chunk()

    def on_message_complete(self) -> None:
        self.complete = self._status is not None and not self.left

    def _close_chunk(self) -> None:
        if self._open:
            self._chunks.append(Chunk(self._now, self._open))
            self._open = b""


class EventCounter:
    """Counts the server-sent events of a body while it comes; of any other body there are none."""

    def __init__(self, on_event: OnEvent | None = None, stop_at: int | None = None) -> None:
        self.seen = 0
        self._on_event = on_event
        self._stop_at = stop_at
        self._parser: EventParser | None = None
        self._decoded: Callable[[bytes], bytes] | None = None

    @property
    def enough(self) -> bool:
        return self._stop_at is not None and self.seen >= self._stop_at

    def expect(self, headers: Headers) -> None:
        if "event-stream" in (header(headers, "content-type") or "").lower():
            self._parser = EventParser()
        if header(headers, "content-encoding") in ("gzip", "deflate"):
            self._decoded = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress  # 32: either header

    def feed(self, data: bytes) -> int:
        """How many of the bytes the client has seen: all, or those up to the event that it leaves at."""
        if self._parser is None:
            return len(data)
        before = len(self._parser.incomplete)
        for event in self._parser.feed(self._plain(data)):
            self._saw_one()
            before -= len(event.raw)
            if self.enough:
                return len(data) if self._decoded else -before
        return len(data)

    def _plain(self, data: bytes) -> bytes:
        if self._decoded is None:
            return data
        try:
            return self._decoded(data)
        except zlib.error:
            return b""  # nobody could see an event in it; the bytes are kept all the same

    def _saw_one(self) -> None:
        self.seen += 1
        if self._on_event is not None:
            self._on_event(self.seen)
