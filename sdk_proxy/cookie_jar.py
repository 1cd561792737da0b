"""The cookies of the upstreams, each kept for the origin that set it, in a form that can be written down."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from http.cookiejar import Cookie
from typing import Annotated

import httpx
from pydantic import BaseModel, ConfigDict, Field

_BYTES = "iso-8859-1"  # whatever a value's bytes are, it is sent with the same ones

_SENDABLE = Field(pattern=r"^[\x00-\xff]*$")


class StoredCookie(BaseModel):
    """RFC 6265, 5.3; `expires` in unix seconds, None for one that has no end. `value` is None where there is no `=`."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)

    name: Annotated[str, _SENDABLE]
    value: Annotated[str, _SENDABLE] | None = Field(repr=False)
    domain: str
    domain_specified: bool = False
    path: str = "/"
    path_specified: bool = True
    secure: bool = False
    expires: int | None = None

    @property
    def key(self) -> str:
        return f"{self.name};{self.domain};{self.path}"

    def lives(self) -> bool:
        return self.expires is None or self.expires > time.time()


Cookies = Mapping[str, StoredCookie]  # by key
Changes = Mapping[str, StoredCookie | None]  # by key; None: it is gone


class CookieStore:
    """Where the cookies of all origins are, for other workers and for later: here, nowhere. No method of it raises."""

    def version(self) -> object:
        """Cheap; another one than before means that `read` may give something new."""
        return None

    async def read(self, origin: str) -> Cookies:  # noqa: ARG002 - others have it
        return {}

    async def write(self, origin: str, changes: Changes) -> None:
        """Others find them."""

    def first(self, origin: str) -> AbstractAsyncContextManager[None]:  # noqa: ARG002 - others have it
        """Only one of all that share the store is in that block."""
        return nullcontext()

    async def aclose(self) -> None:
        """Ends what is open."""


class Jar:
    """The cookies of one origin in memory."""

    def __init__(self) -> None:
        self._cookies = httpx.Cookies()

    def header_for(self, request: httpx.Request) -> str | None:
        """What `cookie` is to be, in Latin-1; Secure, Path and the end of a cookie are observed."""
        if next(iter(self._cookies.jar), None) is None:
            return None  # 0.1 ms less, for each call of an upstream that sets none
        bare = httpx.Request(request.method, request.url)
        bare.headers.encoding = _BYTES
        self._cookies.set_cookie_header(bare)
        cookies: str | None = bare.headers.get("cookie")
        return cookies

    def take(self, response: httpx.Response) -> Changes:
        """Keeps what a response sets, and says what is new."""
        before = self.cookies()
        bare = httpx.Response(200, headers=response.headers, request=response.request)
        bare.headers.encoding = _BYTES
        self._cookies.extract_cookies(bare)
        after = self.cookies()
        new = {key: cookie for key, cookie in after.items() if _differs(before.get(key), cookie)}
        return {**new, **dict.fromkeys(before.keys() - after.keys())}

    def put(self, cookies: Cookies) -> None:
        for cookie in cookies.values():
            if cookie.lives():
                self._cookies.jar.set_cookie(_unpacked(cookie))

    def cookies(self) -> dict[str, StoredCookie]:
        stored = map(StoredCookie.model_validate, self._cookies.jar)
        return {cookie.key: cookie for cookie in stored if cookie.lives()}


def _differs(before: StoredCookie | None, now: StoredCookie) -> bool:
    """The same cookie with a new end is news only from a minute on: each answer may put it off by a second."""
    if before is None or before.expires is None or now.expires is None:
        return before != now
    return before.value != now.value or abs(now.expires - before.expires) >= 60


def _unpacked(cookie: StoredCookie) -> Cookie:
    return Cookie(
        version=0,
        port=None,
        port_specified=False,
        domain_initial_dot=cookie.domain.startswith("."),
        discard=cookie.expires is None,
        comment=None,
        comment_url=None,
        rest={},
        **cookie.model_dump(),
    )
