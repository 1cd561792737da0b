"""What aiohttp does for each piece that it reads, and need not: a stream has one for each of its events.

Nothing but how often it is done is different: it resumes what is not paused, and starts a timer anew (3.14.5).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from aiohttp import StreamReader
from aiohttp.client_proto import ResponseHandler
from litellm.llms.custom_httpx.aiohttp_transport import AiohttpResponseStream


def content_of(stream: httpx.AsyncByteStream) -> StreamReader | None:
    """Whence its pieces come, without the three iterators that are between; None: from elsewhere."""
    return stream._aiohttp_response.content if isinstance(stream, AiohttpResponseStream) else None


def let_go(stream: httpx.AsyncByteStream) -> None:
    """What AiohttpResponseStream.__aiter__ does at its end (1.106.2), for who has read its content without it."""
    if isinstance(stream, AiohttpResponseStream):
        stream._aiohttp_response.close()


class ReadTimeout:
    """Calls `tell` where nothing was heard for so many seconds: as a timer that starts anew with every piece."""

    __slots__ = ("_handle", "_heard", "_loop", "_tell", "seconds")

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, tell: Callable[[], None]) -> None:
        self._loop, self.seconds, self._tell = loop, seconds, tell
        self._heard = loop.time()
        self._handle = loop.call_later(seconds, self._look)

    def heard(self) -> None:
        self._heard = self._loop.time()

    def cancel(self) -> None:
        self._handle.cancel()

    def _look(self) -> None:
        left = self._heard + self.seconds - self._loop.time()
        if left > 0:
            self._handle = self._loop.call_later(left, self._look)
        else:
            self._tell()


@contextmanager
def lean_reading() -> Iterator[None]:
    """Within the block aiohttp's client reads like that."""
    resume, reschedule = ResponseHandler.resume_reading, ResponseHandler._reschedule_timeout

    def resume_reading(protocol: ResponseHandler, resume_parser: bool = True) -> None:
        if protocol._reading_paused:
            resume(protocol, resume_parser)

    handler: Any = ResponseHandler
    handler.resume_reading, handler._reschedule_timeout = resume_reading, _reschedule_timeout
    try:
        yield
    finally:
        handler.resume_reading, handler._reschedule_timeout = resume, reschedule


def _reschedule_timeout(protocol: Any) -> None:
    running, seconds = protocol._read_timeout_handle, protocol._read_timeout
    if isinstance(running, ReadTimeout) and running.seconds == seconds:
        running.heard()
        return
    if running is not None:
        running.cancel()
    protocol._read_timeout_handle = ReadTimeout(protocol._loop, seconds, protocol._on_read_timeout) if seconds else None
