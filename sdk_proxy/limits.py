"""What a client may cost: the size of its body (decoded, where it is compressed) and of its headers, how long it may
take to send its body, and all of them together: how much is worked on at one time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import monotonic

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sdk_proxy.content_coding import CODINGS, BrokenBody, Decoder, UnknownCoding, decoder_of


@dataclass(frozen=True, slots=True)
class Limits:
    """LiteLLM 1.106.2 has none by default (request_size_limit_middleware.py: a premium feature)."""

    body_bytes: int = 64 * 1024 * 1024
    header_bytes: int = 64 * 1024
    body_seconds: float = 60.0  # between two pieces of a body; for all of it, a second more for each _SLOWEST bytes
    head_seconds: float = 60.0  # from a connection, or a request's first byte, to the end of its headers
    unread_seconds: float = 300.0  # that an answer waits for a client which does not read it
    in_flight: int = 1000  # POST requests from their first byte to their answer's end; LiteLLM's pools hold as many


# Anthropic's names; OpenAI's clients go by the status.
_KINDS = {413: "request_too_large", 429: "rate_limit_error"}
_SLOWEST = 1000  # bytes a second: who sends a body more slowly holds a place that others could have
_CODINGS = ", ".join(CODINGS)
_LATER = {"retry-after": "1", "x-should-retry": "true"}


class _Exceeded(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Limited:
    """ASGI middleware: 413, 431 or 408, in the envelope of the route; the connection ends with it. 429 for what is too
    much at one time: whatever is asked with GET still says how the proxy is."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["method"] != "POST":
            await self._limited(self._app, scope, receive, send)
        elif self._open >= self._limits.in_flight:
            await self._limited(_full, scope, receive, send)
        else:
            self._open += 1
            try:
                await self._limited(self._app, scope, receive, send)
            finally:
                self._open -= 1

    async def _limited(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        reading = _Reading(receive, self._limits)
        plain: Receive = reading
        started = False

        async def sent(message: Message) -> None:
            nonlocal started
            if started or reading.exceeded is None:  # what LiteLLM makes of the end of its body is not told
                started = True
                await send(message)

        try:
            decoder = reading.check_head(scope)
            if decoder is not None:
                scope, plain = _uncoded(scope), _Decoding(reading, decoder, self._limits.body_bytes)
            await app(scope, plain, sent)
        except Exception:
            if started or reading.exceeded is None:
                raise
        if reading.exceeded is not None and not started:
            await _refusal(scope["path"], reading.exceeded)(scope, receive, send)


class _Reading:
    """A request as its application receives it, up to its limits; `exceeded` is the first one that it met."""

    def __init__(self, receive: Receive, limits: Limits) -> None:
        self._receive = receive
        self._limits = limits
        self._size = 0
        self._began = monotonic()
        self._complete = False
        self.exceeded: _Exceeded | None = None

    async def __call__(self) -> Message:
        if self.exceeded is not None:
            raise self.exceeded
        if self._complete:
            return await self._receive()  # until the client leaves: as long as its answer takes
        try:
            message = await asyncio.wait_for(self._receive(), min(self._limits.body_seconds, self._left()))
        except TimeoutError:
            raise self.exceed(408, f"No more of the request came for {self._limits.body_seconds:g} s.") from None
        self._size += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._size > self._limits.body_bytes:
            raise self.too_large()
        return message

    def check_head(self, scope: Scope) -> Decoder | None:
        """What decodes the body, where it is coded."""
        if sum(len(name) + len(value) + 4 for name, value in scope["headers"]) > self._limits.header_bytes:
            raise self.exceed(431, f"The request's headers exceed {self._limits.header_bytes} bytes.")
        headers = Headers(raw=scope["headers"])
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._limits.body_bytes:
            raise self.too_large()
        try:
            return decoder_of(",".join(headers.getlist("content-encoding")))
        except UnknownCoding:
            raise self.exceed(415, f"A request's body is plain, or in one of these codings: {_CODINGS}.") from None

    def _left(self) -> float:
        """Seconds for the rest of the body."""
        return self._began + self._limits.body_seconds + self._size / _SLOWEST - monotonic()

    def too_large(self) -> _Exceeded:
        return self.exceed(413, f"The request's body exceeds {self._limits.body_bytes} bytes.")

    def exceed(self, status: int, message: str) -> _Exceeded:
        self.exceeded = _Exceeded(status, message)
        return self.exceeded


class _Decoding:
    """A request's body without its content coding: no larger than a plain one may be."""

    def __init__(self, reading: _Reading, decoder: Decoder, most: int) -> None:
        self._reading, self._decoder, self._most = reading, decoder, most
        self._size = 0
        self._is_last = self._has_ended = False  # the last coded piece is here; the last plain one is given

    async def __call__(self) -> Message:
        while not self._has_ended:
            piece = self._next()
            self._size += len(piece)
            if self._size > self._most:
                raise self._reading.too_large()
            if piece or self._is_last:
                self._has_ended = not piece
                return {"type": "http.request", "body": piece, "more_body": bool(piece)}
            message = await self._reading()
            if message["type"] != "http.request":
                return message
            self._decoder.feed(message.get("body", b""))
            self._is_last = not message.get("more_body", False)
        return await self._reading()

    def _next(self) -> bytes:
        try:
            piece = self._decoder.read()
        except BrokenBody:
            raise self._reading.exceed(400, "The request's body is not what its content-encoding says.") from None
        if self._is_last and not piece and not self._decoder.is_complete:
            raise self._reading.exceed(400, "The request's body ends before its content-encoding says so.")
        return piece


def _uncoded(scope: Scope) -> Scope:
    """Without what is not true of the decoded body."""
    kept = [pair for pair in scope["headers"] if pair[0].lower() not in (b"content-encoding", b"content-length")]
    return {**scope, "headers": kept}


async def _full(scope: Scope, receive: Receive, send: Send) -> None:
    """Once the body is there, which nobody keeps: a client that is still sending would not see its answer."""
    message = await receive()
    while message.get("more_body", False):
        message = await receive()
    if message["type"] != "http.disconnect":
        refusal = _refusal(scope["path"], _Exceeded(429, "The gateway has as many requests as it can take."))
        await refusal(scope, receive, send)


def _refusal(path: str, error: _Exceeded) -> JSONResponse:
    anthropic = path.startswith(("/v1/messages", "/messages"))
    fault = {"message": str(error), "type": _KINDS.get(error.status, "invalid_request_error")}
    openai = {"error": {**fault, "param": None, "code": str(error.status)}}
    headers = _LATER if error.status == 429 else {"connection": "close"}
    if error.status not in (408, 429):
        headers = {**headers, "x-should-retry": "false"}
    if error.status == 415:
        headers = {**headers, "accept-encoding": _CODINGS}  # RFC 9110, section 15.5.16
    return JSONResponse({"type": "error", "error": fault} if anthropic else openai, error.status, headers)
