"""The HTTP clients of the upstreams: they last as long as the proxy, and share one jar of cookies per origin.

LiteLLM 1.106.2 blocks cookies in its own clients, because one client may serve several upstreams
(llms/custom_httpx/http_handler.py, blocked_cookie_jar), keeps those of the OpenAI SDK for each key apart, drops a
client after an hour, and on most paths one that is handed to it as well. But all of them come out of one cache,
`litellm.in_memory_llm_clients_cache`: that is where they are met here. Otherwise the wire stays LiteLLM's, for its
transports stay, inside of ours (`challenge`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import litellm
from litellm.caching.llm_caching_handler import LLMClientCache
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

from sdk_proxy.challenge import Origins, PassesChallenges
from sdk_proxy.cookie_jar import CookieStore

_FOR_GOOD = 10 * 365 * 24 * 3600.0  # seconds


@asynccontextmanager
async def persistent_clients(store: CookieStore) -> AsyncIterator[None]:
    """Within the block every client that LiteLLM makes is one of ours; at its end they are closed."""
    before = litellm.in_memory_llm_clients_cache, litellm.module_level_aclient
    origins = Origins(store)
    clients, shared = PersistentClients(origins), AsyncHTTPHandler(timeout=litellm.request_timeout)
    clients.adopt(shared)
    litellm.in_memory_llm_clients_cache, litellm.module_level_aclient = clients, shared
    try:
        yield
    finally:
        litellm.in_memory_llm_clients_cache, litellm.module_level_aclient = before
        await shared.close()
        await clients.aclose()
        await origins.aclose()


class PersistentClients(LLMClientCache):  # type: ignore[misc]
    """LiteLLM's cache of clients, out of which none is dropped because of its age."""

    def __init__(self, origins: Origins) -> None:
        super().__init__()
        self._origins = origins

    def set_cache(self, key: str, value: object, litellm_owned_client: bool = False, **kwargs: Any) -> Any:
        if self.adopt(value):
            kwargs["ttl"] = _FOR_GOOD
        return super().set_cache(key, value, litellm_owned_client, **kwargs)

    def adopt(self, made: Any) -> bool:
        """Whether it is a client: LiteLLM's AsyncHTTPHandler, the OpenAI SDK's, or httpx's own."""
        client = _httpx_client(made)
        if client is None:
            return False
        self._wrap(client)
        if isinstance(made, AsyncHTTPHandler):
            # It makes its client anew where somebody has closed this one.
            made.create_client = lambda *args, **named: self._wrap(AsyncHTTPHandler.create_client(made, *args, **named))
        return True

    def _wrap(self, client: httpx.AsyncClient) -> httpx.AsyncClient:
        client._transport = self._wrapped(client._transport)
        client._mounts = {pattern: each and self._wrapped(each) for pattern, each in client._mounts.items()}
        return client

    def _wrapped(self, transport: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        already = isinstance(transport, PassesChallenges)
        return transport if already else PassesChallenges(transport, self._origins)

    async def aclose(self) -> None:
        for client in map(_httpx_client, self.cache_dict.values()):
            if client is not None:
                await client.aclose()
        self.cache_dict.clear()


def _httpx_client(made: Any) -> httpx.AsyncClient | None:
    """`client` of LiteLLM's AsyncHTTPHandler, `_client` of openai.AsyncOpenAI."""
    candidates = (made, getattr(made, "client", None), getattr(made, "_client", None))
    return next((each for each in candidates if isinstance(each, httpx.AsyncClient)), None)
