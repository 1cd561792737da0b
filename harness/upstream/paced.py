"""The simulated provider under load: it answers anything at a set pace, and counts what it was asked.

Nothing is compared here, so nothing is kept: an answer is made once for each kind of request, and its bytes are used
again. That is what lets one core hold a thousand streams and the load generator as well.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Any, Self, cast

import httptools

from harness.errors import PortTaken
from harness.model import Reply, Request, Send
from harness.upstream.answer import chunk, complete_headers, head
from harness.upstream.autoplay import Speech, answer

COUNTS = "/counts"  # GET: the counts as JSON; with ?reset they begin again
Policy = Callable[[Request], Reply | None]
_HOST = "127.0.0.1"
_END = b"0\r\n\r\n"
_WORD = "word "


@dataclass(frozen=True, slots=True)
class Pace:
    """In seconds: to the first byte of an answer, and between two events of a stream that has `events` of content.
    `whole`: to an answer that is not streamed, where that takes longer. `together`: what is said before the first
    word, and behind the last, comes with it, so that a gateway that holds some of it back keeps nobody waiting."""

    first_byte: float = 0.3
    between: float = 0.02
    events: int = 60
    whole: float = 0.0
    together: bool = False

    def first(self, streams: bool) -> float:
        """Seconds."""
        return self.first_byte if streams else max(self.first_byte, self.whole)


@dataclass(slots=True)
class Counts:
    """`peak`: the most calls that were in flight at one time. `left`: the gateway hung up before the end."""

    calls: int = 0
    in_flight: int = 0
    peak: int = 0
    complete: int = 0
    left: int = 0
    refused: int = 0  # by the policy: a challenge, for instance

    def begin(self) -> None:
        self.calls += 1
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)

    def end(self, complete: bool) -> None:
        self.in_flight -= 1
        self.complete += complete
        self.left += not complete


class PacedUpstream:
    """`async with PacedUpstream() as upstream:` listens on `upstream.url`; raises `PortTaken`.

    What `policy` gives instead of None is answered at once: a challenge, a fault.
    """

    def __init__(self, port: int = 0, pace: Pace | None = None, policy: Policy | None = None) -> None:
        self.pace = pace or Pace()
        self.counts = Counts()
        self.paths: Counter[str] = Counter()
        self.policy = policy
        self._port = port
        speech = Speech(_WORD * self.pace.events, self.pace.events)
        self._pieces = lru_cache(256)(lambda asked: _pieces(asked, speech, together=self.pace.together))

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self._port}"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: _Connection(self), _HOST, self._port, backlog=4096)
        except OSError as error:
            raise PortTaken(self._port) from error
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()

    def told(self) -> bytes:
        counts = self.counts
        numbers = {name: getattr(counts, name) for name in Counts.__slots__}
        return json.dumps({**numbers, "paths": dict(sorted(self.paths.items()))}).encode()

    def reset(self) -> None:
        """Everything begins at nothing; only what is in flight stays."""
        self.counts = Counts(in_flight=self.counts.in_flight, peak=self.counts.in_flight)
        self.paths.clear()

    def pieces(self, request: Request) -> tuple[bytes, ...]:
        """What is written one after the other, `between` apart: the head with the first event, ..., the end."""
        pieces: tuple[bytes, ...] = self._pieces(asked(request))
        return pieces


Asked = tuple[str, str, str, bool, bool]  # method, path, model, stream, with usage


def asked(request: Request) -> Asked:
    """What an answer depends on; the words of a prompt are not a part of it."""
    try:
        body = json.loads(request.body) if request.body else {}
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    usage = body.get("stream_options")
    included = isinstance(usage, dict) and usage.get("include_usage") is True
    return request.method, request.path, str(body.get("model", "")), body.get("stream") is True, included


def _pieces(what: Asked, speech: Speech, *, together: bool) -> tuple[bytes, ...]:
    method, path, model, stream, usage = what
    body: dict[str, Any] = {"model": model, "stream": stream, "stream_options": {"include_usage": usage}}
    pieces = written(answer(Request(method, path, (), json.dumps(body).encode()), 1, speech), method)
    return _with_the_words(pieces) if together else pieces


def _with_the_words(pieces: tuple[bytes, ...]) -> tuple[bytes, ...]:
    words = [place for place, piece in enumerate(pieces) if _WORD.encode() in piece]
    if len(words) < 2:
        return pieces
    first, last = words[0], words[-1]
    return (b"".join(pieces[: first + 1]), *pieces[first + 1 : last], b"".join(pieces[last:]))


def written(reply: Reply, method: str) -> tuple[bytes, ...]:
    """A reply without waits, as bytes on the wire."""
    first = head(reply.status, complete_headers(reply, method))
    if reply.acts is None:
        return (first + reply.body,)
    events = [chunk(act.data) for act in reply.acts if isinstance(act, Send)]
    return (first + events[0], *events[1:-1], events[-1] + _END)


class _Connection(asyncio.Protocol):
    """One request after the other; a gateway that sends two at once is no gateway of ours."""

    def __init__(self, upstream: PacedUpstream) -> None:
        self._upstream = upstream
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # what create_server gives; uvloop's has another base
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._upstream.counts.end(complete=False)

    # --- httptools

    def on_message_begin(self) -> None:
        self._path, self._headers, self._body = b"", list[tuple[str, str]](), bytearray()

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_body(self, data: bytes) -> None:
        self._body += data

    def on_message_complete(self) -> None:
        method, path = self._parser.get_method().decode("ascii"), self._path.decode("latin-1")
        self._answer(Request(method, path, tuple(self._headers), bytes(self._body)))

    # --- answering

    def _answer(self, request: Request) -> None:
        upstream = self._upstream
        path, _, query = request.path.partition("?")
        if path == COUNTS:
            told = upstream.told()
            if query == "reset":
                upstream.reset()
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(told), told))
            return
        refusal = upstream.policy(request) if upstream.policy else None
        if refusal is not None:
            upstream.counts.refused += 1
            self._transport.write(b"".join(written(refusal, request.method)))
            return
        upstream.counts.begin()
        upstream.paths[path] += 1
        loop = asyncio.get_running_loop()
        pieces = upstream.pieces(request)
        at_once = len(pieces) > 1 or request.method != "POST"  # no model works on it
        self._loop, self._due = loop, loop.time() + upstream.pace.first(at_once)
        self._left = iter(pieces)
        self._piece = next(self._left)
        self._timer = loop.call_at(self._due, self._send)

    def _send(self) -> None:
        """One piece; the next one is due by the clock, so that a late one does not make all others late."""
        piece, self._piece = self._piece, next(self._left, b"")
        self._transport.write(piece)
        if not self._piece:
            self._timer = None
            self._upstream.counts.end(complete=True)
            return
        self._due += self._upstream.pace.between
        self._timer = self._loop.call_at(self._due, self._send)
