"""An upstream's stream that two may read: the same-format path first, and LiteLLM where that one does not go on."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextvars import ContextVar
from typing import cast

import httpx

_wanted: ContextVar[list[Tap] | None] = ContextVar("taps", default=None)


class Tap(httpx.AsyncByteStream):
    """`read` gives the next piece; whoever iterates after that gets every piece from the first one on.

    An upstream that failed once fails the same way for everybody.
    """

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream
        self._pieces: AsyncIterator[bytes] | None = None
        self._failure: Exception | None = None
        self._kept: list[bytes] = []

    async def read(self) -> bytes:
        """The next piece, b"" at the end. Raises what the transport raises."""
        piece = await self._next()
        self._kept.append(piece)
        return piece

    def begin_again(self, pieces: Sequence[bytes]) -> None:
        """Whoever iterates gets these, and nothing more."""
        self._kept = [*pieces, b""]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._kept:
            if piece:
                yield piece
        while not (self._kept and not self._kept[-1]) and (piece := await self._next()):
            yield piece

    async def _next(self) -> bytes:
        if self._failure is not None:
            raise self._failure
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
        await self._stream.aclose()


def taps() -> list[Tap]:
    """The streams of the calls that are made from here on, in this task and in those that it starts."""
    found: list[Tap] = []
    _wanted.set(found)
    return found


def tapped(response: httpx.Response) -> httpx.Response:
    """With a tap in its stream, where that is one of plain server-sent events, and somebody wants it."""
    wanted = _wanted.get()
    plain = response.headers.get("content-encoding", "identity") == "identity"
    streams = response.headers.get("content-type", "").startswith("text/event-stream")
    if wanted is not None and response.status_code == 200 and streams and plain:
        tap = Tap(cast("httpx.AsyncByteStream", response.stream))
        wanted.append(tap)
        response.stream = tap
    return response
