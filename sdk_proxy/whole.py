"""Whole answers: as LiteLLM's proxy writes them, and how they are told where LiteLLM is not asked (`learnt`).

What LiteLLM makes of a provider's answer depends on that answer, and on what it knew of the call. The answer is given
to its own functions, those that its chain ends with; what it knew is kept from a call that the chain has answered
(`Form`). Only an answer that ended in a usual way is told here: the chain does more with some of the others.
"""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import httpx
import litellm
import orjson
from fastapi import Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, StreamingResponse
from litellm.completion_extras.litellm_responses_transformation.handler import responses_api_bridge
from litellm.constants import AUDIO_SPEECH_CHUNK_SIZE
from litellm.litellm_core_utils.audio_utils.utils import resolve_speech_media_type
from litellm.litellm_core_utils.core_helpers import process_response_headers
from litellm.litellm_core_utils.llm_response_utils.convert_dict_to_response import convert_to_model_response_object
from litellm.proxy.common_request_processing import (
    _override_openai_response_model,
    attach_guardrail_information,
    include_guardrail_response_requested,
)
from litellm.proxy.utils import model_dump_with_preserved_fields
from litellm.types.llms.openai import ResponsesAPIResponse
from litellm.types.utils import ModelResponse
from openai.types.chat import ChatCompletion
from pydantic import BaseModel, ValidationError

from sdk_proxy import response_headers
from sdk_proxy.call import Call
from sdk_proxy.identifier import new_id

TOLD_ANEW = (b"x-litellm-call-id", b"x-litellm-response-duration-ms", b"x-litellm-overhead-duration-ms")
_ENDS = {
    "acompletion": frozenset({"stop", "length", "tool_calls"}),
    "anthropic_messages": frozenset({"end_turn", "max_tokens", "stop_sequence", "tool_use"}),
}
PROVIDERS = {"acompletion": "openai", "anthropic_messages": "anthropic"}
# Where LiteLLM's objects have the words of a call, or its client's key.
_WORDS = ("messages", "input", "additional_args", "proxy_server_request", "secret_fields", "httpx_response")
_BOUND = ("litellm_logging_obj", "llm_caching_handler", "async_success_handler", "original_response", "response_cost")
_TIMES = ("_response_ms", "litellm_overhead_time_ms")
_ONE_CALL_S = frozenset(
    {"headers", "additional_headers", "response_cost", "litellm_call_id", "provider_response_model", *_TIMES}
)
_PRICED_BY = ("custom_llm_provider", "region_name")
_OWN = "x-litellm-"
_JSON = "application/json"
_CHECKS = "enable_json_schema_validation"


class Unusual(Exception):
    """An answer that LiteLLM has to look at."""


def checks_schemas(call: Call, deployment: Mapping[str, Any]) -> bool:
    """Whether LiteLLM goes by an answer's words (utils.py, post_call_processing, 1.106.2)."""
    told = (call.data.get(_CHECKS), deployment["litellm_params"].get(_CHECKS), litellm.enable_json_schema_validation)
    return any(told)


def written(call: Call, response: Any) -> Response:
    """LiteLLM's answer as the client gets it."""
    headers = response_headers.of_answer(call, response)  # first: the alias has no price
    if call.requested_model:
        _override_openai_response_model(
            response_obj=response, requested_model=call.requested_model, log_context="", return_raw_model_name=False
        )
    if isinstance(response, dict):
        response.pop("_hidden_params", None)
    if include_guardrail_response_requested(call.data):
        response = attach_guardrail_information(response=response, request_data=call.data)
    if call.is_chat and isinstance(response, ResponsesAPIResponse):
        response = _as_chat(call, response)
    return _with_headers(_json(_plain(call, response)), headers)


def written_by_hand(call: Call, response: Any) -> Response:
    """As whole answers of LiteLLM's endpoints that are written out (proxy_server.py, 1.106.2)."""
    headers = response_headers.of_answer_by_hand(call, response)
    if call.route_type == "aspeech":
        return StreamingResponse(_sound(response), media_type=_media_type(call, response), headers=headers)
    tree = jsonable_encoder(response)
    answer = _json(tree) if call.route_type == "atranscription" else Response(orjson.dumps(tree), media_type=_JSON)
    return _with_headers(answer, headers)


async def _sound(response: Any) -> AsyncIterator[bytes]:
    async for chunk in await response.aiter_bytes(chunk_size=AUDIO_SPEECH_CHUNK_SIZE):
        yield chunk


def _media_type(call: Call, response: Any) -> str:
    form = call.data.get("response_format")
    told: str = resolve_speech_media_type(
        upstream_content_type=response.response.headers.get("content-type"),
        response_format=form if isinstance(form, str) else None,
    )
    return told


def _as_chat(call: Call, response: Any) -> Any:
    """As response_api_endpoints/endpoints.py, cursor_chat_completions (1.106.2)."""
    return responses_api_bridge.transformation_handler.transform_response(
        model=call.data.get("model", ""),
        raw_response=response,
        model_response=ModelResponse(),
        logging_obj=call.logging,
        request_data=call.data,
        messages=call.data.get("input", []),
        optional_params={},
        litellm_params={},
        encoding=None,
    )


def _with_headers(answer: Response, headers: Mapping[str, str]) -> Response:
    told = {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in headers.items()}
    answer.raw_headers = [*(dict(answer.raw_headers) | told).items()]  # behind content-length and content-type
    return answer


def _json(tree: Any) -> Response:
    """Half a character, which a model can be cut in, goes on as the escape that it came as: UTF-8 cannot carry it."""
    try:
        return JSONResponse(tree)
    except UnicodeEncodeError:
        return Response(json.dumps(tree, separators=(",", ":")), media_type="application/json")


def _plain(call: Call, response: Any) -> Any:
    """A list: the answers of several models that were asked at once ("a,b"), failures among them."""
    if call.route_type == "acompletion" and isinstance(response, BaseModel):
        return model_dump_with_preserved_fields(response)
    return response if isinstance(response, dict) else jsonable_encoder(response)


@dataclass(frozen=True, slots=True, repr=False)
class Form:
    """What LiteLLM knew when it made an answer: the `call`, without its words, and the answer's `hidden` parameters."""

    call: Call = field(compare=False)
    hidden: Mapping[str, Any]

    @classmethod
    def of(cls, call: Call, hidden: Mapping[str, Any], upstream: httpx.Response, answer: Response) -> Form | None:
        """None: another protocol is translated, or it would not give LiteLLM's own `answer`."""
        if call.logging.model_call_details.get("custom_llm_provider") != PROVIDERS[call.route_type]:
            return None
        own = {n: value for n, value in (hidden.get("additional_headers") or {}).items() if n.startswith(_OWN)}
        kept = {name: value for name, value in hidden.items() if name not in _ONE_CALL_S}
        slim = replace(call, data=_wordless(call.data), logging=_wordless_logging(call.logging))
        form = cls(slim, {**kept, "additional_headers": own})
        return form if form._retells(upstream, answer) else None

    def told(self, upstream: httpx.Response, began: float, waited: float) -> Response:
        """`began`: of perf_counter; `waited`: seconds, for the upstream. Raises whatever is unusual in its answer."""
        logging = copy.copy(self.call.logging)
        logging.litellm_call_id, logging.cost_breakdown = new_id(), {}
        logging.model_call_details = dict(logging.model_call_details)
        call = replace(self.call, logging=logging)
        tree = upstream.json()
        _check(call, tree)
        took = perf_counter() - began
        hidden = {**self.hidden, **dict(zip(_TIMES, (took * 1000, round((took - waited) * 1000, 4)), strict=True))}
        if call.route_type == "acompletion":
            return written(call, self._chat(logging, tree, upstream, hidden))
        return written(call, {**tree, "_hidden_params": hidden})

    def _retells(self, upstream: httpx.Response, answer: Response) -> bool:
        """But for the times."""
        try:
            told = self.told(upstream, perf_counter(), 0)
        except Exception:  # noqa: BLE001 - no such answer is told here
            return False
        return told.body == answer.body and _lasting(told) == _lasting(answer)

    def _chat(self, logging: Any, tree: Any, upstream: httpx.Response, hidden: dict[str, Any]) -> ModelResponse:
        """As llms/openai/openai.py, acompletion, and ResponseMetadata.set_hidden_params (1.106.2)."""
        theirs = dict(upstream.headers.items())  # not each by its name
        shown: dict[str, Any] = {}
        read = _read(tree).model_dump()
        answer = convert_to_model_response_object(read, ModelResponse(), hidden_params=shown, _response_headers=theirs)
        answer._hidden_params = {name: hidden.get(name) for name in _PRICED_BY} | shown
        cost = logging.response_cost_calculator(
            result=answer, litellm_model_name=hidden["litellm_model_name"], router_model_id=hidden["model_id"]
        )
        again = process_response_headers(shown["additional_headers"], preserve_litellm_internal_headers=True)
        told = {**again, **hidden["additional_headers"]}
        answer._hidden_params = {**hidden, "response_cost": cost, "additional_headers": told}
        return answer


def _read(tree: dict[str, Any]) -> ChatCompletion:
    """As openai/_models.py, construct (2.54), which asks nothing, and takes ten times as long."""
    try:
        return ChatCompletion.model_validate(tree, strict=True)
    except ValidationError:
        return ChatCompletion.construct(**tree)


def _check(call: Call, tree: Any) -> None:
    """Raises Unusual."""
    if not isinstance(tree, dict) or tree.get("error") is not None or not isinstance(tree.get("usage"), dict):
        raise Unusual
    if call.route_type == "acompletion":
        choices = tree.get("choices")
        ends = [each.get("finish_reason") for each in choices] if isinstance(choices, list) else []
        usual = tree.get("object") == "chat.completion"
    else:
        ends = [tree.get("stop_reason")]
        usual = tree.get("type") == "message" and "_hidden_params" not in tree
    if not usual or not ends or not _ENDS[call.route_type].issuperset(ends):
        raise Unusual


def _lasting(answer: Response) -> list[tuple[bytes, bytes]]:
    return [(name, b"" if name in TOLD_ANEW else value) for name, value in answer.raw_headers]


def _wordless(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in tree.items() if name not in _WORDS and name not in _BOUND}


def _wordless_logging(logging: Any) -> Any:
    slim = copy.copy(logging)
    for name in _BOUND:
        vars(slim).pop(name, None)
    slim.messages = []
    slim.litellm_params = _wordless(logging.litellm_params)
    details = _wordless(logging.model_call_details)
    slim.model_call_details = {**details, "litellm_params": _wordless(details.get("litellm_params") or {})}
    return slim
