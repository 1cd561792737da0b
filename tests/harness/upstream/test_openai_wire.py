import json

import pytest

from harness.comparison import openai_grammar
from harness.event_stream import parse
from harness.model import Json, Send
from harness.upstream import openai_wire as wire
from harness.upstream.wire import Object

CALLS = [wire.tool_call("read", {"path": "é"}, 1), wire.tool_call("list", {}, 2)]


def texts(sent: tuple[Send, ...]) -> list[str]:
    parsed, incomplete = parse(b"".join(act.data for act in sent))
    assert incomplete == b""
    return [event.data for event in parsed]


def events(sent: tuple[Send, ...]) -> list[tuple[str, Json]]:
    return [("", text if text == "[DONE]" else json.loads(text)) for text in texts(sent)]


def deltas(whole: Object, parts: int) -> list[Object]:
    return [chunk["choices"][0]["delta"] for chunk in wire.chunks(whole, parts) if chunk["choices"]]


@pytest.mark.parametrize("parts", [1, 4, 100])
def test_the_deltas_of_a_text_are_the_text(parts: int) -> None:
    pieces = deltas(wire.completion("Grüße: 漢字 and 😀."), parts)
    assert pieces[0] == {"role": "assistant", "content": "", "refusal": None}
    assert "".join(piece.get("content", "") for piece in pieces) == "Grüße: 漢字 and 😀."


@pytest.mark.parametrize("parts", [1, 4, 100])
def test_the_deltas_of_tool_calls_are_the_calls(parts: int) -> None:
    pieces = [call for delta in deltas(wire.completion(None, CALLS), parts) for call in delta.get("tool_calls", [])]
    for index, call in enumerate(CALLS):
        mine = [piece for piece in pieces if piece["index"] == index]
        assert (mine[0]["id"], mine[0]["function"]["name"]) == (call["id"], call["function"]["name"])
        assert "".join(piece["function"]["arguments"] for piece in mine) == call["function"]["arguments"]
        assert all("id" not in piece for piece in mine[1:])


@pytest.mark.parametrize(
    "whole", [wire.completion("Hello"), wire.completion(None, CALLS), wire.completion("Hi", CALLS)]
)
@pytest.mark.parametrize("include_usage", [True, False])
def test_a_stream_obeys_the_grammar_and_ends_with_done(whole: Object, include_usage: bool) -> None:
    sent = wire.stream(whole, include_usage=include_usage)
    assert list(openai_grammar.violations(events(sent))) == []
    assert texts(sent)[-1] == "[DONE]"


def test_usage_comes_in_a_last_chunk_without_choices_where_it_is_asked_for() -> None:
    whole = wire.completion("Hello")
    *others, last = wire.chunks(whole)
    assert (last["choices"], last["usage"]) == ([], whole["usage"])
    assert [chunk["usage"] for chunk in others] == [None] * len(others)
    assert all("usage" not in chunk for chunk in wire.chunks(whole, include_usage=False))


def test_a_completion_finishes_for_the_tools_that_it_calls() -> None:
    assert wire.completion(None, CALLS)["choices"][0]["finish_reason"] == "tool_calls"
    assert wire.completion("x")["choices"][0]["finish_reason"] == "stop"


def test_an_error_has_the_providers_shape() -> None:
    reply = wire.error_reply(429, "Slow down", extra=(("retry-after-ms", "20"),))
    assert json.loads(reply.body)["error"] == {
        "message": "Slow down",
        "type": "requests",
        "param": None,
        "code": "rate_limit_exceeded",
    }
    assert reply.headers[-1] == ("retry-after-ms", "20")
