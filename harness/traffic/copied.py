"""Calls that a running gateway's programs have copied (`deploy/copying.py` has the format), put together again: what a
client asked and was answered, and what the provider was asked for it, and answered.

Who has the port tells the client's call and the ports of the connections that it made for it; who stands behind it
tells what it asked the provider while it answered a call from such a port. So nothing has to be guessed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httptools

from harness.event_stream import parse
from harness.model import Chunk, Exchange, Failure, Headers, Request, Response, header
from harness.traffic.recorded_call import RecordedCall
from harness.traffic.to_scenario import is_last

LONGEST_LINE = 1 << 24
_PATIENCE = 5.0  # seconds that the back may tell its part after the front
_FORGOTTEN = 60.0  # seconds that a part is kept whose other part does not come
_BODILESS = (204, 304)


@dataclass(frozen=True, slots=True)
class Message:
    head: Mapping[str, Any]
    data: bytes


async def messages(reader: asyncio.StreamReader) -> AsyncIterator[Message]:
    """Until the program ends, or stops in the middle of one. Raises ValueError for what is none."""
    while line := await reader.readline():
        head = json.loads(line)
        try:
            data = await reader.readexactly(_size(head))
        except asyncio.IncompleteReadError:
            return
        yield Message(head, data)


def _size(head: Mapping[str, Any]) -> int:
    made = sum(each["sent"] + sum(size for _, size in each["got"]) for each in head["made"])
    return int(head["body"] + sum(size for _, size in head["chunks"]) + made)


# --- both parts -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Copied:
    """`upstream` are the calls that `client`'s caused, in their order. Their times are on one clock, on which the
    client's request began at 0. `unfit`: why it can be compared with nothing; None where it can."""

    client: Exchange
    upstream: tuple[Exchange, ...] = ()
    unfit: str | None = None


@dataclass(slots=True)
class Joining:
    """What has come, and waits for its other part; `now` is any clock in seconds."""

    _fronts: list[tuple[float, Message]] = field(default_factory=list)
    _backs: list[tuple[float, Message]] = field(default_factory=list)

    def add(self, message: Message, now: float) -> None:
        waiting = self._fronts if message.head["face"] == "front" else self._backs
        waiting.append((now, message))

    def joined(self, now: float) -> list[Copied]:
        """Those that are whole now, and those whose other part nobody expects any more."""
        done, waiting = list[Copied](), list[tuple[float, Message]]()
        for since, front in self._fronts:
            backs = self._of(front)
            if backs is None and now - since < _PATIENCE:
                waiting.append((since, front))
            else:
                done.append(_put_together(front, backs))
        self._fronts = waiting
        self._backs = [(since, back) for since, back in self._backs if now - since < _FORGOTTEN]
        return done

    def _of(self, front: Message) -> list[Message] | None:
        """One for each connection that the front has made; None as long as one is missing."""
        found = [self._back(made) for made in front.head["made"]]
        backs = [back for back in found if back is not None]
        if len(backs) < len(found):
            return None
        self._backs = [(since, back) for since, back in self._backs if all(back is not each for each in backs)]
        return backs

    def _back(self, made: Mapping[str, Any]) -> Message | None:
        """The first call from that port after the connection had it: ports are used again."""
        possible = [back for _, back in self._backs if _answers(back.head, made)]
        return min(possible, key=lambda back: float(back.head["began"]), default=None)


def _answers(head: Mapping[str, Any], made: Mapping[str, Any]) -> bool:
    return bool(head["port"] == made["port"] and head["began"] >= made["began"])


def _put_together(front: Message, backs: list[Message] | None) -> Copied:
    client = _client(front)
    upstream = [call for back in backs or () for call in _upstream(back, front.head["began"])]
    calls = tuple(sorted((call for call in upstream if call is not None), key=lambda call: call.at))
    return Copied(client, calls, _unfit(front, backs, whole=len(calls) == len(upstream), client=client))


def _unfit(front: Message, backs: list[Message] | None, *, whole: bool, client: Exchange) -> str | None:
    if front.head["how"] == "left":
        return "its client left before the end of the answer"
    if backs is None:
        return "what the provider was asked for it was not seen"
    if any(each.head["how"] == "too large" for each in (front, *backs)):
        return "it was too large to be copied"
    if any(each.head["how"] == "unheard" for each in backs):
        return "its connection to the provider was older than the shadow"
    if not whole:
        return "a call to the provider could not be read"
    if not any(each.head["made"] for each in backs) and _is_refused(client):
        return "LiteLLM had taken the model out of service, for earlier calls"
    return None


def _is_refused(client: Exchange) -> bool:
    return isinstance(client.outcome, Response) and client.outcome.status == 429


# --- one part -------------------------------------------------------------------------------------------------------


def _client(front: Message) -> Exchange:
    head = front.head
    body, rest = front.data[: head["body"]], front.data[head["body"] :]
    request = Request(head["method"], head["path"], _headers(head["headers"]), body)
    if not head["status"]:
        return Exchange(request, Failure("cut", "no response"))
    chunks = tuple(Chunk(at - head["began"], data) for at, data in _cut(rest, head["chunks"]))
    failure = Failure("cut", "closed before the response was complete") if head["how"] == "failed" else None
    headers = _framed(_headers(head["answer"]), head["method"], head["status"])
    return Exchange(request, Response(head["status"], headers, chunks, failure))


def _framed(headers: Headers, method: str, status: int) -> Headers:
    """With what the server adds where the answer has no length (uvicorn's httptools_impl.py)."""
    if method == "HEAD" or status in _BODILESS or header(headers, "content-length") is not None:
        return headers
    return (*headers, ("transfer-encoding", "chunked"))


def _upstream(back: Message, began: float) -> Iterator[Exchange | None]:
    """None for one that is not whole, or not HTTP."""
    rest = back.data
    for made in back.head["made"]:
        sent, rest = rest[: made["sent"]], rest[made["sent"] :]
        pieces = [*_cut(rest, made["got"])]
        rest = rest[sum(len(data) for _, data in pieces) :]
        request = _Request.of(sent)
        yield None if request is None else replace(_answered(request, made, pieces), at=made["began"] - began)


def _answered(request: Request, made: Mapping[str, Any], pieces: list[tuple[float, bytes]]) -> Exchange:
    now = made["began"]
    call = RecordedCall(request.method, request.path, request.headers, lambda: now)
    call.sent(request.body)
    for at, data in pieces:
        now = at
        call.feed(data)
    if call.is_open and made["how"]:
        call.ended(None if made["how"] == "closed" else made["how"])
    elif call.is_open:
        call.left()
    return _whole(call.exchange())


def _whole(exchange: Exchange) -> Exchange:
    """After the last event a gateway may well hang up."""
    outcome = exchange.outcome
    if not isinstance(outcome, Response) or outcome.failure is None or outcome.failure.kind != "left":
        return exchange
    events = parse(outcome.body)[0]
    return replace(exchange, outcome=replace(outcome, failure=None)) if events and is_last(events[-1]) else exchange


def _cut(data: bytes, pieces: list[tuple[float, int]]) -> Iterator[tuple[float, bytes]]:
    begin = 0
    for at, size in pieces:
        yield at, data[begin : begin + size]
        begin += size


def _headers(pairs: list[list[str]]) -> Headers:
    return tuple((name, value) for name, value in pairs)


class _Request:
    """httptools tells it what a request is made of."""

    def __init__(self) -> None:
        self._path, self._body, self._headers, self._whole = b"", b"", list[tuple[str, str]](), False

    @classmethod
    def of(cls, data: bytes) -> Request | None:
        """None where that is not a whole one."""
        one = cls()
        parser = httptools.HttpRequestParser(one)
        try:
            parser.feed_data(data)
        except httptools.HttpParserError:
            return None
        method = parser.get_method().decode("ascii")
        return Request(method, one._path.decode("latin-1"), tuple(one._headers), one._body) if one._whole else None

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_body(self, data: bytes) -> None:
        self._body += data

    def on_message_complete(self) -> None:
        self._whole = True
