"""OpenAI Responses, as the provider writes it (platform.openai.com, "Responses", "Streaming events")."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from harness.model import Reply, Send
from harness.upstream.openai_wire import MODEL, headers
from harness.upstream.wire import CREATED, Object, event, identifier, json_reply, pieces
from harness.upstream.wire import stream_reply as _stream_reply


def message(text: str, seed: object = 1) -> Object:
    """An item of the output: what the model says."""
    part = {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
    item = {"id": identifier("msg_", seed, 48, "hex"), "type": "message", "status": "completed"}
    return {**item, "content": [part], "role": "assistant"}


def function_call(name: str, arguments: Object, seed: object = 1) -> Object:
    """An item of the output: a tool that the model calls."""
    return {
        "id": identifier("fc_", seed, 48, "hex"),
        "type": "function_call",
        "status": "completed",
        "arguments": json.dumps(arguments, ensure_ascii=False, separators=(",", ":")),
        "call_id": identifier("call_", seed),
        "name": name,
    }


def usage(input_tokens: int = 19, output_tokens: int = 10, cached: int = 0, reasoning: int = 0) -> Object:
    return {
        "input_tokens": input_tokens,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": input_tokens + output_tokens,
    }


def response(output: Sequence[Object], model: str = MODEL, seed: object = 1, used: Object | None = None) -> Object:
    return {
        "id": identifier("resp_", seed, 48, "hex"),
        "object": "response",
        "created_at": CREATED,
        "status": "completed",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "model": model,
        "output": list(output),
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": used or usage(),
        "user": None,
        "metadata": {},
    }


def events(whole: Object, parts: int = 4) -> Iterator[Object]:
    """The stream's events in order, numbered, each with its `type`."""
    for number, data in enumerate(_unnumbered(whole, parts)):
        yield {"type": data["type"], "sequence_number": number, **data}


def stream(whole: Object, parts: int = 4) -> tuple[Send, ...]:
    return tuple(event(data, data["type"]) for data in events(whole, parts))


def reply(whole: Object, seed: object = 1) -> Reply:
    return json_reply(whole, headers(seed))


def stream_reply(whole: Object, seed: object = 1, parts: int = 4) -> Reply:
    return _stream_reply(stream(whole, parts), headers(seed))


def input_tokens(tokens: int) -> Reply:
    return json_reply({"object": "response.input_tokens", "input_tokens": tokens}, headers()[:1])


def _unnumbered(whole: Object, parts: int) -> Iterator[Object]:
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(whole["output"]):
        empty: Object = {"content": []} if item["type"] == "message" else {"arguments": ""}
        added = {**item, **empty, "status": "in_progress"}
        yield {"type": "response.output_item.added", "output_index": index, "item": added}
        yield from _item_events(index, item, parts)
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": "response.completed", "response": whole}


def _item_events(index: int, item: Object, parts: int) -> Iterator[Object]:
    place = {"item_id": item["id"], "output_index": index}
    if item["type"] == "function_call":
        for part in pieces(item["arguments"], parts):
            yield {"type": "response.function_call_arguments.delta", **place, "delta": part}
        yield {"type": "response.function_call_arguments.done", **place, "arguments": item["arguments"]}
        return
    for number, part in enumerate(item["content"]):
        yield from _part_events({**place, "content_index": number}, part, parts)


def _part_events(place: Object, part: Object, parts: int) -> Iterator[Object]:
    yield {"type": "response.content_part.added", **place, "part": {**part, "text": ""}}
    for text in pieces(part["text"], parts):
        yield {"type": "response.output_text.delta", **place, "delta": text, "logprobs": []}
    yield {"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []}
    yield {"type": "response.content_part.done", **place, "part": part}
