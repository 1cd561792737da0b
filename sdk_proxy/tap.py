"""An upstream's answer that two may read: the same-format path first, and LiteLLM where that one does not go on."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import cast

import httpx

from sdk_proxy.lean_reading import content_of, let_go

_NOTHING = httpx.ByteStream(b"")
_current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


@dataclass(slots=True)
class Exchange:
    """What one request says to its upstream: the calls, with the transports that they went through; and what it hears.

    `in_hand` is an outcome that is there already: the next call gets it, and goes nowhere. `challenged_by`: origins of
    which one challenge was answered.
    """

    sent: list[tuple[httpx.AsyncBaseTransport, httpx.Request]] = field(default_factory=list)
    answers: list[httpx.Response] = field(default_factory=list)
    taps: list[Tap] = field(default_factory=list)
    in_hand: httpx.Response | Exception | None = None
    challenged_by: set[str] = field(default_factory=set)

    def forget(self) -> None:
        """Who needs any of it has it by now, and a connection that is kept keeps the context that it was opened in.

        What was sent is sent: LiteLLM's streams keep their request, until somebody looks for garbage.
        """
        for _, request in self.sent:
            request.stream, request._content = _NOTHING, b""
        self.sent.clear()
        self.answers.clear()
        self.taps.clear()


class Tap(httpx.AsyncByteStream):
    """`read` gives the next piece; whoever iterates after that gets every piece from the first one on.

    An upstream that failed once fails the same way for everybody.
    """

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream, self._content = stream, content_of(stream)
        self._pieces: AsyncIterator[bytes] | None = None
        self._failure: Exception | None = None
        self._kept: list[bytes] = []
        self._led: AsyncIterable[bytes] | None = None

    async def read(self, keep: bool = True) -> bytes:
        """The next piece, b"" at the end. Raises what the transport raises. `keep`: for whoever iterates after that."""
        piece = await self._next()
        if keep:
            self._kept.append(piece)
        return piece

    def lead(self, pieces: AsyncIterable[bytes]) -> None:
        """Whoever iterates gets these."""
        self._led = pieces

    def begin_again(self, pieces: Sequence[bytes]) -> None:
        """Whoever iterates gets these, and nothing more."""
        self._kept = [*pieces, b""]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._led is not None:
            async for piece in self._led:
                yield piece
            return
        for piece in self._kept:
            if piece:
                yield piece
        while not (self._kept and not self._kept[-1]) and (piece := await self._next()):
            yield piece

    async def _next(self) -> bytes:
        if self._failure is not None:
            raise self._failure
        if self._content is not None:
            try:
                return await self._content.readany()
            except Exception:  # noqa: BLE001 - LiteLLM's iterator meets it as well, and tells it in its own words
                self._content = None
            except BaseException:  # who waited for it is cancelled, or forgotten
                let_go(self._stream)
                raise
        if self._pieces is None:
            self._pieces = aiter(self._stream)
        try:
            return await anext(self._pieces, b"")
        except Exception as error:
            self._failure = error
            raise

    async def aclose(self) -> None:
        if isinstance(self._pieces, AsyncGenerator):
            await self._pieces.aclose()
        let_go(self._stream)
        await self._stream.aclose()


def exchange() -> Exchange:
    """The calls that are made from here on, in this task and in those that it starts."""
    found = Exchange()
    _current.set(found)
    return found


def calling(transport: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response | None:
    """The answer that is in hand for this call; raises the failure that is."""
    current = _current.get()
    if current is None:
        return None
    current.sent.append((transport, request))
    outcome, current.in_hand = current.in_hand, None
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def is_first_challenge(origin: str) -> bool:
    """Return whether the request meets a challenge of this origin for the first time: each time outside a request."""
    current = _current.get()
    if current is None:
        return True
    is_first = origin not in current.challenged_by
    current.challenged_by.add(origin)
    return is_first


def tapped(response: httpx.Response) -> httpx.Response:
    """With a tap in its stream, where that is one of plain server-sent events, and somebody wants it."""
    current = _current.get()
    plain = response.headers.get("content-encoding", "identity") == "identity"
    streams = response.headers.get("content-type", "").startswith("text/event-stream")
    if current is not None:
        current.answers.append(response)
    if current is not None and response.status_code == 200 and streams and plain:
        tap = Tap(cast("httpx.AsyncByteStream", response.stream))
        current.taps.append(tap)
        response.stream = tap
    return response
