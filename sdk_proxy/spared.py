"""What LiteLLM loads and does for every request, and does not need here.

The two that load cost 60 MB, and seconds in which nobody else is answered:

* To know which headers of a client are credentials of MCP servers, it imports all that an MCP server needs (19 MB, 275
  modules), and finds that none is configured. A configuration with MCP servers is refused.
* To know what a stream costs before it has begun, it counts the tokens of an empty text, and loads an encoding for that
  (41 MB). One that has a text to count is loaded as ever.

And the SDK of OpenAI walks through the whole body of a chat, type by type, for names and dates that have another form
on the wire (9 ms for 78 kB). A chat has none, and what LiteLLM gives it came as JSON.

What a model can do is looked up for each request, up to five times, in the same list of prices (1 ms). And httpx
makes two objects of urllib's for each answer, to look for cookies in one that sets none.

A stream that is forgotten sets variables of whatever context it is found to be garbage in, for the log. Python 3.11
looks for garbage wherever it needs memory: also in the middle of setting a variable of that context, which is no longer
there then. It dies of that (signal 11: twice in some 30,000 requests at 50 at once); LiteLLM's own program has the same
finalizer. Here each request has a context of its own, in which nothing is left to be set back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache, partial
from typing import Any

import httpx
import tiktoken
from litellm import utils
from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper
from litellm.llms.anthropic.common_utils import AnthropicModelInfo
from litellm.proxy._experimental.mcp_server import utils as mcp_utils
from litellm.proxy._types import SpecialHeaders
from openai._utils import _transform as openai_bodies
from openai._utils import is_given

_OF_MCP = "x-mcp-"
_CHAT = "openai.types.chat.completion_create_params"
_NO_CREDENTIALS = (SpecialHeaders.mcp_servers.value.lower(), SpecialHeaders.mcp_access_groups.value.lower())


@contextmanager
def spared() -> Iterator[None]:
    """Within the block LiteLLM, and the clients that it calls with, find these in the place of their own."""
    before = [(owner, name, vars(owner)[name]) for owner, name in _IN_PLACE_OF]
    for (owner, name), made_of in _IN_PLACE_OF.items():
        setattr(owner, name, made_of(getattr(owner, name)))
    try:
        yield
    finally:
        for owner, name, own in before:
            setattr(owner, name, own)


def mcp_credentials(header_names: Iterable[str]) -> frozenset[str]:
    """As proxy/_experimental/mcp_server/utils.py, upstream_credential_headers (1.106.2), without any MCP server."""
    own = os.environ.get("LITELLM_MCP_CLIENT_SIDE_AUTH_HEADER_NAME", SpecialHeaders.mcp_auth.value).lower()
    names = (name.lower() for name in header_names)
    return frozenset(n for n in names if n == own or (n.startswith(_OF_MCP) and n not in _NO_CREDENTIALS))


async def as_it_is(transform: Any, data: Any, expected_type: Any) -> Any:
    """As openai/_utils/_transform.py, async_transform (openai 2.54), for a chat: without what was not given."""
    if getattr(expected_type, "__module__", "") != _CHAT or not isinstance(data, dict):
        return await transform(data, expected_type)
    return {name: value for name, value in data.items() if is_given(value)}


def set_cookies(extract: Callable[[httpx.Cookies, httpx.Response], None]) -> Callable[..., None]:
    """As httpx/_models.py, Cookies.extract_cookies (0.28)."""

    def extract_cookies(cookies: httpx.Cookies, response: httpx.Response) -> None:
        if "set-cookie" in response.headers:
            extract(cookies, response)

    return extract_cookies


class Encoding:
    """A tiktoken.Encoding that is loaded when there is a text for it."""

    def __init__(self, name: str, load: Any) -> None:
        self.name = name
        self._load = load

    @cached_property
    def _loaded(self) -> Any:
        loaded = self._load(self.name)
        loaded._mergeable_ranks = {}  # 9 MB, for a copy in another process (core.py, Encoding.__getstate__, 0.14)
        return loaded

    def encode(self, text: str, **options: Any) -> list[int]:
        return list(self._loaded.encode(text, **options)) if text else []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loaded, name)


_remembered = lru_cache(maxsize=1024)
_IN_PLACE_OF: dict[tuple[Any, str], Callable[[Any], Any]] = {
    (mcp_utils, "upstream_credential_headers"): lambda _: mcp_credentials,
    (tiktoken, "get_encoding"): lambda load: lru_cache(maxsize=None)(lambda name: Encoding(name, load)),
    (openai_bodies, "async_transform"): lambda transform: partial(as_it_is, transform),
    (AnthropicModelInfo, "_supports_model_capability"): lambda looked_up: staticmethod(_remembered(looked_up)),
    (utils, "supports_factory"): _remembered,
    (httpx.Cookies, "extract_cookies"): set_cookies,
    (CustomStreamWrapper, "__del__"): lambda _: lambda _: None,
}
