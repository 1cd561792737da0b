"""Regressions of what the provider is sent: headers, body, and how often."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness.model import Headers, Request, header
from harness.sabotage.mutation import (
    Mutation,
    added,
    backwards,
    changed,
    renamed,
    request_body,
    request_headers,
    without,
)
from harness.sabotage.sabotage import Face, Sabotage

_WHOLE, _STREAM, _CHAT = "curl/messages-whole", "curl/messages-stream", "curl/chat-openai"
_SAMPLING = "curl/chat-sampling"
_PROMPT, _CACHED, _TOOLS = "claude-code/plain-answer", "curl/messages-cache-and-usage", "curl/messages-tools-stream"


def _headers(
    name: str, scenario: str, change: Callable[[Headers], Headers], sense: str = "upstream headers"
) -> Sabotage:
    return Sabotage(name, sense, scenario, Face.UPSTREAM, request_headers(change))


def _body(name: str, scenario: str, change: Callable[[Any], Any], sense: str = "upstream body") -> Sabotage:
    return Sabotage(name, sense, scenario, Face.UPSTREAM, request_body(change))


def _key(key: str, value: Any) -> Callable[[Any], Any]:
    return lambda tree: {**tree, key: value}


def _no(key: str) -> Callable[[Any], Any]:
    return lambda tree: {name: value for name, value in tree.items() if name != key}


def _anywhere(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Any], Any]:
    """In every object of the body."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(item) for key, item in change(value).items()}
        return [walk(item) for item in value] if isinstance(value, list) else value

    return walk


def _system_as_message(tree: Any) -> Any:
    moved = {"role": "user", "content": tree.get("system")}
    return {**_no("system")(tree), "messages": [moved, *tree["messages"]]}


def _without_first_message(tree: Any) -> Any:
    return {**tree, "messages": tree["messages"][1:]}


def _properties_turned(value: dict[str, Any]) -> dict[str, Any]:
    return dict(reversed(value.items())) if "properties" in value or "input_schema" in value else value


def _decomposed(tree: Any) -> Any:
    """The same letters in other code points (Unicode, NFD)."""

    def change(value: dict[str, Any]) -> dict[str, Any]:
        return {k: unicodedata.normalize("NFD", v) if isinstance(v, str) else v for k, v in value.items()}

    return _anywhere(change)(tree)


def _sorted(text: str) -> str:
    return ",".join(sorted(text.split(","), reverse=True))


def _at(path: str) -> Mutation:
    return Mutation(request=lambda request: replace(request, path=request.path + path))


def _chunked(request: Request) -> Request:
    return replace(request, headers=(*without("content-length")(request.headers), ("transfer-encoding", "chunked")))


def _with_another_ones_cookie(request: Request) -> Request:
    """As a jar does that all providers share."""
    if "/openai/" not in request.path:
        return request
    return replace(request, headers=added("cookie", "__cf_bm=from-the-edge")(request.headers))


def _with_a_key_too_many(request: Request) -> Request:
    """In the call that answers a challenge, and in no other."""
    if b"Cloudflare challenges" not in request.body or "cf_clearance" not in (header(request.headers, "cookie") or ""):
        return request
    return replace(request, headers=added("x-key", "{ANTHROPIC_API_KEY}")(request.headers))


_STRAY = Mutation(request=_with_another_ones_cookie)
_KEY_TOO_MANY = Mutation(request=_with_a_key_too_many)

HEADERS = (
    _headers("a beta is filtered", _PROMPT, changed("anthropic-beta", lambda text: text.partition(",")[2])),
    _headers("betas change places", _PROMPT, changed("anthropic-beta", _sorted)),
    _headers("all betas are lost", _PROMPT, without("anthropic-beta")),
    _headers("anthropic-version is lost", _WHOLE, without("anthropic-version")),
    _headers("the user agent is changed", _WHOLE, changed("user-agent", lambda _: "python-httpx/0.28.1")),
    _headers("the user's id is lost", "supermemory/messages-tell-the-user", without("x-sm-user-id")),
    _headers("the user's id is another's", "supermemory/chat-tells-the-user", changed("x-sm-user-id", lambda _: "bob")),
    _headers("the memory's key is lost", "supermemory/messages-tell-the-user", without("x-supermemory-api-key")),
    _headers("a client's header is not forwarded", "supermemory/forwarded-headers", without("x-custom-trace")),
    _headers("a header too many is forwarded", _WHOLE, added("x-stainless-lang", "js")),
    _headers("a forwarded header is renamed", "supermemory/forwarded-headers", renamed("x-custom-trace", "x-trace")),
    _headers("accepted encodings are changed", _WHOLE, changed("accept-encoding", lambda _: "gzip")),
    _headers("a call's type is changed", _CHAT, changed("content-type", lambda _: "application/json; charset=utf-8")),
    _headers("a header is sent upstream twice", _WHOLE, added("anthropic-version", "2023-06-01")),
    _headers("headers to the provider are in another order", _WHOLE, backwards, "header order"),
    _headers("the client's key goes to the provider", _WHOLE, added("authorization", "Bearer {key}"), "secrets"),
    _headers("a provider's key goes to another", _CHAT, added("x-api-key", "{ANTHROPIC_API_KEY}"), "secrets"),
    _headers("the client's cookie goes to the provider", _WHOLE, added("cookie", "session=theirs"), "cookies"),
    _headers("a cookie is lost", "curl/cookie-comes-back", without("cookie"), "must"),
    Sabotage(
        "a cookie goes to another provider", "cookies", "curl/cookie-stays-with-its-provider", Face.UPSTREAM, _STRAY
    ),
    _headers(
        "a challenge is answered without its cookies", "curl/challenge-messages-anthropic", without("cookie"), "must"
    ),
    Sabotage(
        "the answer to a challenge shows a key",
        "secrets",
        "curl/challenge-messages-anthropic-stream",
        Face.UPSTREAM,
        _KEY_TOO_MANY,
    ),
)

BODIES = (
    _body("a setting of the gateway leaks", _WHOLE, _key("litellm_metadata", {"user_api_key": "x"})),
    _body("the temperature is lost", _SAMPLING, _no("temperature")),
    _body("max_tokens is changed", _WHOLE, _key("max_tokens", 4096)),
    _body("max_tokens becomes a fraction", _WHOLE, _key("max_tokens", 256.0)),
    _body("a tool's schema is changed", _TOOLS, _anywhere(_no("required"))),
    _body("a tool's choice is lost", _TOOLS, _no("tool_choice")),
    _body("the keys of a schema change places", _TOOLS, _anywhere(_properties_turned), "key order"),
    _body("marks of the prompt cache are lost", _CACHED, _anywhere(_no("cache_control"))),
    _body("a thought goes back without its signature", "claude-code/thinking", _anywhere(_no("signature"))),
    _body("the system prompt is moved", _CACHED, _system_as_message),
    _body(
        "the alias goes to the provider", "supermemory/messages-tell-the-user", _key("model", "claude-sonnet-5-memory")
    ),
    _body("a stream is not asked for", "curl/chat-openai-stream-usage", _no("stream_options")),
    _body("a message is lost", _CACHED, _without_first_message),
    _body("the user in metadata is lost", _CACHED, _no("metadata")),
    _body("letters are normalised", _SAMPLING, _decomposed),
    _body("thinking is switched off", "claude-code/thinking", _no("thinking")),
)

CALLS = (
    Sabotage("the query is kept", "upstream path", _PROMPT, Face.UPSTREAM, _at("?beta=true")),
    Sabotage("a call is sent in chunks", "upstream framing", _WHOLE, Face.UPSTREAM, Mutation(request=_chunked)),
    Sabotage("one retry too many", "upstream calls", _WHOLE, Face.UPSTREAM, Mutation(calls=2)),
    Sabotage("one stream too many", "upstream calls", _STREAM, Face.UPSTREAM, Mutation(calls=2)),
    Sabotage(
        "a call goes on without its client",
        "cancellation",
        "curl/client-leaves-in-mid-stream",
        Face.UPSTREAM,
        Mutation(deaf=math.inf),
    ),
    Sabotage(
        "a call goes on before its first byte",
        "must",
        "curl/client-leaves-before-a-message",
        Face.UPSTREAM,
        Mutation(deaf=math.inf),
    ),
)
