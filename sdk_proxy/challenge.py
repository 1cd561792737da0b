"""Cloudflare's challenge, met and passed between LiteLLM's clients and the wire: nobody above hears of it.

A challenged call is sent once more, with the cookies that the challenge set. That happens once for each of a client's
requests: LiteLLM's own retries carry the newest cookies anyway. The calls of a burst that comes before there are any
wait for the first of them, so that they meet one challenge together.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx

from sdk_proxy import request_record
from sdk_proxy.cookie_jar import Cookies, CookieStore, Jar, StoredCookie
from sdk_proxy.tap import calling, is_first_challenge, tapped

CLEARANCE = "cf_clearance"
_PATIENCE = 1.0  # seconds that a call waits for the first one's answer, at most: a challenge comes at once
_TICK = 0.05  # seconds
_LOOK = 0.05  # seconds between two looks at what others have stored
_LAST = 1.0  # seconds before its end in which a clearance may be good or not when the call arrives, or leaves


class Origins:
    """What is known of each origin; RFC 6454: scheme, host, port. http.cookiejar would know hosts only."""

    def __init__(self, store: CookieStore, patience: float = _PATIENCE) -> None:
        self._store = store
        self._patience = patience
        self._origins: dict[str, Origin] = {}

    def of(self, url: httpx.URL) -> Origin:
        name = f"{url.scheme}://{url.netloc.decode('ascii')}"
        if name not in self._origins:
            self._origins[name] = Origin(name, self._store, self._patience)
        return self._origins[name]

    async def aclose(self) -> None:
        for origin in self._origins.values():
            await origin.saved()
        await self._store.aclose()


class Origin:
    """The jar of one origin, and whether calls of it may go together."""

    def __init__(self, name: str, store: CookieStore, patience: float) -> None:
        self.name = name
        self._store = store
        self._patience = patience
        self._jar = Jar()
        self._first = asyncio.Lock()
        self._open_until = 0.0  # unix seconds
        self._seen: object = None
        self._looked = -math.inf  # of time.monotonic
        self._unsaved: dict[str, StoredCookie | None] = {}
        self._saving: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """At once where cookies are there, or none was ever needed; else for one call after the other.

        The wait ends with the first answer; it is bounded, for an answer that is no challenge may take a minute.
        """
        if self._is_open() and self._has_changed():
            await self._read()
        async with AsyncExitStack() as held:
            if not self._is_open():
                await self._wait(held)
            if self._is_open():
                await held.aclose()
            yield

    async def _wait(self, held: AsyncExitStack) -> None:
        try:
            async with _patient(self._patience):
                await held.enter_async_context(self._first)
                if not self._is_open():
                    await held.enter_async_context(self._store.first(self.name))
                    await self._read()
        except TimeoutError:
            return

    def header_for(self, request: httpx.Request) -> str | None:
        return self._jar.header_for(request)

    def keep(self, response: httpx.Response) -> None:
        changes = self._jar.take(response)
        if changes:
            self._unsaved = {**self._unsaved, **changes}
            if self._saving is None or self._saving.done():
                self._saving = asyncio.create_task(self._save())

    def answered(self, cleared_until: float) -> None:
        """An answer came to a call that was cleared for so long when it left: none needs to wait for another.

        One that left before its clearance ended, and was answered after, says nothing about the time after.
        """
        self._open_until = min(cleared_until, self.cleared_until())

    async def saved(self) -> None:
        """Others find what is known here."""
        if self._saving is not None:
            await asyncio.wait([self._saving])

    async def _save(self) -> None:
        while self._unsaved:
            changes = dict(self._unsaved)
            await self._store.write(self.name, changes)
            self._unsaved = {key: new for key, new in self._unsaved.items() if new is not changes.get(key, self)}

    async def _read(self) -> None:
        self._seen = self._store.version()
        stored = await self._store.read(self.name)
        self._jar.put({key: cookie for key, cookie in stored.items() if key not in self._unsaved})
        there = self._jar.cookies()  # once: a clearance that ends meanwhile would seem never to have been needed
        if _clearances(there) or (there and self._open_until == 0):
            self._open_until = _end(there)

    def _has_changed(self) -> bool:
        """Looked for now and then: for a file it is a call of the system."""
        if (now := time.monotonic()) < self._looked + _LOOK:
            return False
        self._looked = now
        return self._store.version() != self._seen

    def _is_open(self) -> bool:
        return time.time() < self._open_until - _LAST

    def cleared_until(self) -> float:
        """Unix seconds; without end where there is no clearance."""
        return _end(self._jar.cookies())


def _clearances(cookies: Cookies) -> list[StoredCookie]:
    return [cookie for cookie in cookies.values() if cookie.name == CLEARANCE]


def _end(cookies: Cookies) -> float:
    ends = (cookie.expires for cookie in _clearances(cookies))
    return max((math.inf if end is None else end for end in ends), default=math.inf)


@asynccontextmanager
async def _patient(seconds: float) -> AsyncIterator[None]:
    """Raises TimeoutError. Time in which the event loop does something else does not count: no answer is heard then,
    and LiteLLM's first calls take seconds."""

    async def tick() -> None:
        for _ in range(int(seconds / _TICK)):
            await asyncio.sleep(_TICK)
        limit.reschedule(0)

    async with asyncio.timeout(None) as limit:
        ticking = asyncio.create_task(tick())
        try:
            yield
        finally:
            ticking.cancel()


class PassesChallenges(httpx.AsyncBaseTransport):
    """A transport with the origins' cookies around `inner`. Neither they nor `set-cookie` are seen above it."""

    def __init__(self, inner: httpx.AsyncBaseTransport, origins: Origins) -> None:
        self._inner = inner
        self._origins = origins

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if (in_hand := calling(self, request)) is not None:
            return in_hand
        origin = self._origins.of(request.url)
        async with origin.turn():
            cleared_until = origin.cleared_until()
            sent = _with_cookies(request, origin)
            response = await self._answer(sent, origin)
            if is_challenge(response):
                cleared_until = origin.cleared_until()
                response = await self._passed(request, sent, response, origin)
            origin.answered(cleared_until)
        response.headers.pop("set-cookie", None)
        return tapped(response)

    async def _passed(
        self, request: httpx.Request, sent: httpx.Request, challenge: httpx.Response, origin: Origin
    ) -> httpx.Response:
        """The challenge itself where it set nothing to answer it with, the body was a stream that is gone, or another
        one was answered for the same request."""
        request_record.challenged()
        again = _with_cookies(request, origin)
        if again.headers.get("cookie") == sent.headers.get("cookie") or not isinstance(again.stream, httpx.ByteStream):
            return challenge
        if not is_first_challenge(origin.name):
            return challenge
        await challenge.aclose()
        await origin.saved()
        response = await self._answer(again, origin)
        if is_challenge(response):
            request_record.challenged()
        return response

    async def _answer(self, request: httpx.Request, origin: Origin) -> httpx.Response:
        request_record.called_upstream(with_cookies="cookie" in request.headers)
        response = await self._inner.handle_async_request(request)
        response.request = request
        if "set-cookie" in response.headers:
            origin.keep(response)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


def is_challenge(response: httpx.Response) -> bool:
    """`cf-mitigated` (developers.cloudflare.com, Detect a challenge response), or an error with cookies."""
    if response.headers.get("cf-mitigated") == "challenge":
        return True
    cookies = response.headers.get("set-cookie", "")
    if response.status_code == 503 and response.headers.get("server") == "cloudflare" and "__cf_bm=" in cookies:
        return True
    return response.status_code in (403, 503) and f"{CLEARANCE}=" in cookies


def _with_cookies(request: httpx.Request, origin: Origin) -> httpx.Request:
    """With any, a request of its own, for LiteLLM keeps the other with its errors; a deployment's own header stays."""
    cookies = None if "cookie" in request.headers else origin.header_for(request)
    if not cookies:
        return request
    headers = httpx.Headers([*request.headers.raw, (b"cookie", cookies.encode("latin-1"))])
    return httpx.Request(request.method, request.url, headers=headers, extensions=request.extensions, **_body(request))


def _body(request: httpx.Request) -> dict[str, Any]:
    try:
        return {"content": request.content}
    except httpx.RequestNotRead:
        return {"stream": request.stream}
