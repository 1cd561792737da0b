"""The SDK proxy over real sockets, between a client and the simulated upstream, with the repository's config.yaml."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from harness.upstream.app import SimulatedUpstream
from sdk_proxy.config_parser import parse
from sdk_proxy.litellm_proxy_sdk import assemble
from sdk_proxy.operation import Operation
from sdk_proxy.schema import load_config
from tests.sdk_proxy.loopback import LiteLLM, served

CONFIG = Path(__file__).parents[2] / "config" / "config.yaml"
KEY = "sk-test-9f2c1e7a40b35d68"
NO_RETRIES = {"num_retries": 0}


def environment(upstream: str) -> dict[str, str]:
    return {
        "LITELLM_MASTER_KEY": KEY,
        "ANTHROPIC_API_KEY": "anthropic-key",
        "OPENAI_API_KEY": "openai-key",
        "GEMINI_API_KEY": "gemini-key",
        "SUPERMEMORY_API_KEY": "supermemory-key",
        "ANTHROPIC_API_BASE": f"{upstream}/anthropic",
        "OPENAI_API_BASE": f"{upstream}/openai/v1",
        "GEMINI_API_BASE": f"{upstream}/gemini",
        "SUPERMEMORY_ANTHROPIC_API_BASE": f"{upstream}/supermemory/v3/https://api.anthropic.com",
        "SUPERMEMORY_OPENAI_API_BASE": f"{upstream}/supermemory/v3/https://api.openai.com/v1",
    }


@asynccontextmanager
async def client_of(
    upstream: SimulatedUpstream | LiteLLM,
    environ: Mapping[str, str] | None = None,
    operation: Operation | None = None,
    **sections: Any,
) -> AsyncIterator[httpx.AsyncClient]:
    """A client that has the key. `environ` and `sections` (of config.yaml) replace what is there otherwise."""
    variables = {**environment(upstream.url), **(environ or {})}
    config = load_config(CONFIG, variables).model_copy(update=sections)
    async with (
        served(assemble(parse(config, variables), operation)) as port,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers={"authorization": f"Bearer {KEY}"}, timeout=30
        ) as client,
    ):
        yield client


def chat(model: str, stream: bool = False, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": stream, **more}


def message(model: str, stream: bool = False, **more: Any) -> dict[str, Any]:
    return chat(model, stream, max_tokens=64, **more)
