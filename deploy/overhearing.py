"""The bytes of the calls that this program makes, where its HTTP clients read and write them: those of aiohttp, which
LiteLLM 1.106.2 asks its providers with, and of httpcore, which httpx is made of.

What is here looks, keeps, and goes on: whatever goes wrong in it, the client's own method is called, and its outcome is
what the program gets.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from deploy.copying import CALL, Made

_heard: WeakKeyDictionary[Any, Made] = WeakKeyDictionary()  # by connection: the call that it is in
_young: WeakSet[Any] = WeakSet()  # aiohttp's connections that were made since: uvloop asks the others' old methods


def hear() -> None:
    """From now on, once for all. Raises RuntimeError where a client is another than the one that is known here."""
    try:
        _hear_httpcore()
        if "aiohttp" in sys.modules:
            _hear_aiohttp()
    except (ImportError, AttributeError) as error:
        raise RuntimeError(f"its HTTP client is not one that can be heard: {error}") from error


def wrote(connection: Any, data: bytes, port: Callable[[], int]) -> None:
    """A write after something was read begins another call."""
    with suppress(Exception):
        call, made = CALL.get(), _heard.get(connection)
        if call is None or call.over:
            _heard.pop(connection, None)
            return
        if made is None or made.call is not call or made.got:
            made = _heard[connection] = call.makes(port())
        if not call.keeps_own:
            made.sent.append(call.keep(bytes(data)))


def got(connection: Any, data: bytes) -> None:
    with suppress(Exception):
        made = _heard.get(connection)
        if made is None or made.call.over:
            return
        if not made.call.keeps_own:
            made.got.append((monotonic(), made.call.keep(bytes(data))))
        elif not made.got:
            made.got.append((monotonic(), b""))


def ended(connection: Any, how: str) -> None:
    """By the other side."""
    with suppress(Exception):
        made = _heard.pop(connection, None)
        if made is not None:
            made.how = how


def _hear_httpcore() -> None:
    from httpcore._backends.anyio import AnyIOStream  # noqa: PLC0415 - it need not be there

    read, write = AnyIOStream.read, AnyIOStream.write
    if hasattr(write, "heard"):
        return

    async def reading(self: Any, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - its own
        try:
            data = await read(self, max_bytes, timeout)
        except Exception as error:
            ended(self, f"reset: {type(error).__name__}")
            raise
        got(self, data) if data else ended(self, "closed")
        return data

    async def writing(self: Any, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - its own
        wrote(self, buffer, lambda: int(self.get_extra_info("client_addr")[1]))
        await write(self, buffer, timeout)

    writing.heard = True  # type: ignore[attr-defined]
    AnyIOStream.read, AnyIOStream.write = reading, writing  # type: ignore[method-assign]


def _hear_aiohttp() -> None:
    from aiohttp.client_proto import ResponseHandler  # noqa: PLC0415 - it need not be there
    from aiohttp.http_writer import StreamWriter  # noqa: PLC0415

    made, write, writelines = ResponseHandler.connection_made, StreamWriter._write, StreamWriter._writelines
    received, eof, lost = ResponseHandler.data_received, ResponseHandler.eof_received, ResponseHandler.connection_lost
    if hasattr(write, "heard"):
        return

    def making(self: Any, transport: Any) -> None:
        _young.add(self)
        made(self, transport)

    def writing(self: Any, chunk: bytes) -> None:
        _look_at_age(self._protocol)
        wrote(self._protocol, chunk, lambda: _port(self))
        write(self, chunk)

    def writing_lines(self: Any, chunks: Iterable[bytes]) -> None:
        lines = [*chunks]
        _look_at_age(self._protocol)
        wrote(self._protocol, b"".join(lines), lambda: _port(self))
        writelines(self, lines)

    def receiving(self: Any, data: bytes) -> None:
        if data:
            got(self, data)
        received(self, data)

    def ending(self: Any) -> None:
        ended(self, "closed")
        eof(self)

    def losing(self: Any, exc: BaseException | None) -> None:
        ended(self, "" if exc is None else f"reset: {type(exc).__name__}")  # None: closed from here
        lost(self, exc)

    writing.heard = True  # type: ignore[attr-defined]
    StreamWriter._write, StreamWriter._writelines = writing, writing_lines  # type: ignore[method-assign, assignment]
    ResponseHandler.data_received, ResponseHandler.eof_received = receiving, ending  # type: ignore[method-assign]
    ResponseHandler.connection_made, ResponseHandler.connection_lost = making, losing  # type: ignore[method-assign]


def _look_at_age(connection: Any) -> None:
    """One that is older than this is not kept for another call: what it gets cannot be heard."""
    with suppress(Exception):
        if connection not in _young:
            connection.force_close()
            if (call := CALL.get()) is not None:
                call.unheard = True


def _port(writer: Any) -> int:
    return int(writer.transport.get_extra_info("sockname")[1])
