"""Counting before asking, for messages and for responses: the provider's own count if there is one, else an estimate.

As litellm/proxy/proxy_server.py, count_request_tokens (1.106.2), for messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
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
from litellm.utils import ProviderConfigManager


async def count_tokens(body: dict[str, Any], router: Any) -> dict[str, Any]:
    """The answer's body. Raises HTTPException 400 where model or messages are missing, ProxyException else.

    A field of the wrong type is pydantic's ValidationError, whose words LiteLLM gives to the client.
    """
    for name in ("model", "messages"):
        if not body.get(name):
            raise HTTPException(400, f"{name} parameter is required")
    TokenCountRequest(**{name: body.get(name) for name in ("model", "messages", "tools", "system")})
    return await _counted(body, router, "anthropic")


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
        counted = {"model": body["model"], "messages": plain, "tools": body.get("tools")}
        TokenCountRequest(**counted)
    except Exception as error:  # noqa: BLE001 - whatever the SDK cannot read
        return _refusal(f"Invalid request for token counting: {error}", None, code=None)
    return JSONResponse({"object": "response.input_tokens", **await _counted(counted, router, "openai")})


def _refusal(words: str, param: str | None, code: str | None = "missing_required_parameter") -> JSONResponse:
    fault = {"message": words, "type": "invalid_request_error", "param": param, "code": code}
    return JSONResponse({"error": fault}, 400)


async def _counted(body: dict[str, Any], router: Any, messages_format: str) -> dict[str, Any]:
    deployment = await _deployment(router, body["model"])
    counted = await _by_provider(body, deployment, messages_format) if deployment else None
    if isinstance(counted, TokenCountResponse):
        return _answer(counted.model_copy(update={"count_source": "provider"}))
    return _answer(await _estimate(body, deployment, counted))


def _answer(counted: TokenCountResponse) -> dict[str, Any]:
    return {"input_tokens": counted.total_tokens, **count_source_fields(counted)}


async def _deployment(router: Any, model: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] | None = await router.async_get_available_deployment(model=model, request_kwargs={})
    except Exception:  # noqa: BLE001 - an unknown model is estimated
        return None
    return found


async def _by_provider(
    body: dict[str, Any], deployment: dict[str, Any], messages_format: str
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
    try:
        counted = await counter.count_tokens(
            model_to_use=model,
            messages=body["messages"],
            contents=None,
            deployment=dict(deployment),
            request_model=body["model"],
            tools=body.get("tools"),
            system=body.get("system"),
            messages_format=messages_format,
            output_format=_output_format(body) if messages_format == "anthropic" else None,
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
    body: dict[str, Any], deployment: dict[str, Any] | None, failure: ProviderCountFailure | None
) -> TokenCountResponse:
    litellm_name: str = deployment["litellm_params"]["model"] if deployment else body["model"]
    model = litellm_name.split("/", 1)[-1] if deployment else litellm_name
    system = body.get("system")
    head = [{"role": "system", "content": system}] if isinstance(system, (str, list)) and system else []
    try:
        total = await asyncio.to_thread(
            litellm.token_counter, model=model, messages=[*head, *body["messages"]], tools=body.get("tools")
        )
    except Exception as error:
        if failure is None:
            raise
        raise failure.to_proxy_exception() from error
    settings = resolve_token_count_settings(
        configured=(deployment or {}).get("model_info") or {},
        default=cost_map_entry(litellm_name),
        deployment_region=str,
    )
    return TokenCountResponse(
        total_tokens=total + (settings.framing or 0),
        request_model=body["model"],
        model_used=model,
        tokenizer_type="",
        count_source="local_estimate",
    )
