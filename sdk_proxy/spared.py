"""What LiteLLM loads and does for every request, and does not need here.

The two that load cost 60 MB, and seconds in which nobody else is answered:

* To know which headers of a client are credentials of MCP servers, it imports all that an MCP server needs (19 MB, 275
  modules), and finds that none is configured. A configuration with MCP servers is refused.
* To know what a stream costs before it has begun, it counts the tokens of an empty text, and loads an encoding for that
  (41 MB). One that has a text to count is loaded as ever.

And the SDK of OpenAI walks through the whole body of a chat, type by type, for names and dates that have another form
on the wire (9 ms for 78 kB). A chat has none, and what LiteLLM gives it came as JSON.

What a model of Anthropic's can do is looked up five times for each request, in the same list of prices (1 ms).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache, partial
from typing import Any, cast

import tiktoken
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
    """Within the block LiteLLM finds these in the place of its own."""
    before = mcp_utils.upstream_credential_headers, tiktoken.get_encoding, openai_bodies.async_transform
    looked_up = AnthropicModelInfo._supports_model_capability
    mcp_utils.upstream_credential_headers = mcp_credentials
    tiktoken.get_encoding = cast("Any", lru_cache(maxsize=None)(lambda name: Encoding(name, before[1])))
    openai_bodies.async_transform = cast("Any", partial(as_it_is, before[2]))
    AnthropicModelInfo._supports_model_capability = staticmethod(lru_cache(maxsize=1024)(looked_up))
    try:
        yield
    finally:
        AnthropicModelInfo._supports_model_capability = staticmethod(looked_up)
        mcp_utils.upstream_credential_headers, tiktoken.get_encoding, openai_bodies.async_transform = before


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
