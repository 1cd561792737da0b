"""Anthropic Messages, as the provider writes it (docs.claude.com: "Messages", "Streaming Messages", "Errors")."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from harness.model import Headers, Reply, Send
from harness.upstream.wire import Object, event, identifier, json_reply, pieces
from harness.upstream.wire import stream_reply as _stream_reply

MODEL = "claude-sonnet-4-5-20250929"
ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


# --- content blocks -------------------------------------------------------------------------------------------------


def text(content: str) -> Object:
    return {"type": "text", "text": content}


def tool_use(name: str, arguments: Object, seed: object = 1) -> Object:
    return {"type": "tool_use", "id": identifier("toolu_01", seed, 22), "name": name, "input": arguments}


def thinking(content: str, seed: object = 1) -> Object:
    return {"type": "thinking", "thinking": content, "signature": identifier("EqQBCkYIB", seed, 80) + "=="}


def redacted_thinking(seed: object = 1) -> Object:
    return {"type": "redacted_thinking", "data": identifier("EmwKAhgBEgy", seed, 80) + "=="}


# --- messages -------------------------------------------------------------------------------------------------------


def usage(input_tokens: int = 12, output_tokens: int = 34, cache_read: int = 0, cache_creation: int = 0) -> Object:
    return {
        "input_tokens": input_tokens,
        "cache_creation_input_tokens": cache_creation,
        "cache_read_input_tokens": cache_read,
        "cache_creation": {"ephemeral_5m_input_tokens": cache_creation, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }


def message(
    content: Sequence[Object],
    model: str = MODEL,
    seed: object = 1,
    stop_reason: str | None = None,
    used: Object | None = None,
) -> Object:
    """A whole message; without a stop reason it is `tool_use` where a tool is used, else `end_turn`."""
    calls_tool = any(block["type"] == "tool_use" for block in content)
    return {
        "model": model,
        "id": identifier("msg_01", seed, 22),
        "type": "message",
        "role": "assistant",
        "content": list(content),
        "stop_reason": stop_reason or ("tool_use" if calls_tool else "end_turn"),
        "stop_sequence": None,
        "usage": used or usage(),
    }


def stream(whole: Object, parts: int = 4) -> tuple[Send, ...]:
    """The message's events, one chunk each; the ping comes after the first block's start, as it does at Anthropic."""
    blocks = [sent for index, block in enumerate(whole["content"]) for sent in _block_events(index, block, parts)]
    ping = event({"type": "ping"}, "ping")
    return (_message_start(whole), *blocks[:1], ping, *blocks[1:], *_message_end(whole))


def _message_start(whole: Object) -> Send:
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    return _event({"type": "message_start", "message": begun})


def _message_end(whole: Object) -> tuple[Send, ...]:
    counted = {name: count for name, count in whole["usage"].items() if name.endswith("_tokens")}
    delta = {"stop_reason": whole["stop_reason"], "stop_sequence": whole["stop_sequence"]}
    return (
        _event({"type": "message_delta", "delta": delta, "usage": counted}),
        _event({"type": "message_stop"}),
    )


def _block_events(index: int, block: Object, parts: int) -> Iterator[Send]:
    yield _event({"type": "content_block_start", "index": index, "content_block": _emptied(block)})
    for delta in _deltas(block, parts):
        yield _event({"type": "content_block_delta", "index": index, "delta": delta})
    yield _event({"type": "content_block_stop", "index": index})


def _emptied(block: Object) -> Object:
    """A block as `content_block_start` shows it: what the deltas bring is empty."""
    empty: dict[str, Object] = {
        "text": {"text": ""},
        "tool_use": {"input": {}},
        "thinking": {"thinking": "", "signature": ""},
    }
    return {**block, **empty.get(block["type"], {})}


def _deltas(block: Object, parts: int) -> Iterator[Object]:
    match block["type"]:
        case "text":
            yield from ({"type": "text_delta", "text": part} for part in pieces(block["text"], parts))
        case "tool_use":
            arguments = json.dumps(block["input"], ensure_ascii=False)
            yield {"type": "input_json_delta", "partial_json": ""}
            yield from ({"type": "input_json_delta", "partial_json": part} for part in pieces(arguments, parts))
        case "thinking":
            yield from ({"type": "thinking_delta", "thinking": part} for part in pieces(block["thinking"], parts))
            yield {"type": "signature_delta", "signature": block["signature"]}


def _event(data: Object) -> Send:
    return event(data, data["type"])


# --- replies --------------------------------------------------------------------------------------------------------


def headers(seed: object = 1) -> Headers:
    return (
        ("request-id", identifier("req_011C", seed, 20)),
        ("anthropic-organization-id", "11111111-2222-4333-8444-555555555555"),
        ("anthropic-ratelimit-requests-limit", "4000"),
        ("anthropic-ratelimit-requests-remaining", "3999"),
        ("anthropic-ratelimit-requests-reset", "2026-01-01T00:00:00Z"),
    )


def reply(whole: Object, seed: object = 1) -> Reply:
    return json_reply(whole, headers(seed))


def stream_reply(whole: Object, seed: object = 1, parts: int = 4) -> Reply:
    return _stream_reply(stream(whole, parts), headers(seed))


def error(status: int, words: str, seed: object = 1) -> Object:
    kind = ERROR_TYPES.get(status, "api_error")
    problem = {"type": kind, "message": words}
    return {"type": "error", "error": problem, "request_id": identifier("req_011C", seed, 20)}


def error_reply(status: int, words: str, seed: object = 1, extra: Headers = ()) -> Reply:
    return json_reply(error(status, words, seed), (*headers(seed)[:1], *extra), status)


def error_event(status: int, words: str) -> Send:
    """What a stream that fails says after its 200."""
    problem = error(status, words)
    return _event({"type": "error", "error": problem["error"]})


def count_tokens(tokens: int, seed: object = 1) -> Reply:
    return json_reply({"input_tokens": tokens}, headers(seed)[:1])
