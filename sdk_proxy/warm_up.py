"""What the first clients would wait for otherwise, done before there are any: for a cutover, whose clients are there.

Each upstream of the configuration is asked for its root, without a key: no token is spent, whatever it answers, and a
challenge is met and passed, so that no burst has to wait for its first call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

import httpx
import litellm

from sdk_proxy.spared import spared

_PATIENCE = 2.0  # seconds: who does not answer by then meets the clients as if nobody had asked
_LATE = (
    "openai.resources.chat.chat",
    "openai.resources.responses.responses",
    "openai.resources.embeddings",
    "openai.resources.completions",
    "litellm.integrations.shadow_eval_logger",
    "litellm.integrations.websearch_interception.handler",
    "litellm.litellm_core_utils.custom_logger_registry",
    "litellm.litellm_core_utils.default_encoding",
    "litellm.llms.base_llm.managed_resources.base_managed_resource",
    "litellm.llms.vertex_ai.context_caching.vertex_ai_context_caching",
    "litellm.llms.vertex_ai.vertex_ai_partner_models.anthropic.transformation",
    "litellm.passthrough.timeout_utils",
    "litellm.proxy.openai_files_endpoints.common_utils",
    "litellm.proxy.pass_through_endpoints.streaming_handler",
    "litellm.responses.mcp.chat_completions_handler",
    "litellm.types.litellm_core_utils.streaming_chunk_builder_utils",
    "litellm.types.proxy.litellm_pre_call_utils",
)


def origins(deployments: Iterable[Mapping[str, Any]]) -> list[str]:
    """Those that an `api_base` names."""
    found = {_origin(each["litellm_params"].get("api_base") or "") for each in deployments}
    return sorted(found - {""})


def _origin(base: str) -> str:
    try:
        url = httpx.URL(base)
    except httpx.InvalidURL:
        return ""  # the calls of that deployment fail, nobody else's
    return f"{url.scheme}://{url.netloc.decode('ascii')}/" if url.scheme in ("http", "https") else ""


def import_the_rest() -> None:
    """What LiteLLM and the SDK of OpenAI would import while the first clients wait."""
    with spared():
        for name in _LATE:
            import_module(name)


async def warm_up(urls: Iterable[str]) -> None:
    """With LiteLLM's own client, whose cookies are those of all. Nothing that goes wrong here is anybody's error."""
    await asyncio.gather(*(_asked(url) for url in urls))


async def _asked(url: str) -> None:
    try:
        async with asyncio.timeout(_PATIENCE):
            await litellm.module_level_aclient.client.get(url)
    except Exception:  # noqa: BLE001 - whatever a transport has against an address: its calls will tell
        return
