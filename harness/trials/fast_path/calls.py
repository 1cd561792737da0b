"""Calls of a client: a first one, and small changes of the one before, most of which leave the cache key as it is.

The cache key of the fast path is all of a call but its messages (path, headers, every other key of the body): see
sdk_proxy/learnt.py, `Page`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from hypothesis import strategies as st

from harness.model import Headers, Request
from harness.trials.fast_path.spelled import SPELLINGS, Place, Repeated, Spelled, Spelling, places_of, to_bytes

Protocol = Literal["chat", "messages"]
Provider = Literal["openai", "anthropic", "gemini"]
Draw = Callable[[st.SearchStrategy[Any]], Any]
KEY = "<key>"  # replay fills the gateway's key in
_PATHS: dict[Protocol, str] = {"chat": "/v1/chat/completions", "messages": "/v1/messages"}
_LARGE = 70_000  # characters
_NOWHERE = "http://127.0.0.1:9"  # no port of the loopback where anything listens


@dataclass(frozen=True, slots=True)
class Draft:
    """A call that can still be changed. `body` is a tree as `spelled` takes it; it is never changed in place."""

    protocol: Protocol
    provider: Provider
    body: dict[Any, Any]
    headers: Headers = ()
    query: str = ""
    spelling: Spelling = "compact"

    @property
    def streams(self) -> bool:
        return self.body.get("stream") is True

    def to_request(self) -> Request:
        path = _PATHS[self.protocol] + self.query
        headers = (("Content-Type", "application/json"), ("Authorization", f"Bearer {KEY}"), *self.headers)
        return Request("POST", path, headers, to_bytes(self.body, self.spelling))


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the gateway's configuration, and who serves it."""

    name: str
    provider: Provider
    protocols: tuple[Protocol, ...]
    is_tried_once: bool = False  # whether a second try would need a token or not is chance


# --- values ---------------------------------------------------------------------------------------------------------

_NUMBERS: tuple[Any, ...] = (0, 1, -1, 2**53 + 1, 2**63, 2**64, -(2**70), 0.5, 0.1 + 0.2)
_SPELLED = tuple(
    map(Spelled, ("1e999", "-1e999", "NaN", "Infinity", "-Infinity", "-0.0", "-0", "1E2", "1.0", "1e-400", "0.10"))
)
_TEXTS = ("", " ", "\u00a0", "\u200b", "a\u2028b", "e\u0301", "é😀", "\u0000", " a  b ", "x" * 300, "null", "1e999")
_SURROGATES = (Spelled('"\\ud800"'), Spelled('"\\ud83d\\ude00"'), Spelled('"a\\udfffb"'), Spelled('"\\u0041"'))
# Values that one way or the other of writing, comparing or hashing takes for one another.
_ALIKE: tuple[tuple[Any, ...], ...] = (
    (None, *map(Spelled, ("1e999", "-1e999", "NaN"))),
    (0, False, Spelled("-0.0"), Spelled("0.0")),
    (1, True, Spelled("1.0"), "1"),
    (2**53, 2**53 + 1, Spelled("9007199254740993.0")),
    (2**64, 2**64 + 1, Spelled("18446744073709551616.0")),
    ("", None, [], {}, " "),
    ("e\u0301", "é", "e"),
    (Spelled('"\\ud800"'), Spelled('"\\ud801"'), "\ufffd", "?"),
)
_CONTAINERS: tuple[Any, ...] = ([], {}, [None], [[]], {"": None}, {"type": "text"}, [1, "a", None, {}], {"a": {"b": 1}})
values = st.one_of(
    st.sampled_from((None, True, False)),
    st.sampled_from(_NUMBERS),
    st.sampled_from(_SPELLED),
    st.sampled_from(_TEXTS),
    st.sampled_from(_SURROGATES),
    st.sampled_from(_CONTAINERS),
)
_IDS = ("toolu_01A", "call_1", "call:1|x", "a" * 64, "a" * 41, "id é", "", "functions.f:0", "call 1\n")
_SIGNATURES = ("EqQBCkYIB+==", "litellm_encrypted_reasoning:abc", "litellm_encrypted_reasoning:", "", "é")
_CACHED: tuple[Any, ...] = ({"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}, {"type": "x"}, None, {})
_SCHEMA = {"type": "object", "properties": {"city": {"type": "string", "enum": ["Rome", None]}}, "required": ["city"]}


# --- messages -------------------------------------------------------------------------------------------------------


def _thinking(draw: Draw) -> list[Any]:
    block = {"type": "thinking", "thinking": "Hm.", "signature": draw(st.sampled_from(_SIGNATURES))}
    if draw(st.booleans()):
        block = {"type": "redacted_thinking", "data": draw(st.sampled_from(_SIGNATURES))}
    return [_said("assistant", [block, {"type": "text", "text": "Yes."}]), _said("user", "And now?")]


def _said(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def _text(draw: Draw) -> list[Any]:
    return [_said("assistant", draw(st.sampled_from(("Yes.", *_TEXTS)))), _said("user", draw(st.sampled_from(_TEXTS)))]


def _blocks(draw: Draw) -> list[Any]:
    block: dict[str, Any] = {"type": "text", "text": draw(st.sampled_from(("Go on.", *_TEXTS)))}
    if draw(st.booleans()):
        block["cache_control"] = draw(st.sampled_from(_CACHED))
    return [_said("assistant", [{"type": "text", "text": "Yes."}]), _said("user", [block])]


def _tool_of_messages(draw: Draw) -> list[Any]:
    id_ = draw(st.sampled_from(_IDS))
    given = draw(st.one_of(st.just({"city": "Rome"}), st.builds(lambda value: {"city": value}, values), values))
    told = draw(st.one_of(st.just("21 °C"), st.just([{"type": "text", "text": "21 °C"}]), values))
    call = {"type": "tool_use", "id": id_, "name": "weather", "input": given}
    result = {"type": "tool_result", "tool_use_id": id_, "content": told}
    return [_said("assistant", [call]), _said("user", [result])]


def _tool_of_chat(draw: Draw) -> list[Any]:
    id_ = draw(st.sampled_from(_IDS))
    arguments = draw(st.sampled_from(('{"city":"Rome"}', "{}", "", "not JSON", '{"city": 1e999}')))
    call = {"id": id_, "type": "function", "function": {"name": "weather", "arguments": arguments}}
    asked = {"role": "assistant", "content": draw(st.sampled_from((None, "", "I look."))), "tool_calls": [call]}
    return [asked, {"role": "tool", "tool_call_id": id_, "content": draw(st.one_of(st.just("21 °C"), values))}]


def _of_another_role(draw: Draw) -> list[Any]:
    role = draw(st.sampled_from(("system", "developer", "user", "assistant", "nonsense")))
    return [_said("assistant", "Yes."), _said(role, "Be brief."), _said("user", "Go on.")]


def _configured(draw: Draw) -> list[Any]:
    config = draw(st.sampled_from(({"effort": "high"}, {"effort": "low"}, {}, None)))
    return [_said("assistant", "Yes."), _said("user", "Go on.") | {"output_config": config}]


_TURNS: dict[Protocol, tuple[Callable[[Draw], list[Any]], ...]] = {
    "chat": (_text, _blocks, _tool_of_chat, _of_another_role),
    "messages": (_text, _blocks, _tool_of_messages, _thinking, _of_another_role, _configured),
}


# --- the body beside its messages -----------------------------------------------------------------------------------

_TOOLS: dict[Protocol, Any] = {
    "chat": [{"type": "function", "function": {"name": "weather", "description": "Now.", "parameters": _SCHEMA}}],
    "messages": [{"name": "weather", "description": "Now.", "input_schema": _SCHEMA}],
}
_COMMON: dict[str, tuple[Any, ...]] = {
    "temperature": (0, 1, 0.5, Spelled("1.0")),
    "top_p": (0.9, 1),
    "metadata": ({"user_id": "u-1"}, {"user_id": '{"session_id":"a"}'}, {}, {"tags": ["a"]}),
    "thinking": ({"type": "enabled", "budget_tokens": 1024}, {"type": "disabled"}, {"type": "adaptive"}),
    "user": ("u-1",),
    "service_tier": ("auto", "default"),
    "drop_params": (True, False),
    "num_retries": (0, 1),
    "extra_body": ({"a": 1}, {}),
    "extra_headers": ({"x-a": "b"}, {"x-a": "é"}),
    "prompt_id": ("p", 0.5),
    "mock_response": ("Made up.",),
    "litellm_call_id": ("5e0c1f6e-0000-4000-8000-000000000000",),
    "api_base": (_NOWHERE,),
    "base_url": (_NOWHERE,),
    "api_key": ("sk-other",),
    "user_config": ({},),
    "vertex_credentials": ("{}",),
}
_KEYS: dict[Protocol, dict[str, tuple[Any, ...]]] = {
    "chat": {
        **_COMMON,
        "stream_options": ({"include_usage": True}, {"include_usage": False}, {}),
        "reasoning_effort": ("low", "none"),
        "response_format": ({"type": "json_object"}, {"type": "text"}),
        "stop": ("END", ["END"]),
        "n": (1, 2),
        "seed": (1, 2**64),
        "max_tokens": (64,),
        "tool_choice": ("auto", {"type": "function", "function": {"name": "weather"}}),
        "logit_bias": ({"1": -100},),
        "parallel_tool_calls": (True,),
        "functions": ([{"name": "f", "parameters": {}}],),
    },
    "messages": {
        **_COMMON,
        "system": ("Be brief.", [{"type": "text", "text": "Be brief."}], [], ""),
        "output_config": ({"effort": "high"}, {"format": {"type": "json_schema", "schema": _SCHEMA}}),
        "context_management": ({"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},),
        "stop_sequences": (["END"], []),
        "top_k": (5,),
        "tool_choice": ({"type": "auto"}, {"type": "tool", "name": "weather"}),
        "container": ("c-1",),
        "mcp_servers": ([],),
    },
}

_HEADERS: tuple[tuple[str, str], ...] = (
    ("x-request-id", "5e0c1f6e-1111-4000-8000-000000000001"),
    ("x-request-id", "not sane é"),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203332-01"),
    ("x-client-request-id", "c-1"),
    ("x-correlation-id", "64"),
    ("anthropic-version", "2023-06-01"),
    ("anthropic-beta", "interleaved-thinking-2025-05-14"),
    ("anthropic-beta", "context-1m-2025-08-07,effort-2025-11-24"),
    ("anthropic-beta", ""),
    ("x-litellm-tags", "a,b"),
    ("x-litellm-call-id", "5e0c1f6e-2222-4000-8000-000000000002"),
    ("x-litellm-end-user-id", "u-2"),
    ("Connection", "keep-alive"),
    ("Connection", "x-own"),
    ("Connection", "authorization"),
    ("x-own", "é\xff"),
    ("x-own", "a"),
    ("X-Own", "b"),
    ("accept-encoding", "gzip"),
    ("cookie", "a=b"),
    ("user-agent", "claude-cli/2.1.197 (external, cli)"),
    ("user-agent", "OpenAIClientImpl/Java 1.0"),
    ("x-memory-user-id", "memory-1"),
    ("x-api-key", "<key>"),
    ("x-stainless-retry-count", "1"),
    ("openai-organization", "org-1"),
    ("content-language", "en"),
    ("te", "trailers"),
)
_QUERIES = (
    "",
    "?beta=true",
    "?model=nonsense",
    "?model={model}",
    "?api_base=x",
    "?user_config=1",
    "?a=%C3%A9",
    "?stream=true",
)


# --- strategies -----------------------------------------------------------------------------------------------------


def first_calls(models: Sequence[Model]) -> st.SearchStrategy[Draft]:
    """Calls that a provider would answer, with some of the keys that a client may send."""

    @st.composite
    def first_call(draw: Draw) -> Draft:
        model = draw(st.sampled_from(models))
        protocol = draw(st.sampled_from(model.protocols))
        body: dict[Any, Any] = {"model": model.name, "max_tokens": 64}
        if model.is_tried_once:
            body["num_retries"] = 0
        for key in draw(st.lists(st.sampled_from(sorted(_KEYS[protocol])), max_size=2, unique=True)):
            if key not in _REFUSED:
                body[key] = draw(st.sampled_from(_KEYS[protocol][key]))
        if draw(st.booleans()):
            body["tools"] = _TOOLS[protocol]
        body["messages"] = [_said("user", "Hello.")]
        if draw(st.booleans()):
            body["messages"] += draw(st.sampled_from(_TURNS[protocol]))(draw)
        if draw(st.booleans()):
            body["stream"] = True
        headers = tuple(draw(st.lists(st.sampled_from(_HEADERS[:9]), max_size=2)))
        return Draft(protocol, model.provider, body, headers)

    return first_call()


_REFUSED = ("api_base", "base_url", "user_config", "vertex_credentials", "api_key", "mock_response")


@st.composite
def other_messages(draw: Draw, before: Draft) -> Draft:
    """The same call but for its messages: the cache key stays."""
    body = copy.deepcopy(before.body)
    messages = body.get("messages")
    if not isinstance(messages, list) or draw(st.integers(0, 9)) == 9:
        body["messages"] = draw(st.one_of(st.just([_said("user", "Hello.")]), values))
    elif draw(st.booleans()):
        messages += draw(st.sampled_from(_TURNS[before.protocol]))(draw)
    elif draw(st.integers(0, 19)) == 19:
        messages += [_said("assistant", "Yes."), _said("user", "word " * (_LARGE // 5))]
    else:
        _change(draw, messages, _MESSAGE_KEYS)
    return replace(before, body=body)


@st.composite
def other_body(draw: Draw, before: Draft) -> Draft:
    """The same messages in another body: another value, a key more, less or twice, or other words for the same."""
    body = copy.deepcopy(before.body)
    kept = body.pop("messages", None)
    known = _KEYS[before.protocol]
    match draw(st.integers(0, 5)):
        case 0 | 1:
            key = draw(st.sampled_from(sorted(known)))
            body[key] = draw(st.one_of(st.sampled_from(known[key]), values))
        case 2:
            body["stream"] = draw(st.sampled_from((True, False, None, 1, "true")))
        case 3:
            key = draw(st.sampled_from(sorted(map(str, body))))
            body[Repeated(key)] = draw(st.one_of(st.just(body.get(key)), values))
        case _:
            _change(draw, body, (*known, "tools", "stream"))
    body |= {} if kept is None else {"messages": kept}
    return replace(before, body=body)


@st.composite
def alike_bodies(draw: Draw, before: Draft) -> tuple[Draft, Draft]:
    """The same call with two values at one place that could be taken for one another."""
    one, other = draw(st.sampled_from(_ALIKE).flatmap(st.permutations))[:2]
    place = draw(st.sampled_from(("parameter", "metadata", "schema", "message")))

    def with_value(value: Any) -> Draft:
        body = copy.deepcopy(before.body)
        messages = body.pop("messages", None)
        if place == "schema":
            body["tools"] = copy.deepcopy(_TOOLS[before.protocol])
            tool = body["tools"][0]
            tool.get("function", tool)["description"] = value
        elif place == "message":
            messages = [_said("user", [{"type": "text", "text": "Hello."}]), _said("assistant", value)]
            messages.append(_said("user", "Go on."))
        else:
            body |= {"temperature": value} if place == "parameter" else {"metadata": {"user_id": value}}
        return replace(before, body=body if messages is None else {**body, "messages": messages})

    return with_value(one), with_value(other)


@st.composite
def other_spelling(draw: Draw, before: Draft) -> Draft:
    return replace(before, spelling=draw(st.sampled_from(SPELLINGS)))


@st.composite
def other_headers(draw: Draw, before: Draft) -> Draft:
    """A header more, less or with another value, or another query."""
    headers = list(before.headers)
    match draw(st.integers(0, 3)):
        case 0 if headers:
            headers.pop(draw(st.integers(0, len(headers) - 1)))
        case 1:
            query = draw(st.sampled_from(_QUERIES)).replace("{model}", str(before.body.get("model")))
            return replace(before, query=query)
        case _:
            name, value = draw(st.sampled_from(_HEADERS))
            if draw(st.booleans()):
                headers = [each for each in headers if each[0].lower() != name.lower()]
            headers.append((name, value))
    return replace(before, headers=tuple(headers))


_MESSAGE_KEYS = ("role", "content", "type", "text", "cache_control", "name", "id", "tool_calls", "output_config", "x")


def _change(draw: Draw, tree: Any, keys: Sequence[str]) -> None:
    """Change one place of a tree: another value, no value, a key more, or a key twice."""
    places: list[Place] = [*places_of(tree)]
    if not places:
        return
    container, key = draw(st.sampled_from(places)) if len(places) < 200 else places[0]
    match draw(st.integers(0, 4)):
        case 0:
            del container[key]
        case 1 if isinstance(container, dict):
            container[draw(st.sampled_from(keys))] = draw(values)
        case 2 if isinstance(container, dict) and isinstance(key, str):
            container[Repeated(key)] = draw(st.one_of(st.just(copy.deepcopy(container[key])), values))
        case 3 if isinstance(container, list):
            container.append(draw(values))
        case _:
            container[key] = draw(values)
