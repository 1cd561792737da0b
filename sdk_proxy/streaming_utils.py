"""What the provider streams -> the bytes of server-sent events, in each protocol's own framing."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import anyio
import orjson
from fastapi import HTTPException
from litellm._logging import redact_internal_details_from_client_message
from litellm.anthropic_interface.exceptions import anthropic_error_sse_frame
from litellm.completion_extras.litellm_responses_transformation.handler import responses_api_bridge
from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper
from litellm.proxy._types import ProxyException
from litellm.proxy.anthropic_endpoints.streaming_model_restamp import AnthropicStreamModelRestamper
from litellm.proxy.common_utils.openai_error_payload import error_status_code
from litellm.proxy.common_utils.responses_stream_errors import ResponsesStreamErrorState
from litellm.router_utils.add_retry_fallback_headers import get_hidden_params_dict
from litellm.types.utils import ModelResponseStream
from pydantic import BaseModel

from sdk_proxy import same_format, translated, upstream_error
from sdk_proxy.call import Call, with_own_ids
from sdk_proxy.stream_end import MessageEnd
from sdk_proxy.tap import Tap

DONE = "data: [DONE]\n\n"
_END_OF_EVENT = re.compile(rb"(?<=\n\n)|(?<=\r\n\r\n)|(?<=\r\r)")
_RICH_DELTA = (
    "function_call",
    "tool_calls",
    "audio",
    "images",
    "annotations",
    "reasoning_content",
    "thinking_blocks",
    "provider_specific_fields",
    "refusal",
)


def events(
    call: Call, response: Any, plain: same_format.Plain | None, router: Any, taps: Sequence[Tap] = ()
) -> AsyncGenerator[Any, None]:
    """The bytes of the route's own protocol; `plain`: those of the upstream that may go on as they come."""
    if call.is_chat and call.route_type == "aresponses":
        return chat_events(call, _as_chat(call, response))
    if call.route_type == "aresponses":
        return response_events(call, response)
    if call.route_type == "agenerate_content_stream":
        return chat_events(call, _frames(response))
    if call.route_type == "anthropic_messages":
        return message_events(call, response, same_format.messages(plain, router, response) if plain else None)
    slow = chat_events(call, response)
    if plain is not None:
        return same_format.chat(plain, router, slow, response)
    provider = translated.provider_of(call, response, taps, router)
    return slow if provider is None else translated.chat(taps[0], provider, response, slow)


def plain_of(call: Call, response: Any, taps: list[Tap], router: Any) -> same_format.Plain | None:
    """None: they are LiteLLM's."""
    tap = same_format.stream_of(call, response, taps, router)
    if tap is None:
        return None
    deployment = get_hidden_params_dict(response).get("model_id")
    if call.route_type == "anthropic_messages":
        return same_format.Plain.of_messages(tap, deployment, same_format.commits_at_once(call, router))
    model = _served_by(response) or call.requested_model or response.model
    return same_format.Plain.of_chat(tap, deployment, model, tells_usage(call))


def tells_usage(call: Call) -> bool:
    """Once LiteLLM has prepared the call: it may want to know the usage, where the client does not."""
    return bool((call.data.get("stream_options") or {}).get("include_usage")) and not _hides_usage(call)


async def response_events(call: Call, response: Any) -> AsyncGenerator[Any, None]:
    """As chat_events, but that a failure is an event of the Responses protocol, `response.failed`, before [DONE]."""
    state = ResponsesStreamErrorState()
    try:
        served = _served_by(response)
        async for chunk in with_own_ids(response):
            served = served or _served_by(chunk)
            restamped = _restamped(chunk, served or call.requested_model)
            state.observe_chunk(restamped)
            yield state.mark_emitted(_chat_event(restamped))
    except Exception as error:  # noqa: BLE001 - any failure becomes the stream's last event
        await _close(response)
        failed = state.format_failure(error)
        if failed is not None:
            yield failed
    finally:
        await _close(response)
    yield DONE


async def chat_events(call: Call, response: Any) -> AsyncGenerator[Any, None]:
    """As litellm/proxy/proxy_server.py, async_data_generator (1.106.2)."""
    try:
        served = _served_by(response)
        async for chunk in response.__aiter__():  # LiteLLM's words, where its Router gives None: for a streamed 422
            served = served or _served_by(chunk)
            restamped = _restamped(chunk, served or call.requested_model)
            if not (_hides_usage(call) and _is_bare_usage(restamped)):
                yield _chat_event(restamped)
        if not call.data.get("_litellm_skip_openai_stream_done"):
            yield DONE
    except HTTPException:
        raise
    except Exception as error:  # noqa: BLE001 - any failure becomes the stream's last event
        call.failure = error
        await _close(response)
        yield f"data: {json.dumps({'error': _chat_fault(error).to_dict()})}\n\n"
    finally:
        await _close(response)


async def _frames(response: Any) -> AsyncGenerator[bytes, None]:
    """Whole events, of bytes that come as they like: as proxy_server.py, _pop_complete_sse_frame (1.106.2)."""
    held = b""
    try:
        async for chunk in response:
            *whole, held = _END_OF_EVENT.split(held + (chunk.encode() if isinstance(chunk, str) else chunk))
            for event in whole:
                yield event
        if held:
            yield held
    finally:
        await _close(getattr(response, "response", response))  # LiteLLM's iterator does not close it


def _as_chat(call: Call, response: Any) -> Any:
    """As response_api_endpoints/endpoints.py, cursor_chat_completions (1.106.2)."""
    iterator = responses_api_bridge.transformation_handler.get_model_response_iterator(
        streaming_response=response, sync_stream=False, json_mode=False
    )
    model = call.data.get("model", "")
    return CustomStreamWrapper(iterator, model, custom_llm_provider=None, logging_obj=call.logging)


async def message_events(
    call: Call, response: Any, pieces: AsyncGenerator[Any, None] | None = None
) -> AsyncGenerator[Any, None]:
    """As litellm/proxy/common_request_processing.py, async_sse_data_generator (1.106.2), but for a truncated one."""
    restamper = AnthropicStreamModelRestamper(call.requested_model) if call.requested_model else None
    end = MessageEnd(_content_type(response))
    try:
        async for chunk in pieces or response:
            end.read(chunk)
            yield _message_event(restamper.process(chunk) if restamper else chunk)
        held = restamper.flush() if restamper else b""
        if held:
            yield held
        for frame in end.missing():
            yield frame
    except HTTPException:
        raise
    except Exception as error:  # noqa: BLE001 - any failure becomes the stream's last event
        await _close(pieces)
        await _close(response)
        said = redact_internal_details_from_client_message(getattr(error, "message", str(error)))
        yield anthropic_error_sse_frame(status_code=error_status_code(error, 500), raw_message=said)
    finally:
        await _close(pieces)
        await _close(response)


def _hides_usage(call: Call) -> bool:
    return bool(call.data.get("_litellm_strip_stream_usage"))


def _content_type(response: Any) -> str:
    """The upstream's, where its bytes are passed on; what LiteLLM translates is always a stream."""
    headers = get_hidden_params_dict(response).get("additional_headers") or {}
    return str(headers.get("llm_provider-content-type", "text/event-stream")).lower()


def _message_event(chunk: Any) -> Any:
    return f"data: {json.dumps(chunk)}\n\n" if isinstance(chunk, dict) else chunk


def _chat_event(chunk: Any) -> Any:
    if isinstance(chunk, bytes):
        chunk = chunk.decode(errors="replace")
        return chunk if chunk.endswith(("\n\n", "\r\n\r\n", "\r\r")) else chunk + "\n\n"
    if not isinstance(chunk, BaseModel):
        return f"data: {chunk}\n\n"
    plain = _plain_text(chunk) if isinstance(chunk, ModelResponseStream) else None
    if plain is not None:
        return b"data: " + orjson.dumps(plain) + b"\n\n"
    return f"data: {chunk.model_dump_json(exclude_none=True, exclude_unset=True)}\n\n"


def _plain_text(chunk: Any) -> dict[str, Any] | None:
    """A chunk with nothing but text has another key order (_fast_serialize_simple_model_response_stream, 1.106.2)."""
    if any(getattr(chunk, n, None) is not None for n in ("provider_specific_fields", "system_fingerprint", "usage")):
        return None
    choices = chunk.choices
    if not isinstance(choices, list) or len(choices) != 1 or not _is_plain_choice(choices[0]):
        return None
    if getattr(chunk, "model", None) is None:
        return None
    choice, delta = choices[0], choices[0].delta
    said = {name: getattr(delta, name, None) for name in ("role", "content")}
    shown = {"index": getattr(choice, "index", 0), "delta": _present(said)}
    finish = {"finish_reason": getattr(choice, "finish_reason", None)}
    head = {name: getattr(chunk, name, None) for name in ("id", "object", "created", "model", "service_tier")}
    return {**_present(head), "choices": [{**shown, **_present(finish)}]}


def _is_plain_choice(choice: Any) -> bool:
    if getattr(choice, "logprobs", None) is not None or getattr(choice, "enhancements", None) is not None:
        return False
    delta = getattr(choice, "delta", None)
    return delta is not None and all(getattr(delta, name, None) is None for name in _RICH_DELTA)


def _present(tree: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in tree.items() if value is not None}


def _served_by(source: Any) -> str | None:
    """The name that a fallback went to: the client reads that one (_get_streaming_fallback_metadata, 1.106.2)."""
    headers = get_hidden_params_dict(source).get("additional_headers")
    if not isinstance(headers, dict) or not headers.get("x-litellm-attempted-fallbacks"):
        return None
    group = headers.get("x-litellm-model-group")
    return group if isinstance(group, str) else None


def _restamped(chunk: Any, model: str | None) -> Any:
    """The client reads the alias that it asked for; LiteLLM keeps the chunk itself for its accounts."""
    if not model or not isinstance(chunk, BaseModel) or getattr(chunk, "model", None) == model:
        return chunk
    return chunk.model_copy(update={"model": model})


def _is_bare_usage(chunk: Any) -> bool:
    """The usage that LiteLLM asked for, and not the client (_is_injected_stream_usage_artifact, 1.106.2)."""
    if not isinstance(chunk, ModelResponseStream) or chunk.provider_specific_fields is not None:
        return False
    return all(_is_empty_choice(choice) for choice in chunk.choices or [])


def _is_empty_choice(choice: Any) -> bool:
    if choice.finish_reason is not None or getattr(choice, "logprobs", None) is not None:
        return False
    delta = getattr(choice, "delta", None)
    return delta is None or all(value is None for value in delta.model_dump().values())


def _chat_fault(error: Exception) -> ProxyException:
    overloaded = upstream_error.tells_overload(error)
    return ProxyException(
        message=upstream_error.message(error),
        type="overloaded_error" if overloaded else getattr(error, "type", "None"),
        param=getattr(error, "param", "None"),
        code=upstream_error.OVERLOADED if overloaded else upstream_error.status(error, _status(error)),
    )


def _status(error: Exception) -> int:
    status: int = getattr(error, "status_code", 500)
    return status


async def _close(response: Any) -> None:
    """Closes the connection to the provider, also while the client's task is being cancelled.

    Before a client is told of a failure, who may be in no hurry to read it: nobody wants the rest.
    """
    close = getattr(response, "aclose", None)
    if close is not None:
        with anyio.CancelScope(shield=True):
            await close()
