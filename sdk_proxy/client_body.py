"""What comes from a client while it is answered: its body, and the moment that it leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Receive


class ClientBody:
    """The client's body, once; and after it, the moment that the client leaves."""

    def __init__(self, receive: Receive, headers: Headers) -> None:
        self.is_there = "content-length" in headers or "transfer-encoding" in headers
        self._receive = receive
        self._read: list[bytes] = []
        self._ended = asyncio.Event()
        if not self.is_there:
            self._ended.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        for chunk in self._read:
            yield chunk
        while not self._ended.is_set():
            yield await self._next()

    async def model(self) -> str | None:
        """The only field that is looked into, and only where a Supermemory key may have to go along."""
        while not self._ended.is_set():
            self._read.append(await self._next())
        try:
            tree = json.loads(b"".join(self._read))
        except (ValueError, RecursionError):
            return None  # LiteLLM says what is wrong with it
        model = tree.get("model") if isinstance(tree, dict) else None
        return model if isinstance(model, str) else None

    async def left(self) -> None:
        """Returns when the client has left, or has its answer."""
        await self._ended.wait()
        with suppress(ClientDisconnect):
            while True:
                await self._next()

    async def _next(self) -> bytes:
        """Raises ClientDisconnect: half a body must not go on as a whole one, which a chunked one would."""
        message: Any = await self._receive()
        if message["type"] == "http.disconnect":
            self._ended.set()
            raise ClientDisconnect
        if not message.get("more_body", False):
            self._ended.set()
        return message.get("body", b"")  # type: ignore[no-any-return]
