"""The HTTP clients of the upstreams: they last as long as the proxy, and share one jar of cookies per origin.

LiteLLM 1.106.2 blocks cookies in its own clients, because one client may serve several upstreams
(llms/custom_httpx/http_handler.py, blocked_cookie_jar), keeps those of the OpenAI SDK for each key apart, drops a
client after an hour, and on most paths one that is handed to it as well. But all of them come out of one cache,
`litellm.in_memory_llm_clients_cache`: that is where they are met here. Otherwise the wire stays LiteLLM's, for its
transports stay.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx
import litellm
from litellm.caching.llm_caching_handler import LLMClientCache
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

from sdk_proxy import request_record

_FOR_GOOD = 10 * 365 * 24 * 3600.0  # seconds


@asynccontextmanager
async def persistent_clients() -> AsyncIterator[None]:
    """Within the block every client that LiteLLM makes is one of ours; at its end they are closed."""
    before = litellm.in_memory_llm_clients_cache, litellm.module_level_aclient
    clients, shared = PersistentClients(), AsyncHTTPHandler(timeout=litellm.request_timeout)
    clients.adopt(shared)
    litellm.in_memory_llm_clients_cache, litellm.module_level_aclient = clients, shared
    try:
        yield
    finally:
        litellm.in_memory_llm_clients_cache, litellm.module_level_aclient = before
        await shared.close()
        await clients.aclose()


class CookiesByOrigin:
    """A Cloudflare clearance that one call got goes with the next one to that origin, whatever client it takes."""

    def __init__(self) -> None:
        self._jars: dict[str, httpx.Cookies] = {}

    async def send(self, request: httpx.Request) -> None:
        """httpx's hook before a request; a cookie header that is there already stays as it is."""
        jar = self._jars.get(_origin(request.url))
        if jar is not None:
            jar.set_cookie_header(request)
        request_record.called_upstream(with_cookies="cookie" in request.headers)

    async def keep(self, response: httpx.Response) -> None:
        """httpx's hook once the headers of a response are there."""
        if response.headers.get("cf-mitigated") == "challenge" or _sets_clearance(response):
            request_record.challenged()
        if "set-cookie" in response.headers:
            self._jars.setdefault(_origin(response.request.url), httpx.Cookies()).extract_cookies(response)


class PersistentClients(LLMClientCache):  # type: ignore[misc]
    """LiteLLM's cache of clients, out of which none is dropped because of its age."""

    def __init__(self) -> None:
        super().__init__()
        self._cookies = CookiesByOrigin()

    def set_cache(self, key: str, value: object, litellm_owned_client: bool = False, **kwargs: Any) -> Any:
        if self.adopt(value):
            kwargs["ttl"] = _FOR_GOOD
        return super().set_cache(key, value, litellm_owned_client, **kwargs)

    def adopt(self, made: Any) -> bool:
        """Whether it is a client: LiteLLM's AsyncHTTPHandler, the OpenAI SDK's, or httpx's own."""
        client = _httpx_client(made)
        if client is None:
            return False
        hooks: dict[str, list[Any]] = {"request": [self._cookies.send], "response": [self._cookies.keep]}
        client.event_hooks = hooks
        client.cookies = httpx.Cookies(CookieJar(DefaultCookiePolicy(allowed_domains=())))
        if isinstance(made, AsyncHTTPHandler):
            made.event_hooks = hooks  # for the client that it makes anew where somebody has closed this one
        return True

    async def aclose(self) -> None:
        for client in map(_httpx_client, self.cache_dict.values()):
            if client is not None:
                await client.aclose()
        self.cache_dict.clear()


def _httpx_client(made: Any) -> httpx.AsyncClient | None:
    """`client` of LiteLLM's AsyncHTTPHandler, `_client` of openai.AsyncOpenAI."""
    candidates = (made, getattr(made, "client", None), getattr(made, "_client", None))
    return next((each for each in candidates if isinstance(each, httpx.AsyncClient)), None)


def _sets_clearance(response: httpx.Response) -> bool:
    return response.status_code in (403, 503) and "cf_clearance=" in response.headers.get("set-cookie", "")


def _origin(url: httpx.URL) -> str:
    """RFC 6454: scheme, host, port; http.cookiejar would know hosts only."""
    return f"{url.scheme}://{url.netloc.decode('ascii')}"
