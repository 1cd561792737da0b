"""One request on its way to litellm.Router: its body, and all that LiteLLM's proxy adds to it before the call."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any, Literal

import litellm
from fastapi import HTTPException, UploadFile
from litellm.constants import LITELLM_PROXY_MASTER_KEY_ALIAS
from litellm.litellm_core_utils.prompt_templates.common_utils import get_str_from_messages
from litellm.proxy._types import ProxyException
from litellm.proxy.common_request_processing import (
    _model_deployments_support_stream_options,
    _stream_usage_tracking_updates,
    resolve_litellm_call_id,
)
from litellm.proxy.common_utils.http_parsing_utils import check_file_size_under_limit, resolve_inference_model
from litellm.proxy.hooks.responses_id_security import ResponsesIDSecurity
from litellm.proxy.litellm_pre_call_utils import (
    add_litellm_data_to_request,
    reject_url_valued_destination,
)
from litellm.proxy.route_llm_request import route_request
from litellm.proxy.utils import ProxyLogging
from starlette.datastructures import Headers
from starlette.requests import Request

from sdk_proxy.authentication import administrator
from sdk_proxy.config_parser import ProxyConfig
from sdk_proxy.identifier import new_id

LITELLM_VERSION = version("litellm")
RouteType = Literal[
    "acompletion",
    "anthropic_messages",
    "aresponses",
    "atext_completion",
    "aembedding",
    "aget_responses",
    "adelete_responses",
    "acancel_responses",
    "alist_input_items",
    "acompact_responses",
    "agenerate_content",
    "agenerate_content_stream",
    "aimage_edit",
    "aimage_generation",
    "amoderation",
    "aspeech",
    "atranscription",
]
# Routes whose endpoint LiteLLM has written out, without its common processing (proxy_server.py and
# image_endpoints/endpoints.py, 1.106.2); the kind of model that it looks for there.
BY_HAND: Mapping[RouteType, Literal["image_generation", "moderation", "body"]] = {
    "aimage_generation": "image_generation",
    "amoderation": "moderation",
    "atranscription": "moderation",
    "aspeech": "body",
}

_RESPONSE_IDS = ResponsesIDSecurity()
_WITH_MODEL = ("acompletion", "atext_completion", "aembedding", "aimage_generation", "aimage_edit")
_WITH_MCP = ("acompletion", "anthropic_messages")  # they expand tools of LiteLLM's MCP gateway


@dataclass(slots=True)
class Call:
    """`data` is what the Router gets, and what LiteLLM writes its findings into; `requested_model` is the client's.

    `failure` is what a chat's stream ended in. `file` is what was uploaded beside `data`. `is_chat`: a client of the
    Responses API that reads chat completions (Cursor).
    """

    route_type: RouteType
    data: dict[str, Any]
    requested_model: str | None
    logging: Any = None
    failure: Exception | None = None
    file: UploadFile | None = None
    is_chat: bool = False

    def id_after(self, error: Exception) -> str | None:
        """LiteLLM's failure hook gives one to a call that its own checks refused before it got one; to no other."""
        if isinstance(error, (ProxyException, HTTPException)):
            self.data.setdefault("litellm_call_id", new_id())
        return self.data.get("litellm_call_id")

    @property
    def streams(self) -> bool:
        return self.data.get("stream") is True


async def prepare(call: Call, request: Request, headers: Headers, config: ProxyConfig, router: Any) -> None:
    """As litellm/proxy/common_request_processing.py, common_processing_pre_call_logic (1.106.2), without a database.

    `headers` are the client's with the memory headers behind them. Raises ProxyException or HTTPException.
    """
    by_hand = call.route_type in BY_HAND
    if not by_hand and call.data.get("model") is not None and not isinstance(call.data["model"], str):
        raise ProxyException(message="'model' must be a string.", type="bad_request_error", param="model", code=400)
    settings = dict(config.general_settings)
    call.data = await add_litellm_data_to_request(
        data=call.data,
        request=Request({**request.scope, "headers": headers.raw, "state": {}}),
        general_settings=settings,
        user_api_key_dict=_known_to_cursor(request) if call.is_chat else administrator(),
        version=LITELLM_VERSION if call.is_chat else None,
        proxy_config=SimpleNamespace(config={"litellm_settings": dict(config.litellm_settings)}),
    )
    ProxyLogging._process_guardrail_metadata(None, call.data)  # the names only; there are no guardrails
    named = model_of_endpoint(call, request)
    if named is not None:
        reject_url_valued_destination("model", named)
    if by_hand:
        await _prepare_by_hand(call, settings, named, router)
        return
    call.data.pop("include_fallback_errors", None)
    kind: Any = "image_edit" if call.route_type == "aimage_edit" else "completion"
    model = resolve_inference_model(call.data.get("model"), settings, None, named, kind=kind)
    call.data["model"] = litellm.model_alias_map.get(model, model) if isinstance(model, str) else model
    call.data["litellm_call_id"] = resolve_litellm_call_id(headers.get("x-litellm-call-id"))
    call.data.update(_stream_usage(call, settings, router))
    call.logging, call.data = litellm.utils.function_setup(
        original_function=call.route_type, rules_obj=litellm.utils.Rules(), start_time=datetime.now(), **call.data
    )
    call.data["litellm_logging_obj"] = call.logging
    _look_up_prompt(call)
    await _RESPONSE_IDS.async_pre_call_hook(administrator(), None, call.data, call.route_type)
    if call.data.get("messages"):
        call.logging.update_messages(call.data["messages"])


async def _prepare_by_hand(call: Call, settings: Mapping[str, Any], named: str | None, router: Any) -> None:
    """As image_generation, moderations, audio_speech and audio_transcriptions. Raises ProxyException."""
    data, route_type = call.data, call.route_type
    if route_type in ("aspeech", "atranscription") and data.get("user") is None:
        data["user"] = administrator().user_id
    if route_type != "aspeech":
        data["model"] = resolve_inference_model(data.get("model"), settings, None, named, kind=BY_HAND[route_type])
    if route_type == "aimage_generation":
        data["model"] = litellm.model_alias_map.get(data["model"], data["model"])
        if data.get("prompt") is not None:
            data["prompt"] = get_str_from_messages([{"role": "user", "content": data["prompt"]}])
        data.pop("messages", None)
    if call.file is not None:
        check_file_size_under_limit(data, call.file, router.model_names)
        data["file"] = await named_bytes(call.file)


async def named_bytes(file: UploadFile) -> io.BytesIO:
    """As image_endpoints/endpoints.py, uploadfile_to_bytesio (1.106.2): OpenAI's SDK takes the type from the name."""
    content = io.BytesIO(await file.read())
    content.name = file.filename
    return content


def _look_up_prompt(call: Call) -> None:
    """As ProxyLogging.pre_call_hook (1.106.2): there are no prompts here, but it fails at an id that is no text.

    Raises TypeError.
    """
    prompt = call.data.get("prompt_id")
    if prompt is not None and call.route_type in ("acompletion", "aresponses"):
        from litellm.proxy.prompts import prompt_registry  # noqa: PLC0415 - hardly any call needs it

        version = prompt_registry.parse_prompt_version(call.data.get("prompt_version"))
        prompt_registry.IN_MEMORY_PROMPT_REGISTRY.resolve_prompt_spec(prompt, version=version)


def model_of_endpoint(call: Call, request: Request) -> str | None:
    """Return the model that the path or the query names, which wins over the body's; None: they name none.

    Of the endpoints that have it as a parameter: chat_completion, completion and embeddings (proxy_server.py, 1.106.2),
    image_generation and image_edit_api (image_endpoints/endpoints.py). Gemini's routes have it in the path alone.
    """
    if call.route_type not in _WITH_MODEL:
        return request.path_params.get("model_name")
    named: str | None = request.path_params.get("model", request.query_params.get("model"))
    return named


async def answered(call: Call, router: Any) -> Any:
    """The Router's answer: whole, or a stream that has begun. Raises what the Router raises, and HTTPException."""
    tools = call.data.get("tools")
    if call.route_type in _WITH_MCP and isinstance(tools, list) and not any(map(_is_mcp, tools)):
        call.data["_skip_mcp_handler"] = True  # or it is loaded, 25 MB, to look for such a tool
    return await (await route_request(call.data, router, None, call.route_type))


def _known_to_cursor(request: Request) -> Any:
    """LiteLLM's metadata of a call go to the provider, where a client of the Responses API is not on its paths
    (litellm_pre_call_utils.py, get_metadata_variable_name, 1.106.2)."""
    return administrator(api_key=LITELLM_PROXY_MASTER_KEY_ALIAS, request_route=request.url.path)


def _is_mcp(tool: Any) -> bool:
    return isinstance(tool, dict) and tool.get("type") == "mcp"


async def with_own_id(call: Call, response: Any) -> Any:
    """Only who has the key can go on with a response by its id; the upstream's id stays behind the gateway."""
    return await _RESPONSE_IDS.async_post_call_success_hook(call.data, administrator(), response)


def with_own_ids(response: Any) -> AsyncIterator[Any]:
    """As with_own_id, of the events of a stream."""
    creator = administrator(request_route="/responses")
    events: AsyncIterator[Any] = _RESPONSE_IDS.async_post_call_streaming_iterator_hook(creator, response, {})
    return events


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
