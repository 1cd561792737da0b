"""Counting before asking: the provider's own count if there is one, else an estimate.

As litellm/proxy/proxy_server.py, count_request_tokens (1.106.2).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import httpx
import litellm
from fastapi import HTTPException
from fastapi.responses import JSONResponse
from litellm.proxy._types import TokenCountRequest
from litellm.proxy.common_utils.token_count_settings import (
    ProviderCountFailure,
    cost_map_entry,
    count_source_fields,
    resolve_token_count_settings,
)
from litellm.responses.litellm_completion_transformation.transformation import LiteLLMCompletionResponsesConfig
from litellm.types.utils import LlmProviders, TokenCountResponse
from litellm.utils import ProviderConfigManager, _select_tokenizer

_TAKE_PROMPTS = ("gemini", "vertex_ai")  # proxy_server.py, _PROVIDERS_COUNTING_WITHOUT_MESSAGES


async def count_tokens(body: dict[str, Any], router: Any) -> dict[str, Any]:
    """The answer's body. Raises HTTPException 400 where model or messages are missing, ProxyException else.

    A field of the wrong type is pydantic's ValidationError, whose words LiteLLM gives to the client.
    """
    for name in ("model", "messages"):
        if not body.get(name):
            raise HTTPException(400, f"{name} parameter is required")
    asked = TokenCountRequest(**{name: body.get(name) for name in ("model", "messages", "tools", "system")})
    return _answer(await count(asked, router, "anthropic", _output_format(body)))


async def count_input(body: dict[str, Any], router: Any) -> JSONResponse:
    """As litellm/proxy/response_api_endpoints/endpoints.py, responses_input_tokens (1.106.2). Raises ProxyException."""
    asked = body.get("input")
    for name in ("model", "input"):
        if body.get(name) is None or (name == "model" and not (body[name] and isinstance(body[name], str))):
            return _refusal(f"Missing required parameter: '{name}'.", name)
    if isinstance(asked, (str, list)) and not asked:
        words = """One of "input" or "previous_response_id" or 'prompt' or 'conversation' must be provided."""
        return _refusal(words, None)
    try:
        messages = LiteLLMCompletionResponsesConfig.transform_responses_api_input_to_messages(
            input=asked, responses_api_request={"instructions": body.get("instructions")}
        )
        plain = [
            message if isinstance(message, dict) else message.model_dump(exclude_none=True) for message in messages
        ]
        counted = TokenCountRequest(model=body["model"], messages=plain, tools=body.get("tools"))
    except Exception as error:  # noqa: BLE001 - whatever the SDK cannot read
        return _refusal(f"Invalid request for token counting: {error}", None, code=None)
    return JSONResponse({"object": "response.input_tokens", **_answer(await count(counted, router))})


def _refusal(words: str, param: str | None, code: str | None = "missing_required_parameter") -> JSONResponse:
    fault = {"message": words, "type": "invalid_request_error", "param": param, "code": code}
    return JSONResponse({"error": fault}, 400)


def counter(router: Any) -> Callable[..., Awaitable[TokenCountResponse]]:
    """With the parameters of LiteLLM's own, token_counter."""

    async def token_counter(request: TokenCountRequest, call_endpoint: bool = False) -> TokenCountResponse:
        return await count(request, router, call_endpoint=call_endpoint)

    return token_counter


async def count(
    asked: TokenCountRequest,
    router: Any,
    messages_format: str = "openai",
    output_format: Any = None,
    *,
    call_endpoint: bool = True,
) -> TokenCountResponse:
    """`call_endpoint`: the provider is asked, if it counts. Raises ProxyException, and HTTPException 400."""
    if asked.prompt is None and asked.messages is None and asked.contents is None:
        raise HTTPException(400, "prompt or messages or contents must be provided")
    deployment = await _deployment(router, asked.model)
    ask = deployment if call_endpoint else None
    counted = await _by_provider(asked, ask, messages_format, output_format) if ask else None
    if isinstance(counted, TokenCountResponse):
        return counted.model_copy(update={"count_source": "provider"})
    return await _estimate(asked, deployment, counted)


def _answer(counted: TokenCountResponse) -> dict[str, Any]:
    return {"input_tokens": counted.total_tokens, **count_source_fields(counted)}


async def _deployment(router: Any, model: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] | None = await router.async_get_available_deployment(model=model, request_kwargs={})
    except Exception:  # noqa: BLE001 - an unknown model is estimated
        return None
    return found


async def _by_provider(
    asked: TokenCountRequest, deployment: dict[str, Any], messages_format: str, output_format: Any
) -> TokenCountResponse | ProviderCountFailure | None:
    params = deployment["litellm_params"]
    model, provider, _, _ = litellm.get_llm_provider(
        model=params["model"],
        custom_llm_provider=params.get("custom_llm_provider"),
        api_base=params.get("api_base"),
        api_key=params.get("api_key"),
    )
    info = ProviderConfigManager.get_provider_model_info(model=params["model"], provider=LlmProviders(provider))
    counter = info.get_token_counter() if info else None
    if counter is None or not counter.should_use_token_counting_api(custom_llm_provider=provider):
        return None
    said = [{"role": "user", "content": asked.prompt}]
    is_prompt = bool(asked.prompt) and not asked.messages and not asked.contents and provider in _TAKE_PROMPTS
    try:
        counted = await counter.count_tokens(
            model_to_use=model,
            messages=said if is_prompt else asked.messages,
            contents=None if is_prompt else asked.contents,
            deployment=dict(deployment),
            request_model=asked.model,
            tools=asked.tools,
            system=asked.system,
            messages_format=messages_format,
            output_format=output_format,
        )
    except httpx.HTTPStatusError as error:
        return ProviderCountFailure(error.response.status_code, getattr(error, "message", None) or str(error))
    if counted is not None and counted.error is True:
        return ProviderCountFailure(counted.status_code or 500, counted.error_message or "Token counting failed")
    return counted


def _output_format(body: Mapping[str, Any]) -> Any:
    """As litellm/proxy/anthropic_endpoints/endpoints.py, _requested_output_format (1.106.2)."""
    found, config = body.get("output_format"), body.get("output_config")
    return found if isinstance(found, dict) or not isinstance(config, dict) else config.get("format")


async def _estimate(
    asked: TokenCountRequest, deployment: dict[str, Any] | None, failure: ProviderCountFailure | None
) -> TokenCountResponse:
    litellm_name: str = deployment["litellm_params"]["model"] if deployment else asked.model
    model = litellm_name.split("/", 1)[-1] if deployment else litellm_name
    configured = (deployment or {}).get("model_info") or {}
    system, messages = asked.system, asked.messages
    head = [{"role": "system", "content": system}] if isinstance(system, (str, list)) and system else []
    if asked.prompt and not messages and not asked.contents:
        messages = [{"role": "user", "content": asked.prompt}] if head or asked.tools else None
    said = None if messages is None else [*head, *messages]
    text, tools = (asked.prompt, None) if said is None else (None, asked.tools)
    try:
        tokenizer = await asyncio.to_thread(_select_tokenizer, model, configured.get("custom_tokenizer"))
        counting = partial(litellm.token_counter, custom_tokenizer=tokenizer)
        total = await asyncio.to_thread(counting, model=model, text=text, messages=said, tools=tools)
    except Exception as error:
        if failure is None:
            raise
        raise failure.to_proxy_exception() from error
    settings = resolve_token_count_settings(
        configured=configured, default=cost_map_entry(litellm_name), deployment_region=str
    )
    return TokenCountResponse(
        total_tokens=total + ((settings.framing or 0) if said is not None else 0),
        request_model=asked.model,
        model_used=model,
        tokenizer_type=str(tokenizer["type"]),
        count_source="local_estimate",
    )
