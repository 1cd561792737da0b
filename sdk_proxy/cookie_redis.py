"""The jar that several hosts share, in Redis: a hash for each origin, so that writers do not overwrite one another."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import LockNotOwnedError, RedisError

from sdk_proxy.cookie_jar import Changes, Cookies, CookieStore, StoredCookie

log = logging.getLogger("sdk_proxy.cookies")
_KEEP = 30 * 24 * 3600  # seconds that an origin nobody calls any more stays
_ANSWER = 5.0  # seconds that Redis has for an answer; LiteLLM's first calls hold the event loop for some
_LOCK = 15.0  # seconds after which the lock of a replica that died is free
_PAUSE = 10.0  # seconds for which a Redis that failed is left alone
_POLL = 0.05  # seconds


class CookieRedis(CookieStore):
    """Requests never fail because of it: while it is not there, each process has its own cookies, with one warning."""

    def __init__(self, url: str) -> None:
        """Raises ValueError, without the password, for a URL that is none of Redis."""
        try:
            self._redis = Redis.from_url(
                url, decode_responses=True, retry=None, socket_timeout=_ANSWER, socket_connect_timeout=_ANSWER
            )
        except ValueError:
            raise ValueError("the place for cookies is no URL of a Redis: redis://host:port/db") from None
        self._silent_until = 0.0
        self._failed = False

    async def read(self, origin: str) -> Cookies:
        stored: dict[str, str] = await self._asked(self._redis.hgetall, _key(origin)) or {}
        cookies = [cookie for text in stored.values() if (cookie := _parsed(text)) is not None and cookie.lives()]
        return {cookie.key: cookie for cookie in cookies}

    async def write(self, origin: str, changes: Changes) -> None:
        kept = {key: cookie.model_dump_json() for key, cookie in changes.items() if cookie is not None}
        gone = [key for key, cookie in changes.items() if cookie is None]
        if kept:
            await self._asked(self._redis.hset, _key(origin), mapping=kept)
            await self._asked(self._redis.expire, _key(origin), _KEEP)
        if gone:
            await self._asked(self._redis.hdel, _key(origin), *gone)

    @asynccontextmanager
    async def first(self, origin: str) -> AsyncIterator[None]:
        """SET NX PX with a token that only its owner deletes (redis.asyncio.lock)."""
        lock = self._redis.lock(f"{_key(origin)}:first", timeout=_LOCK, sleep=_POLL)
        held = await self._asked(lock.acquire)
        try:
            yield
        finally:
            if held:
                await self._asked(lock.release)

    async def aclose(self) -> None:
        await self._redis.aclose()

    async def _asked(self, command: Any, *args: Any, **named: Any) -> Any:
        """What Redis answers; None where it does not."""
        if monotonic() < self._silent_until:
            return None
        try:
            answer = await command(*args, **named)
        except LockNotOwnedError:
            return None  # a turn took longer than its lock lives, and another replica has it by now
        except (RedisError, OSError, UnicodeDecodeError) as error:
            self._silent_until = monotonic() + _PAUSE
            if not self._failed:
                log.warning("Redis fails (%s): cookies are kept in memory only", type(error).__name__)
            self._failed = True
            return None
        if self._failed:
            log.warning("Redis answers again: cookies are shared")
        self._failed = False
        return answer


def _key(origin: str) -> str:
    return f"sdk_proxy:cookies:{origin}"


def _parsed(text: str) -> StoredCookie | None:
    try:
        return StoredCookie.model_validate_json(text)
    except ValidationError:
        return None
