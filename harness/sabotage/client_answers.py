"""Regressions of what the client sees of an answer that is no stream: its status, headers, body and end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.model import Headers, Response
from harness.sabotage.mutation import (
    Closed,
    Mutation,
    added,
    backwards,
    changed,
    ending,
    pieces,
    renamed,
    replaced,
    response_body,
    response_headers,
    without,
)
from harness.sabotage.sabotage import Sabotage

_WHOLE, _CHAT = "curl/messages-whole", "curl/chat-openai"


def _with_status(status: int) -> Mutation:
    return Mutation(head=lambda head: replace(head, status=status))


def _as_openai_says_it(tree: Any) -> Any:
    error = tree["error"]
    return {"error": {"message": error["message"], "type": error["type"], "param": None, "code": "400"}}


def _backwards(tree: Any) -> Any:
    return dict(reversed(tree.items()))


def _set(*path: str | int, to: Any) -> Mutation:
    def change(tree: Any) -> Any:
        place = tree
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to
        return tree

    return response_body(change)


def _lost(*path: str | int) -> Mutation:
    def change(tree: Any) -> Any:
        place = tree
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]
        return tree

    return response_body(change)


def _turned(key: str) -> Mutation:
    def change(tree: Any) -> Any:
        tree[key].reverse()
        return tree

    return response_body(change)


def _one_more(tree: Any) -> Any:
    return {**tree, "input_tokens": tree["input_tokens"] + 1}


def _length(by: int) -> Mutation:
    def change(head: Response) -> Response:
        return replace(head, headers=changed("content-length", lambda text: str(int(text) + by))(head.headers))

    return Mutation(head=change)


def _cut_short(head: Response) -> Response:
    """Less than was announced."""
    return replace(head, headers=changed("content-length", lambda text: str(int(text) + 40))(head.headers))


def _close(_: Response) -> Response:
    raise Closed


def _chunked(headers: Headers) -> Headers:
    return (*without("content-length")(headers), ("connection", "close"))


HEADERS = (
    Sabotage("a header is lost", "headers", "curl/messages-stream", mutation=response_headers(without("request-id"))),
    Sabotage("a header is added", "headers", _WHOLE, mutation=response_headers(added("x-debug", "1"))),
    Sabotage(
        "a header is renamed",
        "headers",
        "curl/messages-stream",
        mutation=response_headers(renamed("request-id", "anthropic-request-id")),
    ),
    Sabotage("headers come in another order", "header order", _WHOLE, mutation=response_headers(backwards)),
    Sabotage(
        "a header's value is changed",
        "headers",
        "curl/messages-stream",
        mutation=response_headers(changed("cache-control", lambda _: "max-age=60")),
    ),
    Sabotage(
        "a header is sent twice",
        "headers",
        _CHAT,
        mutation=response_headers(added("content-type", "application/json")),
    ),
    Sabotage(
        "a body's type is changed",
        "headers",
        _WHOLE,
        mutation=response_headers(changed("content-type", lambda _: "text/plain")),
    ),
    Sabotage(
        "a stream's charset is wrong",
        "headers",
        "curl/messages-stream-utf8",
        mutation=response_headers(changed("content-type", lambda _: "text/event-stream; charset=latin-1")),
    ),
    Sabotage(
        "the provider's rate limits are lost",
        "headers",
        _CHAT,
        mutation=response_headers(without("x-ratelimit-remaining-requests")),
    ),
    Sabotage(
        "retry-after is lost", "must", "curl/messages-upstream-429", mutation=response_headers(without("retry-after"))
    ),
    Sabotage(
        "a permanent error does not say that it is one",
        "must",
        "curl/unknown-model-chat",
        mutation=response_headers(without("x-should-retry")),
    ),
    Sabotage(
        "an error that passes says that it does not",
        "must",
        "curl/messages-upstream-500",
        mutation=response_headers(added("x-should-retry", "false")),
    ),
    Sabotage(
        "a pause before the next try is made up",
        "must",
        "curl/messages-upstream-400",
        mutation=response_headers(added("retry-after", "7")),
    ),
    Sabotage(
        "the client's request id is lost",
        "must",
        "curl/request-id",
        mutation=response_headers(changed("x-request-id", lambda _: "another")),
    ),
    Sabotage(
        "a cookie of the provider reaches the client",
        "headers",
        "curl/messages-stream",
        mutation=response_headers(added("set-cookie", "__cf_bm=from-the-edge; Path=/")),
    ),
    Sabotage(
        "a header of a long error is lost",
        "headers",
        "curl/messages-upstream-400-too-long",
        mutation=response_headers(without("x-content-type-options")),
    ),
)

STATUS = (
    Sabotage("a status is changed", "status", _WHOLE, mutation=_with_status(201)),
    Sabotage("an error is told as success", "status", "curl/chat-upstream-400", mutation=_with_status(200)),
    Sabotage("529 becomes 500", "must", "curl/messages-upstream-529", mutation=_with_status(500)),
    Sabotage("a refused key is told as forbidden", "status", "curl/no-key-messages", mutation=_with_status(403)),
)

BODIES = (
    Sabotage(
        "an error is told in the other protocol's envelope",
        "body",
        "curl/messages-upstream-400",
        mutation=response_body(_as_openai_says_it),
    ),
    Sabotage(
        "an error's words are the gateway's own",
        "must",
        "curl/messages-upstream-400",
        mutation=_set("error", "message", to="The upstream has failed."),
    ),
    Sabotage(
        "an error's words are lost",
        "must",
        "curl/messages-upstream-403",
        mutation=_set("error", "message", to=""),
    ),
    Sabotage(
        "words of an answer are lost",
        "body",
        "claude-code/error-in-mid-stream",
        mutation=replaced(rb'("type":\s?"text",\s?"text":\s?")[^"]+("[^{}]*}\],\s?"stop_reason")', rb"\1...\2"),
    ),
    Sabotage("usage is zeroed", "body", _WHOLE, mutation=_set("usage", "output_tokens", to=0)),
    Sabotage(
        "cached tokens are not counted",
        "body",
        "curl/messages-cache-and-usage",
        mutation=_set("usage", "cache_read_input_tokens", to=0),
    ),
    Sabotage("a number becomes a text", "body", _WHOLE, mutation=_set("usage", "output_tokens", to="34")),
    Sabotage("a null is left out", "body", _WHOLE, mutation=_lost("stop_sequence")),
    Sabotage("stop_reason is changed", "body", _WHOLE, mutation=_set("stop_reason", to="max_tokens")),
    Sabotage(
        "finish_reason is changed",
        "body",
        "curl/chat-openai-tools",
        mutation=_set("choices", 0, "finish_reason", to="stop"),
    ),
    Sabotage(
        "the provider's model is told in the alias's place",
        "body",
        "supermemory/messages-tell-the-user",
        mutation=_set("model", to="claude-sonnet-5"),
    ),
    Sabotage("the keys of a body change places", "key order", _WHOLE, mutation=response_body(_backwards)),
    Sabotage("the models are listed in another order", "body", "curl/models-openai", mutation=_turned("data")),
    Sabotage("a model is missing in the list", "body", "curl/models-anthropic", mutation=_lost("data", 0)),
    Sabotage("count_tokens is off by one", "body", "curl/count-tokens", mutation=response_body(_one_more)),
    Sabotage(
        "a provider's key is told to the client",
        "secrets",
        "curl/messages-upstream-400",
        mutation=response_headers(added("x-debug-authorization", "Bearer {ANTHROPIC_API_KEY}")),
    ),
)

ENDS = (
    Sabotage("content-length is too long", "failure", _WHOLE, mutation=_length(by=7)),
    Sabotage("content-length is too short", "body", _WHOLE, mutation=_length(by=-7)),
    Sabotage("a body has no length", "framing", _WHOLE, mutation=response_headers(_chunked)),
    Sabotage(
        "the connection is closed early",
        "failure",
        _WHOLE,
        mutation=replace(pieces(lambda piece: [piece[:-40]]), head=_cut_short),
    ),
    Sabotage(
        "gzip is announced and not done",
        "body",
        _WHOLE,
        mutation=response_headers(added("content-encoding", "gzip")),
    ),
    Sabotage("HEAD is answered with a body", "failure", "curl/health-head", mutation=ending(b'{"status": "healthy"}')),
    Sabotage("the connection ends before the head", "failure", _CHAT, mutation=Mutation(head=_close)),
)
