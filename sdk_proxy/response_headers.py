"""The x-litellm-* headers of an answer, and the provider's as llm_provider-*: LiteLLM's own function, fed alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from litellm.proxy.common_request_processing import ProxyBaseLLMRequestProcessing
from litellm.router_utils.add_retry_fallback_headers import get_hidden_params_dict

from sdk_proxy.authentication import administrator
from sdk_proxy.call import LITELLM_VERSION, Call

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # uvicorn, httptools_impl.py, HEADER_VALUE_RE (0.54)
_COOKIES = ("set-cookie", "llm_provider-set-cookie")


def of_stream(call: Call, hidden: Mapping[str, Any]) -> dict[str, str]:
    """Costs are not known yet."""
    return _headers(call, hidden, hidden.get("response_cost") or "")


def of_answer(call: Call, response: Any) -> dict[str, str]:
    hidden = get_hidden_params_dict(response)
    cost = hidden.get("response_cost") or ""
    if not cost and hidden.get("response_cost") is None:
        cost = _reckoned(call) or ProxyBaseLLMRequestProcessing._response_cost_from_logging_obj(
            response=response, logging_obj=call.logging
        )
    return _headers(call, hidden, cost or "")


def _reckoned(call: Call) -> float | None:
    """Of a message that LiteLLM translated, from what it was before: it has lost its reasoning tokens on the way."""
    breakdown: Mapping[str, float] = call.logging.cost_breakdown or {}
    return breakdown.get("total_cost")


def of_answer_by_hand(call: Call, response: Any) -> dict[str, str]:
    """What LiteLLM's endpoints say that are written out: without what the call's logging object knows.

    Only a transcription tells the provider's headers, and moderations have no price.
    """
    hidden = getattr(response, "_hidden_params", None) or {}
    provider = hidden.get("additional_headers") or {} if call.route_type == "atranscription" else {}
    is_priced = call.route_type != "amoderation"
    headers: dict[str, str] = ProxyBaseLLMRequestProcessing.get_custom_headers(
        user_api_key_dict=administrator(),
        call_id=hidden.get("litellm_call_id") if is_priced else None,
        model_id=hidden.get("model_id") or "",
        cache_key=hidden.get("cache_key") or "",
        api_base=hidden.get("api_base") or "",
        version=LITELLM_VERSION,
        response_cost=(hidden.get("response_cost") or "") if is_priced else None,
        model_region="",
        request_data=call.data,
        hidden_params=hidden,
        **without_cookies(provider),
    )
    return headers


def of_error(call: Call, error: Exception) -> dict[str, str]:
    """The deployment that failed is known where it is written into litellm_metadata (maybe_get_model_id, 1.106.2)."""
    info = (call.data.get("litellm_metadata") or {}).get("model_info") or {}
    headers: dict[str, str] = ProxyBaseLLMRequestProcessing.get_custom_headers(
        user_api_key_dict=administrator(),
        call_id=call.id_after(error),
        model_id=info.get("id"),
        version=None if call.route_type == "acompletion" else LITELLM_VERSION,
        response_cost=0,
        model_region="",
        request_data=call.data,
        timeout=getattr(error, "timeout", None),
    )
    return headers


def _headers(call: Call, hidden: Mapping[str, Any], cost: float | str) -> dict[str, str]:
    headers: dict[str, str] = ProxyBaseLLMRequestProcessing.get_custom_headers(
        user_api_key_dict=administrator(),
        call_id=call.logging.litellm_call_id,
        model_id=ProxyBaseLLMRequestProcessing._get_model_id_from_response(hidden, call.data),
        cache_key=hidden.get("cache_key") or "",
        api_base=hidden.get("api_base") or "",
        version=LITELLM_VERSION,
        response_cost=cost,
        model_region="",
        fastest_response_batch_completion=hidden.get("fastest_response_batch_completion"),
        request_data=call.data,
        hidden_params=hidden,
        litellm_logging_obj=call.logging,
        **without_cookies(hidden.get("additional_headers") or {}),
    )
    return headers


def without_cookies(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the headers that a client is told: an upstream's cookies are the gateway's; LiteLLM's proxy tells them to
    the client as llm_provider-set-cookie. For a control character uvicorn would close the connection without an answer.
    """
    return {
        name: value
        for name, value in headers.items()
        if name.lower() not in _COOKIES and not _CONTROL.search(str(value))
    }
