"""Copies of the calls that pass a program, for a shadow that looks on: no client waits or fails for them.

Nothing stands in anybody's way: the calls are looked at where they pass within the program. What a client sends and is
sent is kept until its call is over, and told afterwards. Where that is too much, or nobody takes it, it is dropped and
counted. The front (who has the production port) tells its clients' calls; who stands behind it tells what it asked its
providers meanwhile, byte for byte. Both tell the port that their connection had, which is how the two are put together.

A message is a line of JSON and the bytes that it counts, in this order: body, chunks, and sent and got of each of made.

    {face: front or back, port: the client's, began, how: whole, left, failed, too large or
     unheard, lost: calls dropped so far,
     method, path, headers: [[name, value]], status, answer: [[name, value]], body: size, chunks: [[at, size]],
     made: [{began, port, how: "" or how the other side ended it, sent: size, got: [[at, size]]}]}

Times are seconds of the machine's monotonic clock.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from deploy.tally import PROBES, App, Message, Receive, Send

_MOST_OF_ONE = 8 << 20  # bytes of a call; a larger one is told without them
_MOST = 64 << 20  # bytes that are kept at one time, told and not yet taken among them
_SETTLES = 0.3  # seconds that a call's own calls may take to end after it


def shadow_of(folder: Path) -> Path:
    """Where a shadow takes the copies of all programs."""
    return folder / "shadow.calls"


CALL: ContextVar[Call | None] = ContextVar("call", default=None)


@dataclass(slots=True, eq=False)
class Made:
    """A call that the program makes while it answers another: as its bytes pass, those of TLS unwrapped."""

    call: Call
    port: int
    began: float = field(default_factory=monotonic)
    how: str = ""
    sent: list[bytes] = field(default_factory=list)
    got: list[tuple[float, bytes]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Call:
    """A call that the program answers. `keeps_own`: its own bytes, or (the back) those of the calls that it makes."""

    copies: Copies
    keeps_own: bool
    scope: MutableMapping[str, Any]
    began: float = field(default_factory=monotonic)
    body: list[bytes] = field(default_factory=list)
    status: int = 0
    answer: list[tuple[bytes, bytes]] = field(default_factory=list)
    chunks: list[tuple[float, bytes]] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    kept: int = 0
    too_large: bool = False
    unheard: bool = False
    ended: bool = False
    left: bool = False
    over: bool = False

    def keep(self, data: bytes) -> bytes:
        """`data`, unless there is no room left for it."""
        if self.too_large or self.kept + len(data) > _MOST_OF_ONE or self.copies.kept + len(data) > _MOST:
            self.too_large = True
            return b""
        self.kept += len(data)
        self.copies.kept += len(data)
        return data

    def makes(self, port: int) -> Made:
        made = Made(self, port)
        self.made.append(made)
        return made

    def heard(self, receive: Receive) -> Receive:
        async def received() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.left = True
            elif self.keeps_own and (body := message.get("body")):
                self.body.append(self.keep(body))
            return message

        return received

    def noted(self, send: Send) -> Send:
        async def sent(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.start":
                self.status, self.answer = message["status"], [*message.get("headers", ())]
            elif message["type"] == "http.response.body":
                self.ended = not message.get("more_body", False)
                if self.keeps_own and (body := message.get("body")):
                    self.chunks.append((monotonic(), self.keep(body)))

        return sent

    @property
    def how(self) -> str:
        if self.too_large:
            return "too large"
        if self.unheard:
            return "unheard"
        return "whole" if self.ended else "left" if self.left else "failed"

    def forgotten(self) -> None:
        self.over = True
        self.copies.kept -= self.kept
        self.made, self.body, self.chunks = [], [], []


def _bytes_of(made: Iterable[Made]) -> list[bytes]:
    return [data for each in made for data in (*each.sent, *(got for _, got in each.got))]


class Copies:
    """Of one program's calls, from `begin` to `end`, or until nobody takes them any more. `hear`: from then on those
    that it makes are heard; raises RuntimeError where they cannot be."""

    def __init__(self, front: bool, hear: Callable[[], None]) -> None:
        self.kept = 0
        self._front, self._hear, self._lost = front, hear, 0
        self._sink: asyncio.WriteTransport | None = None

    @property
    def taken(self) -> bool:
        return self._sink is not None

    async def begin(self, place: Path) -> None:
        """Raises OSError where nobody listens there, RuntimeError where this program's calls cannot be heard."""
        self._hear()
        await self.end()
        sink, _ = await asyncio.get_running_loop().create_unix_connection(lambda: _Taker(self), str(place))
        sink.set_write_buffer_limits(high=_MOST)
        self._sink, self._lost = sink, 0

    async def end(self) -> None:
        if self._sink is not None:
            self._sink.close()
            self._sink = None

    def gone(self, sink: asyncio.BaseTransport) -> None:
        """Whoever took them has ended."""
        if self._sink is sink:
            self._sink = None

    def around(self, app: App) -> App:
        async def copied(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
            if self._sink is None or scope["type"] != "http" or scope["path"] in PROBES:
                await app(scope, receive, send)
                return
            call = Call(self, self._front, scope)
            token = CALL.set(call)
            try:
                await app(scope, call.heard(receive), call.noted(send))
            finally:
                CALL.reset(token)
                asyncio.get_running_loop().call_later(0.0 if self._front else _SETTLES, self._tell, call)

        return copied

    def _tell(self, call: Call) -> None:
        with suppress(Exception):  # whatever it is, no client is to know of it
            sink = self._sink
            if sink is not None and sink.get_write_buffer_size() + self.kept > _MOST:
                self._lost += 1
            elif sink is not None:
                sink.writelines(told(call, self._front, self._lost))
        call.forgotten()


class _Taker(asyncio.Protocol):
    def __init__(self, copies: Copies) -> None:
        self._copies = copies
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        if self._transport is not None:
            self._copies.gone(self._transport)


def told(call: Call, front: bool, lost: int) -> list[bytes]:
    """As it goes out: see above."""
    body = b"".join(call.body)
    head = {
        "face": "front" if front else "back",
        "port": (call.scope.get("client") or ("", 0))[1],
        "began": call.began,
        "how": call.how,
        "lost": lost,
        **(_spoken(call) if front else {}),
        "body": len(body),
        "chunks": [[at, len(data)] for at, data in call.chunks],
        "made": [_made(each) for each in call.made],
    }
    blobs = [body, *(data for _, data in call.chunks), *_bytes_of(call.made)]
    return [json.dumps(head).encode() + b"\n", *(blob for blob in blobs if blob)]


def _spoken(call: Call) -> dict[str, Any]:
    scope, query = call.scope, call.scope["query_string"].decode("latin-1")
    path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
    return {
        "method": scope["method"],
        "path": f"{path}?{query}" if query else path,
        "headers": _texts(scope["headers"]),
        "status": call.status,
        "answer": _texts(call.answer),
    }


def _texts(headers: Iterable[tuple[bytes, bytes]]) -> list[list[str]]:
    return [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers]


def _made(made: Made) -> dict[str, Any]:
    return {
        "began": made.began,
        "port": made.port,
        "how": made.how,
        "sent": sum(map(len, made.sent)),
        "got": [[at, len(data)] for at, data in made.got],
    }
