"""The cookies of the upstreams: one jar for each origin, behind every HTTP client that LiteLLM makes.

LiteLLM 1.106.2 blocks cookies in its own clients, because one client may serve several upstreams
(llms/custom_httpx/http_handler.py, blocked_cookie_jar), and keeps them in those of the OpenAI SDK for each key apart.
All its clients come out of one cache, `litellm.in_memory_llm_clients_cache`, and `litellm.module_level_aclient`: that is
where they are met here. The wire stays LiteLLM's otherwise, for its transports stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx
import litellm
from litellm.caching.llm_caching_handler import LLMClientCache


class SessionManager:
    """A Cloudflare clearance that one call got is sent with the next, whatever client it goes through."""

    def __init__(self) -> None:
        self._jars: dict[str, httpx.Cookies] = {}

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Within the block every client that LiteLLM makes keeps its cookies here."""
        before = litellm.in_memory_llm_clients_cache
        litellm.in_memory_llm_clients_cache = _Cache(self)
        hooks = dict(litellm.module_level_aclient.client.event_hooks)
        self.adopt(litellm.module_level_aclient)
        try:
            yield
        finally:
            litellm.in_memory_llm_clients_cache = before
            litellm.module_level_aclient.client.event_hooks = hooks

    def adopt(self, made: Any) -> None:
        """Take a client in: LiteLLM's AsyncHTTPHandler, the OpenAI SDK's client, or httpx's own; all else is left."""
        client = _httpx_client(made)
        if client is None:
            return
        client.cookies = httpx.Cookies(CookieJar(DefaultCookiePolicy(allowed_domains=())))
        hooks = client.event_hooks
        client.event_hooks = {
            "request": [*hooks.get("request", ()), self._send],
            "response": [*hooks.get("response", ()), self._keep],
        }
        if hasattr(made, "event_hooks"):
            made.event_hooks = client.event_hooks  # for the client that LiteLLM makes anew where it has closed this one

    async def _send(self, request: httpx.Request) -> None:
        jar = self._jars.get(_origin(request.url))
        if jar is not None:
            jar.set_cookie_header(request)

    async def _keep(self, response: httpx.Response) -> None:
        if "set-cookie" in response.headers:
            self._jars.setdefault(_origin(response.request.url), httpx.Cookies()).extract_cookies(response)


class _Cache(LLMClientCache):  # type: ignore[misc]
    def __init__(self, sessions: SessionManager) -> None:
        super().__init__()
        self._sessions = sessions

    def set_cache(self, key: str, value: object, *args: Any, **kwargs: Any) -> Any:
        self._sessions.adopt(value)
        return super().set_cache(key, value, *args, **kwargs)


def _httpx_client(made: Any) -> httpx.AsyncClient | None:
    """`client` of LiteLLM's AsyncHTTPHandler, `_client` of openai.AsyncOpenAI."""
    candidates = (made, getattr(made, "client", None), getattr(made, "_client", None))
    return next((each for each in candidates if isinstance(each, httpx.AsyncClient)), None)


def _origin(url: httpx.URL) -> str:
    """RFC 6454: scheme, host, port. http.cookiejar knows hosts only."""
    return f"{url.scheme}://{url.netloc.decode('ascii')}"
