"""Smaller regressions of what the provider is sent: one value, one letter, one call of many, a call that lingers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

from harness.model import Headers, Request, header
from harness.sabotage.mutation import Mutation, added, asked, changed, renamed, request_body, request_headers, without
from harness.sabotage.sabotage import Face, Sabotage

_WHOLE, _CHAT, _SAMPLING, _RESULTS = (
    "curl/messages-whole",
    "curl/chat-openai",
    "curl/chat-sampling",
    "curl/messages-tool-results",
)
_BETA = "anthropic-beta"
_EFFORT, _REASONING = "curl/messages-effort-of-one-turn", "curl/messages-reasoning-of-another-provider"
_TOOLS, _CACHED, _PROMPT = "curl/messages-tools-stream", "curl/messages-cache-and-usage", "claude-code/plain-answer"


def _call(name: str, sense: str, scenario: str, mutation: Mutation) -> Sabotage:
    return Sabotage(name, sense, scenario, Face.UPSTREAM, mutation)


def _headers(name: str, scenario: str, change: Callable[[Headers], Headers]) -> Sabotage:
    return _call(name, "upstream headers", scenario, request_headers(change))


def _body(name: str, scenario: str, change: Callable[[Any], Any], sense: str = "upstream body") -> Sabotage:
    return _call(name, sense, scenario, request_body(change))


def _text(name: str, scenario: str, pattern: bytes, by: bytes) -> Sabotage:
    return _call(name, "upstream body", scenario, asked(pattern, by))


def _with_a_beta_more(text: str) -> str:
    return f"{text},output-128k-2025-02-19"


def _a_beta_twice(text: str) -> str:
    return f"{text},{text.partition(',')[0]}"


def _percent(request: Request) -> Request:
    return replace(request, path=request.path.replace(":", "%3A"))


def _with_a_key_in_the_query(request: Request) -> Request:
    return replace(request, path=f"{request.path}{'&' if '?' in request.path else '?'}alt=json")


def _as_the_first_one_said(name: str) -> Mutation:
    """Every call has the header of the first: what belongs to a request is kept for the next."""
    first: list[str] = []

    def ask(request: Request) -> Request:
        first.append(header(request.headers, name) or "")
        return replace(request, headers=changed(name, lambda _: first[0])(request.headers))

    return Mutation(request=ask)


def _after(calls: int, change: Callable[[Request], Request]) -> Mutation:
    """Change every call but the first ones, as a template does that was made of those."""
    numbers = count()
    return Mutation(request=lambda request: change(request) if next(numbers) >= calls else request)


def _with_the_betas_before() -> Mutation:
    """A call that has no betas gets those that the last one with some had."""
    said: list[str] = []

    def ask(request: Request) -> Request:
        own = header(request.headers, _BETA)
        if own is not None:
            said[:] = [own]
            return request
        return replace(request, headers=(*request.headers, *((_BETA, each) for each in said)))

    return Mutation(request=ask)


def _with_the_values_before(*keys: str) -> Mutation:
    """Each call has the first call's values of these keys, or no such keys."""
    first: list[Any] = []

    def change(tree: Any) -> Any:
        first.append(tree)
        kept = {key: value for key, value in first[0].items() if key in keys}
        return {key: value for key, value in tree.items() if key not in keys} | kept

    return request_body(change)


def _with_an_encrypted_thought(tree: Any) -> Any:
    content = tree["messages"][1]["content"]
    if content[0]["type"] == "text":
        thought = {"type": "thinking", "thinking": "so", "signature": "litellm_encrypted_reasoning:eyJpIjoicnNfMSJ9"}
        tree["messages"][1]["content"] = [thought, *content]
    return tree


def _once(nth: int, change: Callable[[Request], Request]) -> Mutation:
    """Of many calls one."""
    numbers = count()
    return Mutation(request=lambda request: change(request) if next(numbers) == nth else request)


def _of_another_model(request: Request) -> Request:
    return replace(request, body=re.sub(rb'("model":\s?")[^"]+', rb"\1claude-haiku-4-5", request.body))


def _without_error(tree: Any) -> Any:
    tree["messages"][-1]["content"][1].pop("is_error", None)
    return tree


HEADERS = (
    _headers("a header's name goes up in capitals", _WHOLE, renamed("anthropic-version", "Anthropic-Version")),
    _headers("anthropic-version is another", _WHOLE, changed("anthropic-version", lambda _: "2023-01-01")),
    _headers("accepted encodings are lost", _WHOLE, without("accept-encoding")),
    _headers("what is accepted is lost", _CHAT, without("accept")),
    _headers("a beta is put in", _PROMPT, changed("anthropic-beta", _with_a_beta_more)),
    _headers("a beta is said twice", _PROMPT, changed("anthropic-beta", _a_beta_twice)),
    _headers("where a call comes from is told", _WHOLE, added("x-forwarded-for", "127.0.0.1")),
    _headers("upstream connections are not kept", _WHOLE, added("connection", "close")),
    _headers("a host is another", _CHAT, changed("host", lambda _: "api.openai.com")),
    _call(
        "the user's id is that of the call before",
        "upstream headers",
        "supermemory/two-users-in-turn",
        _as_the_first_one_said("x-sm-user-id"),
    ),
)

BODIES = (
    _text("a number gets digits", _SAMPLING, rb'("temperature":\s?)0\.2', rb"\g<1>0.20000001"),
    _text("a whole number becomes a fraction", _SAMPLING, rb'("seed":\s?)7\b', rb"\g<1>7.0"),
    _text("the blanks around a text are lost", _PROMPT, rb"\\n(\"|\\u201d)", rb"\1"),
    _body("an empty list of tools is put in", _WHOLE, lambda tree: {**tree, "tools": []}),
    _body("a null is put in", _CHAT, lambda tree: {**tree, "user": None}),
    _body("one of several stops is lost", "pycharm/five-stops", lambda tree: {**tree, "stop": tree["stop"][:3]}),
    _body("a result's error is lost", _RESULTS, _without_error),
    _text("a nested mark of the cache is lost", _RESULTS, rb',?\s?"cache_control":\s?\{"type":\s?"ephemeral"\}', b""),
    _text("an image is cut short", "curl/messages-image-and-document", rb'(iVBORw0KGgo[^"]{20})[^"]+', rb"\1"),
    _text("a call's id in a result is another", _RESULTS, rb'("tool_use_id":\s?")toolu_2', rb"\1toolu_1"),
    _text("a thought's signature is altered on its way back", _RESULTS, b"EqQBCkYIB", b"EqQBCkYIC"),
    _body(
        "usage is not asked for",
        "curl/chat-openai-stream-usage",
        lambda tree: {**tree, "stream_options": {"include_usage": False}},
    ),
    _body(
        "a schema for the answer is lost",
        "openai-python/structured-output-streamed",
        lambda tree: {key: value for key, value in tree.items() if key != "response_format"},
    ),
    _body(
        "probabilities are not asked for", "openai-python/log-probabilities", lambda tree: {**tree, "logprobs": False}
    ),
    _body(
        "the number of choices is lost",
        "openai-python/several-choices-streamed",
        lambda tree: {key: value for key, value in tree.items() if key != "n"},
    ),
    _body("an effort is another", "pycharm/reasoning-effort", lambda tree: {**tree, "reasoning_effort": "minimal"}),
    _body("keys of a call change places", _WHOLE, lambda tree: dict(reversed(tree.items())), "key order"),
    _text("the user's text is trimmed", _CACHED, rb"Again\.", b"Again"),
    _text("a device's id is another", _CACHED, rb'(device_id\\":\\")ab', rb"\1cd"),
    _text("a tool is described otherwise", _TOOLS, b"The weather at a place", b"The weather at a place "),
)


CALLS = (
    _call("a path is encoded", "upstream path", "curl/chat-gemini", Mutation(request=_percent)),
    _call("a query is put in", "upstream path", "curl/chat-gemini-stream", Mutation(request=_with_a_key_in_the_query)),
    _call(
        "one call of thirteen is of another model",
        "upstream body",
        "curl/count-tokens-thirteen-at-once",
        _once(5, _of_another_model),
    ),
    _call(
        "a call of one in three is sent as PUT",
        "upstream calls",
        "claude-code/tool-loop",
        _once(1, lambda request: replace(request, method="PUT")),
    ),
    _call("a call comes two seconds late", "lateness", _WHOLE, Mutation(pause=2.0)),
    _call(
        "a call ends two seconds after its client",
        "cancellation",
        "curl/client-leaves-in-mid-stream",
        Mutation(deaf=2.0),
    ),
)

_STALE_KEY = changed("x-api-key", lambda _: "sk-ant-of-an-hour-ago")

# What a gateway does wrong that takes the request of one call as a template for the next.
TEMPLATES = (
    _call(
        "a key is that of an hour ago from the third call on",
        "upstream headers",
        _EFFORT,
        _after(2, lambda request: replace(request, headers=_STALE_KEY(request.headers))),
    ),
    _call("a turn has the betas of the turn before", "upstream headers", _EFFORT, _with_the_betas_before()),
    _body("a thought of another provider's goes on", _REASONING, _with_an_encrypted_thought),
    _call(
        "a number is that of the first call",
        "upstream body",
        "curl/numbers-that-json-has-not",
        _with_the_values_before("top_p"),
    ),
    _call(
        "the messages are those of the first call",
        "upstream body",
        "claude-code/tool-loop",
        _with_the_values_before("messages"),
    ),
)
