"""OpenAI Chat Completions and Models, as the provider writes them (platform.openai.com, "API reference")."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from harness.model import Headers, Reply, Send
from harness.upstream.wire import CREATED, Object, event, identifier, json_reply, pieces
from harness.upstream.wire import stream_reply as _stream_reply

MODEL = "gpt-4.1-2025-04-14"
DONE = Send(b"data: [DONE]\n\n")
_ERROR_TYPES = {429: "requests", 500: "server_error", 503: "server_error"}
_ERROR_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


# --- chat completions -----------------------------------------------------------------------------------------------


def tool_call(name: str, arguments: Object, seed: object = 1) -> Object:
    function = {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))}
    return {"id": identifier("call_", seed), "type": "function", "function": function}


def usage(prompt_tokens: int = 19, completion_tokens: int = 10, cached: int = 0, reasoning: int = 0) -> Object:
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def completion(
    text: str | None = None,
    tool_calls: Sequence[Object] = (),
    model: str = MODEL,
    seed: object = 1,
    used: Object | None = None,
) -> Object:
    """A whole chat completion with one choice."""
    answer: Object = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
    if tool_calls:
        answer["tool_calls"] = list(tool_calls)
    finish = "tool_calls" if tool_calls else "stop"
    return {
        "id": identifier("chatcmpl-", seed, 29),
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": [{"index": 0, "message": answer, "logprobs": None, "finish_reason": finish}],
        "usage": used or usage(),
        "service_tier": "default",
        "system_fingerprint": identifier("fp_", "gateway", 10, "hex"),
    }


def stream(whole: Object, parts: int = 4, include_usage: bool = True) -> tuple[Send, ...]:
    """The completion's chunks, one HTTP chunk each, and `[DONE]`."""
    return (*(event(chunk) for chunk in chunks(whole, parts, include_usage)), DONE)


def chunks(whole: Object, parts: int = 4, include_usage: bool = True) -> Iterator[Object]:
    """The `chat.completion.chunk` objects; with usage each has the key, and the last one has no choice."""
    base = {name: whole[name] for name in ("id", "created", "model", "service_tier", "system_fingerprint")}
    base |= {"object": "chat.completion.chunk", **({"usage": None} if include_usage else {})}
    for choice in whole["choices"]:
        for delta in _deltas(choice["message"], parts):
            yield {**base, "choices": [_choice(choice["index"], delta, None)]}
        yield {**base, "choices": [_choice(choice["index"], {}, choice["finish_reason"])]}
    if include_usage:
        yield {**base, "choices": [], "usage": whole["usage"]}


def _choice(index: int, delta: Object, finish: str | None) -> Object:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}


def _deltas(answer: Object, parts: int) -> Iterator[Object]:
    content = answer["content"]
    yield {"role": "assistant", "content": None if content is None else "", "refusal": None}
    yield from ({"content": part} for part in pieces(content or "", parts))
    for index, call in enumerate(answer.get("tool_calls", ())):
        yield {"tool_calls": [{"index": index, **call, "function": {**call["function"], "arguments": ""}}]}
        for part in pieces(call["function"]["arguments"], parts):
            yield {"tool_calls": [{"index": index, "function": {"arguments": part}}]}


# --- models ---------------------------------------------------------------------------------------------------------


def model_entry(name: str) -> Object:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "openai"}


def models(names: Sequence[str] = (MODEL,)) -> Object:
    return {"object": "list", "data": [model_entry(name) for name in names]}


# --- replies --------------------------------------------------------------------------------------------------------


def headers(seed: object = 1) -> Headers:
    return (
        ("x-request-id", identifier("req_", seed, 32, "hex")),
        ("openai-organization", "org-example"),
        ("openai-processing-ms", "123"),
        ("openai-version", "2020-10-01"),
        ("x-ratelimit-limit-requests", "10000"),
        ("x-ratelimit-remaining-requests", "9999"),
        ("x-ratelimit-reset-requests", "6ms"),
    )


def reply(whole: Object, seed: object = 1) -> Reply:
    return json_reply(whole, headers(seed))


def stream_reply(whole: Object, seed: object = 1, parts: int = 4, include_usage: bool = True) -> Reply:
    return _stream_reply(stream(whole, parts, include_usage), headers(seed))


def error(status: int, words: str, param: str | None = None) -> Object:
    kind = _ERROR_TYPES.get(status, "invalid_request_error")
    return {"error": {"message": words, "type": kind, "param": param, "code": _ERROR_CODES.get(status)}}


def error_reply(status: int, words: str, seed: object = 1, extra: Headers = (), param: str | None = None) -> Reply:
    return json_reply(error(status, words, param), (*headers(seed)[:1], *extra), status)


def error_event(status: int, words: str) -> Send:
    """What a stream that fails says after its 200."""
    return event(error(status, words))
