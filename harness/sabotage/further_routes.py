"""Regressions of the responses, embeddings, completions and count_tokens routes, on both faces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness.event_stream import encode
from harness.model import Request
from harness.sabotage.mutation import (
    Mutation,
    Pieces,
    dropped,
    each,
    ending,
    events,
    replaced,
    request_body,
    response_body,
)
from harness.sabotage.sabotage import Face, Sabotage

_STREAM, _TOOLS, _WHOLE = "curl/responses-openai-stream", "curl/responses-openai-tools-stream", "curl/responses-openai"
_OF_CLAUDE = "curl/responses-anthropic-stream"
_NUMBERS, _PROMPT, _PROMPT_STREAM = "curl/embeddings", "curl/completions", "curl/completions-stream"
_COUNTS = "curl/count-tokens-of-other-providers"


def _client(name: str, sense: str, scenario: str, mutation: Mutation) -> Sabotage:
    return Sabotage(name, sense, scenario, mutation=mutation)


def _upstream(name: str, scenario: str, change: Callable[[Any], Any]) -> Sabotage:
    return Sabotage(name, "upstream body", scenario, Face.UPSTREAM, request_body(change))


def _says(text: str) -> Mutation:
    return dropped(lambda _, event: text in event.data)


def _twice(text: str) -> Mutation:
    return events(lambda _, event: [event.raw] * (2 if text in event.data else 1))


def _with(key: str, value: Any) -> Callable[[Any], Any]:
    return lambda tree: {**tree, key: value} if isinstance(tree, dict) and key in tree else tree


def _no(key: str) -> Callable[[Any], Any]:
    return lambda tree: {name: value for name, value in tree.items() if name != key}


def _one_more(tree: Any) -> Any:
    return {**tree, "input_tokens": tree["input_tokens"] + 1} if "input_tokens" in tree else tree


def _status(status: int) -> Mutation:
    return Mutation(head=lambda head: replace(head, status=status))


def _elsewhere(request: Request) -> Request:
    return replace(request, path=request.path.replace("/responses", "/responses/beta"))


async def _buffered(numbered: Any) -> Pieces:
    for raw in [raw async for _, raw in numbered]:
        yield raw


RESPONSES = (
    _client("a response's delta is lost", "message", _STREAM, dropped(lambda number, _: number == 4)),
    _client("a response's item is never added", "grammar", _STREAM, _says('"response.output_item.added"')),
    _client("a response's text is done twice", "events", _STREAM, _twice('"response.output_text.done"')),
    _client("response.completed is lost", "grammar", _STREAM, _says('"response.completed"')),
    _client("response.completed is lost, of Claude", "grammar", _OF_CLAUDE, _says('"response.completed"')),
    _client("an end is invented behind a response", "end of the stream", _STREAM, ending(encode("[ENDED]"))),
    _client(
        "a response's sequence stands still", "events", _STREAM, replaced(rb'("sequence_number":\s?)\d+', rb"\g<1>0")
    ),
    _client("a response's arguments are changed", "message", _TOOLS, replaced(b"Mongolia", b"Tuva")),
    _client("a response is buffered", "arrival", _STREAM, each(_buffered)),
    _client("a response says that it is incomplete", "body", _WHOLE, response_body(_with("status", "incomplete"))),
    _client("a response's usage is lost", "body", _WHOLE, response_body(_with("usage", None))),
    _client("a response's refusal is told as success", "status", "curl/responses-openai-upstream-400", _status(200)),
    _upstream("a response's input is changed", _WHOLE, _with("input", "Something else.")),
    _upstream("a response is not asked for as a stream", _STREAM, _no("stream")),
    _upstream("what a response continues is lost", "curl/responses-continued", _no("previous_response_id")),
    Sabotage("a response is asked for elsewhere", "upstream path", _WHOLE, Face.UPSTREAM, Mutation(request=_elsewhere)),
    Sabotage("one response too many", "upstream calls", _WHOLE, Face.UPSTREAM, Mutation(calls=2)),
)

EMBEDDINGS = (
    _client("a number of an embedding is rounded", "body", _NUMBERS, replaced(rb"0\.0123", b"0.012")),
    _client("an embedding is at another's place", "body", _NUMBERS, replaced(rb'"index":\s?0', b'"index":1')),
    _client("an embedding's usage is lost", "body", _NUMBERS, response_body(_with("usage", {}))),
    _client("an embedding's refusal is told as success", "status", "curl/embeddings-upstream-400", _status(200)),
    _upstream("embeddings are asked for in another encoding", _NUMBERS, lambda tree: {**tree, "encoding_format": "x"}),
    _upstream("embeddings are made by another model", _NUMBERS, _with("model", "text-embedding-3-large")),
    Sabotage("one embedding too many", "upstream calls", _NUMBERS, Face.UPSTREAM, Mutation(calls=2)),
)

COMPLETIONS = (
    _client("a completion loses its first blank", "body", _PROMPT, replaced(rb'"text":\s?" ', b'"text":"')),
    _client("a completion's words are lost", "message", _PROMPT_STREAM, dropped(lambda number, _: number == 1)),
    _client("[DONE] is lost behind a completion", "end of the stream", _PROMPT_STREAM, _says("[DONE]")),
    _client("a completion's end is changed", "message", _PROMPT_STREAM, replaced(rb'"stop"', b'"length"')),
    _upstream("a completion's limit is lost", _PROMPT, _no("max_tokens")),
    _upstream("a prompt is changed", _PROMPT, _with("prompt", "Something else.")),
    Sabotage("one completion too many", "upstream calls", _PROMPT, Face.UPSTREAM, Mutation(calls=2)),
)

COUNTS = (
    _client("GPT's count is off by one", "body", _COUNTS, response_body(_one_more)),
    _client("a count's failure is told as another", "status", "curl/count-tokens-upstream-fails", _status(418)),
    _upstream("tools are not counted", _COUNTS, _no("tools")),
    _upstream("a count is of another model", "curl/count-tokens", _with("model", "claude-haiku-4-5")),
    Sabotage("one count too many", "upstream calls", "curl/count-tokens", Face.UPSTREAM, Mutation(calls=2)),
)
