"""What the first clients would wait for otherwise, done before there are any: for a cutover, whose clients are there.

Each upstream of the configuration is asked for its root, without a key: no token is spent, whatever it answers, and a
challenge is met and passed, so that no burst has to wait for its first call. And what is imported with a first call is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

import httpx
import litellm

_PATIENCE = 2.0  # seconds: who does not answer by then meets the clients as if nobody had asked
_LATE = (
    "openai.resources.chat",
    "openai.resources.responses",
    "openai.resources.embeddings",
    "openai.resources.completions",
)


def origins(deployments: Iterable[Mapping[str, Any]]) -> list[str]:
    """Those that an `api_base` names."""
    bases = {each["litellm_params"].get("api_base") for each in deployments}
    urls = (httpx.URL(base) for base in bases if base and base.startswith(("http://", "https://")))
    return sorted({f"{url.scheme}://{url.netloc.decode('ascii')}/" for url in urls})


async def warm_up(urls: Iterable[str]) -> None:
    """With LiteLLM's own client, whose cookies are those of all. Nothing that goes wrong here is anybody's error."""
    for name in _LATE:
        import_module(name)
    await asyncio.gather(*(_asked(url) for url in urls))


async def _asked(url: str) -> None:
    try:
        async with asyncio.timeout(_PATIENCE):
            await litellm.module_level_aclient.client.get(url)
    except (httpx.HTTPError, TimeoutError, OSError):
        return
