"""Every failure -> status, headers, body, in the envelope of the route that it happened on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fastapi import HTTPException, Request
from fastapi.responses import JSONResponse, Response
from litellm._logging import redact_internal_details_from_client_message
from litellm.anthropic_interface.exceptions import AnthropicExceptionMapping
from litellm.constants import UNSAFE_PROXY_RESPONSE_HEADERS
from litellm.litellm_core_utils.bug_report import strip_bug_report_notice
from litellm.litellm_core_utils.llm_response_utils.get_headers import get_response_headers
from litellm.proxy._types import ProxyException
from litellm.proxy.common_request_processing import (
    _has_attribute_error_in_chain,
    proxy_exception_from_http_exception,
    proxy_exception_from_route_error,
)
from litellm.proxy.common_utils.openai_error_payload import (
    error_status_code,
    litellm_call_id_headers,
    openai_error_param,
    openai_error_type,
    with_litellm_call_id,
)
from litellm.proxy.common_utils.validation_error_body import public_validation_errors
from litellm.types.router import RouterRateLimitError

from sdk_proxy import response_headers, upstream_error
from sdk_proxy.call import BY_HAND, Call


async def proxy_exception_handler(_: Request, error: Any) -> Response:
    """As litellm/proxy/proxy_server.py, openai_exception_handler (1.106.2): OpenAI's envelope on every route."""
    return openai_response(error)


async def wrong_query_handler(_: Request, error: Any) -> Response:
    """Without what was sent, as in LiteLLM: it may be a secret."""
    return JSONResponse({"detail": public_validation_errors(error.errors())}, status_code=422)


async def unhandled_exception_handler(_: Request, __: Exception) -> Response:
    fault = {"message": "Internal server error", "type": "internal_server_error"}
    return JSONResponse({"error": fault}, status_code=500)


def openai_response(error: ProxyException) -> JSONResponse:
    status = int(error.code) if error.code else 500
    headers = {**upstream_error.own_advice(status), **(error.headers or {})}
    return JSONResponse({"error": error.to_dict()}, status_code=status, headers=headers)


def anthropic_response(error: ProxyException, request_id: str | None) -> JSONResponse:
    """As litellm/proxy/anthropic_endpoints/endpoints.py, _anthropic_error_json_response (1.106.2)."""
    status = int(error.code) if error.code is not None and error.code.isdigit() else 500
    body = AnthropicExceptionMapping.transform_to_anthropic_error(
        status_code=status, raw_message=error.message, request_id=request_id
    )
    if error.provider_specific_fields:
        body["error"] = {**body["error"], "provider_specific_fields": error.provider_specific_fields}
    headers = {**upstream_error.own_advice(status), **(error.headers or {})}
    return JSONResponse(body, status_code=status, headers=headers)


def failed(call: Call, error: Exception, request_id: str | None) -> Response:
    """In the envelope of the route that it happened on."""
    if call.route_type == "anthropic_messages":
        return failed_messages(call, error, request_id)
    if call.route_type == "aspeech" and isinstance(error, HTTPException):
        named = litellm_call_id_headers(call.id_after(error)) or {}
        return JSONResponse({"detail": error.detail}, error.status_code, {**(error.headers or {}), **named})
    if call.route_type in BY_HAND:
        return openai_response(_fault_by_hand(call, error))
    fault = _completion_fault if call.route_type == "atext_completion" else _as_proxy_exception
    return openai_response(fault(call, error))


def failed_messages(call: Call, error: Exception, request_id: str | None) -> Response:
    """As litellm/proxy/anthropic_endpoints/endpoints.py, anthropic_response (1.106.2).

    An error that the upstream said in Anthropic's envelope goes on as it came: Claude Code reads its words.
    """
    if isinstance(error, ProxyException):
        return anthropic_response(with_litellm_call_id(error, call.id_after(error)), request_id)
    headers = response_headers.of_error(call, error) | retry_headers(error)
    if isinstance(error, HTTPException):
        return anthropic_response(proxy_exception_from_http_exception(error, headers), request_id)
    unmodified = _unmodified(error, headers)
    if unmodified is not None:
        return unmodified
    status = upstream_error.status(error, error_status_code(error, 500))
    fault = ProxyException(
        message=upstream_error.message(error),
        type=openai_error_type(error, status),
        param=openai_error_param(error),
        code=status,
        headers=headers,
    )
    return anthropic_response(fault, request_id)


def _unmodified(error: Exception, headers: Mapping[str, str]) -> Response | None:
    answer = upstream_error.upstream_answer(error)
    body = upstream_error.anthropic_body(answer) if answer is not None else None
    if answer is None or body is None:
        return None
    told = {**upstream_error.own_advice(answer.status_code), **headers}
    return Response(body, answer.status_code, told, media_type="application/json")


def _completion_fault(call: Call, error: Exception) -> ProxyException:
    """As litellm/proxy/proxy_server.py, completion (1.106.2), with the upstream's advice."""
    if isinstance(error, ProxyException):
        return with_litellm_call_id(error, call.id_after(error))
    status = upstream_error.status(error, getattr(error, "status_code", 500))
    return ProxyException(
        message=upstream_error.message(error),
        type=getattr(error, "type", "None"),
        param=getattr(error, "param", "None"),
        headers={**(litellm_call_id_headers(call.id_after(error)) or {}), **retry_headers(error)},
        openai_code=getattr(error, "code", None),
        code=status,
    )


def _fault_by_hand(call: Call, error: Exception) -> ProxyException:
    """As image_endpoints/endpoints.py, image_generation, and proxy_server.py, moderations, audio_speech and
    audio_transcriptions (1.106.2), with the upstream's advice."""
    of_image, http = call.route_type == "aimage_generation", isinstance(error, HTTPException)
    if isinstance(error, ProxyException) and call.route_type in ("amoderation", "aspeech"):
        return with_litellm_call_id(error, call.id_after(error))
    told = error_status_code(error, 500) if of_image else getattr(error, "status_code", 500)
    status = upstream_error.status(error, told)
    detail = str(error.detail) if isinstance(error, HTTPException) and call.route_type == "atranscription" else None
    return ProxyException(
        message=detail or upstream_error.message(error),
        type=openai_error_type(error, status) if of_image else getattr(error, "type", "None"),
        param=openai_error_param(error) if of_image else getattr(error, "param", "None"),
        headers={**(litellm_call_id_headers(call.id_after(error)) or {}), **retry_headers(error)},
        openai_code=None if http or call.route_type == "amoderation" else getattr(error, "code", None),
        code=status,
    )


def _as_proxy_exception(call: Call, error: Exception) -> ProxyException:
    """As litellm/proxy/common_request_processing.py, handle_llm_api_exception (1.106.2)."""
    headers = _error_headers(call, error)
    if isinstance(error, ProxyException):
        error.headers = {**error.headers, **headers}
        return error
    if isinstance(error, HTTPException):
        return proxy_exception_from_http_exception(error, headers)
    if _has_attribute_error_in_chain(error):
        text = f"Invalid request format: {_safe(str(error))}"
        return ProxyException(message=text, type="invalid_request_error", param=None, code=400, headers=headers)
    status = upstream_error.status(error, _status(error))
    return ProxyException(
        message=_message(error),
        type="overloaded_error" if status == upstream_error.OVERLOADED else openai_error_type(error, status),
        param=openai_error_param(error),
        openai_code=getattr(error, "code", None),
        code=status,
        provider_specific_fields=getattr(error, "provider_specific_fields", None),
        headers=headers,
    )


def _error_headers(call: Call, error: Exception) -> dict[str, str]:
    headers = response_headers.without_cookies(getattr(error, "headers", None) or _provider_headers(error))
    headers |= response_headers.of_error(call, error)
    safe = {name: str(value) for name, value in headers.items() if name.lower() not in UNSAFE_PROXY_RESPONSE_HEADERS}
    return safe | retry_headers(error)


def retry_headers(error: Exception) -> dict[str, str]:
    if isinstance(error, RouterRateLimitError) and error.cooldown_time > 0:
        return {"retry-after": str(math.ceil(error.cooldown_time))}
    return upstream_error.advice(upstream_error.upstream_answer(error))


def _provider_headers(error: Exception) -> Mapping[str, str]:
    response = getattr(error, "response", None)
    found = getattr(response, "headers", None) or getattr(error, "litellm_response_headers", None)
    headers: Mapping[str, str] = get_response_headers(dict(found)) if found else {}
    return headers


def _status(error: Exception) -> int:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) and 400 <= status <= 599 else 500


def _message(error: Exception) -> str:
    """Without the traceback, the paths and the private addresses that LiteLLM's exceptions may carry."""
    message: Any = getattr(error, "message", str(error))
    return _safe(message if isinstance(message, str) else str(error))


def _safe(message: str) -> str:
    told: str = redact_internal_details_from_client_message(strip_bug_report_notice(message))
    return told


def failed_count(error: Exception, request_id: str | None) -> JSONResponse:
    return anthropic_response(proxy_exception_from_route_error(error), request_id)
