import os
import subprocess
import sys
from typing import Any

import httpx
import pytest
import tiktoken
from litellm import utils
from litellm.llms.anthropic.common_utils import AnthropicModelInfo
from litellm.proxy._experimental.mcp_server.utils import upstream_credential_headers
from openai import not_given, omit
from openai._utils import async_maybe_transform, async_transform
from openai.types import EmbeddingCreateParams
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming

from sdk_proxy.spared import Encoding, as_it_is, mcp_credentials, spared
from tests.sdk_proxy.sdk import environment
from tests.waiting import PATIENCE

HEADERS = [
    "X-MCP-Auth",
    "x-mcp-servers",
    "x-mcp-access-groups",
    "x-mcp-github-authorization",
    "x-other",
    "authorization",
]


def test_the_credentials_of_mcp_servers_are_the_ones_that_litellm_knows() -> None:
    assert mcp_credentials(HEADERS) == upstream_credential_headers(HEADERS)
    assert mcp_credentials(HEADERS) == {"x-mcp-auth", "x-mcp-github-authorization"}


def test_an_encoding_is_loaded_for_a_text_and_not_for_none() -> None:
    loaded: list[str] = []

    def load(name: str) -> Any:
        from litellm.litellm_core_utils.default_encoding import encoding

        loaded.append(name)
        return encoding

    encoding = Encoding("cl100k_base", load)
    assert encoding.encode("", disallowed_special=()) == []
    assert loaded == []
    assert encoding.encode("hello world", disallowed_special=()) == load("cl100k_base").encode("hello world")
    assert encoding.decode(encoding.encode("hello world")) == "hello world"


def test_afterwards_both_are_litellms_again() -> None:
    before = tiktoken.get_encoding
    with spared():
        assert tiktoken.get_encoding("cl100k_base").name == "cl100k_base"
        assert isinstance(tiktoken.get_encoding("cl100k_base"), Encoding)
    assert tiktoken.get_encoding is before


def test_what_a_model_can_do_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, ...]] = []
    looked_up = AnthropicModelInfo._supports_model_capability

    def counting(*asked: str) -> Any:
        seen.append(asked)
        return looked_up(*asked)

    monkeypatch.setattr(AnthropicModelInfo, "_supports_model_capability", staticmethod(counting))
    asked = [("claude-opus-4-6", "supports_adaptive_thinking"), ("claude-sonnet-4-5", "supports_adaptive_thinking")]
    with spared():
        found = [AnthropicModelInfo._supports_model_capability(*each, "anthropic") for each in asked * 3]
    assert found == [looked_up(*each, "anthropic") for each in asked * 3]
    assert found[0] is True and found[1] is False and len(seen) == 2
    assert AnthropicModelInfo._supports_model_capability is counting


def test_what_any_model_can_do_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    looked_up = utils.supports_factory

    def counting(model: str, custom_llm_provider: str | None, key: str) -> bool:
        seen.append(key)
        return bool(looked_up(model, custom_llm_provider, key))

    monkeypatch.setattr(utils, "supports_factory", counting)
    with spared():
        asked = (("gpt-4o", utils.supports_vision), ("claude-opus-4-6", utils.supports_mid_conversation_system))
        found = [supports(model) for model, supports in asked * 3]
    assert found == [True, False] * 3 and len(seen) == 2
    assert utils.supports_factory is counting


def test_an_answer_that_sets_no_cookie_is_not_looked_through_for_them() -> None:
    request = httpx.Request("GET", "http://localhost/")
    with spared():
        jar = httpx.Cookies()
        jar.extract_cookies(httpx.Response(200, headers={"Set-Cookie": "a=1"}, request=request))
        jar.extract_cookies(httpx.Response(200))  # without its request it could not be
    assert dict(jar) == {"a": "1"}


CHAT = {
    "model": "gpt-5",
    "messages": [
        {"role": "system", "content": [{"type": "text", "text": "a"}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "unknown": 1}]},
        {"role": "tool", "tool_call_id": "c", "content": "2026-11-23"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
    "stop": None,
    "stream_options": omit,
    "temperature": not_given,
    "unheard": {"of": [1, None]},
}


async def test_a_chat_goes_out_as_the_sdk_of_openai_would_write_it() -> None:
    theirs = await async_transform(CHAT, CompletionCreateParamsStreaming)
    assert await as_it_is(None, CHAT, CompletionCreateParamsStreaming) == theirs
    assert "temperature" not in theirs and theirs["unheard"] == {"of": [1, None]}


async def test_what_is_no_chat_is_the_sdk_s() -> None:
    with spared():
        assert await async_maybe_transform({"input": "a", "user": omit}, EmbeddingCreateParams) == {"input": "a"}


FORGETTING = """
import gc
from contextvars import ContextVar, copy_context
from datetime import datetime
from litellm.litellm_core_utils.litellm_logging import Logging
from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper
from sdk_proxy.spared import spared

logging = Logging("m", [], True, "acompletion", datetime.now(), "id", "id")
variables = [ContextVar(f"v{n}") for n in range(6)]

def forgotten():
    stream = CustomStreamWrapper(completion_stream=None, model="m", logging_obj=logging, custom_llm_provider="openai")
    stream.itself = stream

def setting(number):
    for variable in variables[:3]:
        variable.set(0)
    gc.disable(), gc.collect(), forgotten(), gc.enable()
    gc.set_threshold(gc.get_count()[0] + number % 9, 1000, 1000)  # garbage is looked for amidst what follows
    for variable in variables:
        variable.set(number)
    gc.set_threshold(700, 10, 10)

gc.freeze()
with spared():
    for number in range(90):
        copy_context().run(setting, number)
print("alive")
"""


def test_a_forgotten_stream_kills_nobody_who_sets_a_variable_of_his_context() -> None:
    """Without `spared` Python 3.11 dies here of signal 11."""
    environ = {**os.environ, "PYTHONMALLOC": "debug", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    done = subprocess.run(
        [sys.executable, "-c", FORGETTING], env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stdout.strip()[-5:]) == (0, "alive"), done.stderr


SERVING = """
import asyncio, sys
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay
from tests.sdk_proxy.sdk import client_of, message

async def main():
    async with SimulatedUpstream(improvise=autoplay(), gap=0) as upstream, client_of(upstream) as client:
        for path in ("/v1/messages", "/v1/chat/completions"):
            for model in ("claude-sonnet-5", "gpt-5"):
                for stream in (False, True):
                    answer = await client.post(path, json=message(model, stream=stream))
                    assert answer.status_code == 200, answer.text
    print([name for name in sys.argv[1:] if name in sys.modules])

asyncio.run(main())
"""


def test_no_request_loads_what_nobody_needs() -> None:
    modules = (
        "litellm.proxy._experimental.mcp_server.mcp_server_manager",
        "tiktoken_ext.openai_public",
    )
    command = [sys.executable, "-c", SERVING, *modules]
    environ = {**os.environ, **environment("http://127.0.0.1:9")}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.stdout.strip().endswith("[]"), done.stdout + done.stderr
