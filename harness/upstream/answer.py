"""A Reply, act by act, onto a connection."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from itertools import pairwise

from harness.event_stream import EventParser
from harness.model import Act, Cut, Failure, Headers, Reply, Send, Wait, WaitForClient, header
from harness.upstream.connection import Connection
from harness.upstream.play import Call, Progress

_LAST_CHUNK = b"0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Timing:
    """In seconds.

    The gap between two acts keeps the events apart on their way: a gateway that finds several in one read may pass
    them on as one. LiteLLM 1.106.2 (/v1/messages) made one chunk of 24 events without a gap, 24 chunks, with the ping
    before message_start, with 5 ms; with 2 ms, or on a busy machine, it was sometimes the one and sometimes the other.
    So the gap ends when the client has seen something new. Where the gateway holds back, for longer than `gap`, or
    where the bytes end no event, so that there is nothing to see, it ends when the gateway has read them.
    """

    patience: float  # that a `WaitForClient` holds at most
    gap: float  # that the client is given to see something new
    pause: float = 0.005  # before anything else, where there is a gap at all
    before_cut: int = 8  # times as long: what a gateway has in hand when its connection is reset may be lost
    silence: float = 2.0  # times the gap, in which the client saw nothing new, before a cut: a busy gateway lags behind


async def answer(call: Call, connection: Connection, client: Progress, timing: Timing) -> None:
    """Play the call's reply; `client` is what a `WaitForClient` looks at. The call is finished whatever happens."""
    try:
        call.finish(await _Playing(call, connection, client, timing).reply(call.reply))
    except asyncio.CancelledError:
        call.leave()
        raise


class _Playing:
    def __init__(self, call: Call, connection: Connection, client: Progress, timing: Timing) -> None:
        self._call = call
        self._connection = connection
        self._client = client
        self._timing = timing
        self._events = EventParser()  # of what was sent
        self._pause: Wait | None = None  # in which a client that leaves does so

    async def reply(self, reply: Reply) -> Failure | None:
        for act in reply.before:
            if failure := await self._act(act):
                return failure
        headers = complete_headers(reply, self._call.request.method)
        self._call.started(reply.status, headers)
        if bodiless(reply, self._call.request.method):
            await self._connection.write(head(reply.status, headers))
            return None
        return await self._body(reply, headers)

    async def _body(self, reply: Reply, headers: Headers) -> Failure | None:
        if reply.acts is None:
            self._call.sent(reply.body)
            await self._connection.write(head(reply.status, headers) + reply.body)
            return None
        await self._connection.write(head(reply.status, headers))
        return await self._stream(reply.acts, chunked=header(headers, "transfer-encoding") is not None)

    async def _stream(self, acts: tuple[Act, ...], chunked: bool) -> Failure | None:
        end = _LAST_CHUNK if chunked else b""
        self._pause = next((act for act in reversed(acts) if isinstance(act, Wait)), None)
        for act, following in pairwise(acts):
            seen = self._client.events
            if failure := await self._act(act, chunked):
                return failure
            visible = isinstance(act, Send) and bool(self._events.feed(act.data))
            await self._gap(seen, visible=visible, cut=isinstance(following, Cut))
        # The end goes out with the last bytes: a client that hangs up at the last event has the whole answer.
        last = acts[-1] if acts else Send(b"")
        if not isinstance(last, Send):
            if failure := await self._act(last, chunked):
                return failure
            last = Send(b"")
        await self._send(last.data, chunked, end)
        return None

    async def _gap(self, seen: int, *, visible: bool, cut: bool) -> None:
        timing = self._timing
        if not timing.gap:
            return
        await asyncio.sleep(timing.pause)
        times = timing.before_cut if cut else 1
        if not (visible and await self._seen_more(seen, timing.gap * times)) or cut:
            await self._connection.read_by_peer()
            await asyncio.sleep(timing.pause * times)
        while cut and await self._seen_more(self._client.events, timing.gap * timing.silence):
            pass

    async def _seen_more(self, seen: int, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._client.reaches(seen + 1)
        except TimeoutError:
            return False
        return True

    async def _act(self, act: Act, chunked: bool = True) -> Failure | None:
        match act:
            case Send(data):
                await self._send(data, chunked)
            case Wait(seconds):
                if act is self._pause and self._client.leaves_at:
                    await self._reached(self._client.leaves_at)  # its time begins when the client can leave
                await asyncio.sleep(seconds)
            case WaitForClient(events):
                await self._wait_for_client(events)
            case Cut(how):
                self._connection.cut(how)
                return Failure("cut", f"{how}, as scripted")
        return None

    async def _send(self, data: bytes, chunked: bool, end: bytes = b"") -> None:
        if data:
            self._call.sent(data)
        await self._connection.write((chunk(data) if chunked else data) + end)

    async def _wait_for_client(self, events: int) -> None:
        if not await self._reached(events):
            self._call.withheld.append(f"{self._call.place}: event {events}")

    async def _reached(self, events: int) -> bool:
        try:
            # Not wait_for: in Python 3.11 it can lose the cancellation that says that the target has hung up.
            async with asyncio.timeout(self._timing.patience):
                await self._client.reaches(events)
        except TimeoutError:
            return False
        return True


def bodiless(reply: Reply, method: str) -> bool:
    """RFC 9110, section 6.4.1."""
    return method == "HEAD" or reply.status in (204, 304)


def complete_headers(reply: Reply, method: str) -> Headers:
    """The reply's own headers, and what frames the body: a length, or chunks. Nothing else is added."""
    given = {name.lower() for name, _ in reply.headers}
    if bodiless(reply, method) or given & {"content-length", "transfer-encoding"}:
        return reply.headers
    length = ("content-length", str(len(reply.body)))
    return (*reply.headers, length if reply.acts is None else ("transfer-encoding", "chunked"))


def head(status: int, headers: Headers) -> bytes:
    """The status line and the header section (RFC 9112); a status that nobody registered (529) has no phrase."""
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """One HTTP chunk (RFC 9112, section 7.1); no bytes are no chunk, since the empty one ends the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
