"""One request on its way to litellm.Router: its body, and all that LiteLLM's proxy adds to it before the call."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Literal
from uuid import uuid4

import litellm
from litellm.proxy._types import ProxyException
from litellm.proxy.common_request_processing import (
    _model_deployments_support_stream_options,
    _stream_usage_tracking_updates,
    resolve_litellm_call_id,
)
from litellm.proxy.common_utils.http_parsing_utils import resolve_inference_model
from litellm.proxy.litellm_pre_call_utils import (
    _UNTRUSTED_METADATA_CONTROL_FIELDS,
    _UNTRUSTED_ROOT_CONTROL_FIELDS,
    LiteLLMProxyRequestSetup,
    _normalized_metadata_object,
    _reject_url_valued_destinations,
    _strip_client_callback_credentials,
    _strip_client_pricing_overrides,
    _strip_router_reserved_metadata,
    add_provider_specific_headers_to_request,
    clean_headers,
    metadata_variable_name_for_route,
    redact_credential_headers,
    should_auto_drop_params_for_agentic_cli,
)
from litellm.proxy.route_llm_request import (
    ProxyModelNotFoundError,
    raise_if_mock_testing_params_disallowed,
    raise_if_required_body_param_missing,
)
from litellm.types.proxy.litellm_pre_call_utils import RedactedDict, SecretFields
from starlette.datastructures import Headers
from starlette.requests import Request

from sdk_proxy.authentication import administrator
from sdk_proxy.config_parser import ProxyConfig

RouteType = Literal["acompletion", "anthropic_messages"]
ENDPOINTS = {"acompletion": "/chat/completions", "anthropic_messages": "anthropic_messages"}


@dataclass(slots=True)
class Call:
    """`data` is what the Router gets, and what LiteLLM writes its findings into; `requested_model` is the client's."""

    route_type: RouteType
    data: dict[str, Any]
    requested_model: str | None
    logging: Any = None

    @property
    def id(self) -> str:
        """A call that failed before it got one gets one now: LiteLLM's failure hook sets it up as well."""
        call_id: str = self.data.setdefault("litellm_call_id", str(uuid4()))
        return call_id

    @property
    def streams(self) -> bool:
        return self.data.get("stream") is True


def prepare(call: Call, request: Request, headers: Headers, config: ProxyConfig, router: Any) -> None:
    """As litellm/proxy/common_request_processing.py, common_processing_pre_call_logic (1.106.2), without a database.

    `headers` are the client's with the memory headers behind them. Raises ProxyException or HTTPException.
    """
    if call.data.get("model") is not None and not isinstance(call.data["model"], str):
        raise ProxyException(message="'model' must be a string.", type="bad_request_error", param="model", code=400)
    add_request_data(call.data, request, headers, config)
    call.data.pop("include_fallback_errors", None)
    model = resolve_inference_model(call.data.get("model"), config.general_settings, None)
    call.data["model"] = litellm.model_alias_map.get(model, model) if isinstance(model, str) else model
    call.data["litellm_call_id"] = resolve_litellm_call_id(headers.get("x-litellm-call-id"))
    call.data.update(_stream_usage(call, config.general_settings, router))
    call.logging, call.data = litellm.utils.function_setup(
        original_function=call.route_type, rules_obj=litellm.utils.Rules(), start_time=datetime.now(), **call.data
    )
    call.data["litellm_logging_obj"] = call.logging
    if call.data.get("messages"):
        call.logging.update_messages(call.data["messages"])


def add_request_data(data: dict[str, Any], request: Request, headers: Headers, config: ProxyConfig) -> None:
    """As litellm/proxy/litellm_pre_call_utils.py, add_litellm_data_to_request (1.106.2), for the master key.

    What only virtual keys, teams and guardrails have is left out.
    """
    settings = dict(config.general_settings)
    for name in _UNTRUSTED_ROOT_CONTROL_FIELDS:
        data.pop(name, None)
    _reject_url_valued_destinations(data)
    _read_metadata(data)
    cleaned = clean_headers(headers, settings.get("litellm_key_header_name"))
    slot = metadata_variable_name_for_route(request.url.path)
    data["proxy_server_request"] = _proxy_server_request(request, cleaned)
    if data.get(slot) is None:
        data[slot] = {}
    data.update(
        LiteLLMProxyRequestSetup.add_litellm_data_for_backend_llm_call(
            headers=cleaned, request_data=data, user_api_key_dict=administrator(), general_settings=settings
        )
    )
    LiteLLMProxyRequestSetup.add_litellm_metadata_from_request_headers(cleaned, data, slot)
    user = LiteLLMProxyRequestSetup.get_user_from_headers(cleaned, settings)
    if user is not None:
        data.setdefault("user", user)
    data["secret_fields"] = SecretFields(raw_headers=RedactedDict(dict(headers)))
    if "api-version" in request.query_params:
        data["api_version"] = request.query_params["api-version"]
    used_oauth = add_provider_specific_headers_to_request(data, cleaned)
    _strip(data)
    _complete_metadata(data, slot)
    data[slot] |= _known_metadata(request, headers, cleaned) | {"used_client_oauth_token": used_oauth}
    _add_tags(data, slot, cleaned)
    if _drops_params(headers, data, config):
        data["drop_params"] = True


def route(call: Call, general_settings: Mapping[str, Any], router: Any) -> Any:
    """The coroutine of the Router's call. As litellm/proxy/route_llm_request.py, route_request (1.106.2)."""
    raise_if_required_body_param_missing(call.route_type, call.data, router)
    raise_if_mock_testing_params_disallowed(
        call.data, allowed=general_settings.get("enable_mock_testing_request_params") is True
    )
    call.data.pop("enable_tag_filtering", None)
    data, method = call.data, getattr(router, call.route_type)
    if "api_key" in data or "api_base" in data:
        return method(**data)
    if call.route_type == "acompletion" and "," in (data.get("model") or ""):
        return _batch(data, router)
    model = data.get("model")
    if router.is_recognized_model(model) or router.default_deployment or router.pattern_router.patterns:
        return method(**data)
    if model in router.deployment_names:
        return method(**data, specific_deployment=True)
    raise ProxyModelNotFoundError(route=ENDPOINTS[call.route_type], model_name=model)


def _batch(data: dict[str, Any], router: Any) -> Any:
    if data.get("fastest_response", False):
        return router.abatch_completion_fastest_response(**data)
    models = [model.strip() for model in data.pop("model").split(",")]
    return router.abatch_completion(models=models, **data)


def _stream_usage(call: Call, general_settings: Mapping[str, Any], router: Any) -> Mapping[str, Any]:
    updates: Mapping[str, Any] = _stream_usage_tracking_updates(
        data=call.data,
        general_settings=general_settings,
        route_type=call.route_type,
        supports_stream_options=lambda: _model_deployments_support_stream_options(
            model=call.data.get("model"), llm_router=router, team_id=None
        ),
    )
    return updates


def _read_metadata(data: dict[str, Any]) -> None:
    """A text that holds an object counts as that object; all else is a 400."""
    raw = {name: data.pop(name) for name in ("metadata", "litellm_metadata") if data.get(name) is not None}
    for name, value in raw.items():
        data[name] = _normalized_metadata_object(name, value)
    for name in [n for n in data.get("metadata") or () if n.startswith("user_api_key_")]:
        del data["metadata"][name]


def _add_tags(data: dict[str, Any], slot: str, cleaned: dict[str, str]) -> None:
    """For tag-based routing."""
    setup = LiteLLMProxyRequestSetup
    sent = setup.add_request_tag_to_metadata(llm_router=None, headers=cleaned, data=data)
    in_body = data["metadata"].get("tags") if slot != "metadata" and isinstance(data.get("metadata"), dict) else None
    if sent is not None or in_body:
        tags = setup.merge_tags(data[slot].get("tags"), sent)
        data[slot]["tags"] = setup.merge_tags(tags, in_body)


def _drops_params(headers: Headers, data: dict[str, Any], config: ProxyConfig) -> bool:
    """For Claude Code and Codex, unless the configuration or the request says something about it."""
    settings = SimpleNamespace(config={"litellm_settings": dict(config.litellm_settings)})
    drops: bool = should_auto_drop_params_for_agentic_cli(headers.get("user-agent", ""), data, settings)
    return drops


def _proxy_server_request(request: Request, cleaned: dict[str, str]) -> dict[str, Any]:
    headers = dict(redact_credential_headers(cleaned))
    return {"url": str(request.url), "method": request.method, "headers": headers, "body": {}}


def _strip(data: dict[str, Any]) -> None:
    for name in ("metadata", "litellm_metadata"):
        metadata = data.get(name)
        if isinstance(metadata, dict):
            for key in [
                k for k in metadata if k.startswith("user_api_key_") or k in _UNTRUSTED_METADATA_CONTROL_FIELDS
            ]:
                metadata.pop(key)
    _strip_client_pricing_overrides(data)
    _strip_router_reserved_metadata(data)
    _strip_client_callback_credentials(data)


def _complete_metadata(data: dict[str, Any], slot: str) -> None:
    if isinstance(data.get("metadata"), dict):
        data[slot]["requester_metadata"] = copy.deepcopy(data["metadata"])
    if slot == "metadata":
        for name, value in (data.pop("litellm_metadata", None) or {}).items():
            data[slot].setdefault(name, value)


def _known_metadata(request: Request, headers: Headers, cleaned: dict[str, str]) -> dict[str, Any]:
    return {
        "headers": dict(redact_credential_headers(cleaned)),
        "endpoint": str(request.url),
        "user_agent": headers.get("user-agent", ""),
        "requester_ip_address": request.client.host if request.client else "",
        "user_api_key_user_id": administrator().user_id,
        "llm_api_timing_windows": (),
    }
