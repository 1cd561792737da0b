"""Requests that nobody would send: Hypothesis makes them, out of well-formed ones and of nothing at all."""

from __future__ import annotations

import json
import string
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from harness.model import Headers, Json, Request

MODELS = ("gpt-5", "claude-sonnet-5", "gemini-2.5-pro", "nonsense")
ROUTES = (
    "/v1/chat/completions",
    "/chat/completions",
    "/v1/messages",
    "/v1/messages?beta=true",
    "/v1/messages/count_tokens",
    "/v1/responses",
    "/v1/embeddings",
    "/v1/completions",
    "/v1/models",
    "/v1/models/gpt-5",
    "/health",
    "/health/readiness",
    "/memory-routing/info",
    "/",
)
GREAT = 32 * 1024 * 1024  # bytes
_NAMES = (
    *("model", "messages", "max_tokens", "max_completion_tokens", "stream", "stream_options", "temperature", "n"),
    *("tools", "tool_choice", "system", "metadata", "thinking", "reasoning_effort", "response_format", "stop"),
    *("user", "role", "content", "type", "text", "input", "extra_body", "mock_response"),
)
_PRINTED = string.ascii_letters + string.digits + " -_.;/="

_routes = st.sampled_from(ROUTES[:5] * 4 + ROUTES)
_methods = st.sampled_from(["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "BREW"])
_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.sampled_from(["gpt-5", "user", "text", "auto"]),
)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def _changed(draw: Any) -> Json:
    """A body that would be answered, with up to three of its values replaced, taken out, or put in."""
    words: Json = draw(st.sampled_from(["Hello", "", "\u0000 é 😀"]))
    body: dict[str, Json] = {
        "model": draw(st.sampled_from(MODELS)),
        "max_tokens": 16,
        "stream": draw(st.booleans()),
        "messages": [{"role": "user", "content": words}],
    }
    for _ in range(draw(st.integers(0, 3))):
        at: Any = draw(st.sampled_from([body, body, body["messages"], *_below(body)]))
        if isinstance(at, list):
            at.append(draw(_values))
        else:
            name = draw(st.sampled_from([*at, *_NAMES]))
            if draw(st.booleans()):
                at[name] = draw(_values)
            else:
                at.pop(name, None)
        if not isinstance(body.get("messages"), list):
            break
    return body


def _below(body: dict[str, Json]) -> list[Json]:
    messages = body["messages"]
    return [each for each in messages if isinstance(each, dict)] if isinstance(messages, list) else []


@st.composite
def requests(draw: Any, key: str) -> Request:
    odd = draw(st.integers(0, 11))  # one of twelve goes somewhere else, and one of twelve otherwise
    path = draw(st.text(string.ascii_lowercase + "/%.", max_size=12).map("/".__add__) if odd == 0 else _routes)
    method = draw(_methods) if odd == 1 else "GET" if path in ROUTES[8:] else "POST"
    whole = json.dumps(draw(_changed())).encode()
    wild = st.one_of(
        _values.map(lambda value: json.dumps(value).encode()),
        st.binary(max_size=60),
        st.integers(0, len(whole)).map(lambda at: whole[:at]),
    )
    body = draw(st.sampled_from([whole, whole, whole, None])) or draw(wild)
    return Request(method, path, draw(_headers(key)), b"" if method in ("GET", "HEAD") else body)


def _headers(key: str) -> st.SearchStrategy[Headers]:
    valid = ("Authorization", f"Bearer {key}")
    keys = st.sampled_from([valid] * 8 + [("x-api-key", key), ("Authorization", "Bearer wrong"), ("Authorization", "")])
    kind = st.sampled_from(["application/json"] * 8 + ["text/plain", "multipart/form-data", "", "application/xml"])
    name = st.sampled_from(
        ["anthropic-version", "anthropic-beta", "x-request-id", "x-litellm-tags", "accept", "cookie"]
    )
    more = st.lists(st.tuples(name, st.text(_PRINTED, max_size=30).map(str.strip)), max_size=3)
    return st.builds(lambda k, t, m: (k, ("Content-Type", t), *m), keys, kind, more)


def great(key: str) -> tuple[Request, ...]:
    """As much as Anthropic's API takes: 32 MB in one text, on both protocols."""
    words = "word " * (GREAT // 5 + 1)
    messages = [{"role": "user", "content": words}]
    bodies = {
        "/v1/messages": {"model": "claude-sonnet-5", "max_tokens": 16, "messages": messages},
        "/v1/chat/completions": {"model": "gpt-5", "messages": messages},
    }
    headers = (("Authorization", f"Bearer {key}"), ("Content-Type", "application/json"))
    return tuple(Request("POST", path, headers, json.dumps(body).encode()) for path, body in bodies.items())


def fuzzed(number: int, first: int, key: str) -> tuple[Request, ...]:
    """That many requests, the same ones for the same seed `first`."""
    made: list[Request] = []

    @seed(first)
    @settings(
        max_examples=number, database=None, phases=[Phase.generate], deadline=None, suppress_health_check=[*HealthCheck]
    )
    @given(requests(key))
    def collect(request: Request) -> None:
        made.append(request)

    collect()
    return tuple(made[:number])
