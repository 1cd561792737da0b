import json

import pytest

from harness.event_stream import parse
from harness.model import Reply, Request, Send
from harness.upstream.autoplay import TEXT, answer, autoplay, nobody_scripted


def ask(path: str, method: str = "POST", **body: object) -> Reply:
    return answer(Request(method, path, (), json.dumps(body).encode() if method == "POST" else b""))


def stream_of(reply: Reply) -> str:
    assert reply.acts is not None
    events, _ = parse(b"".join(act.data for act in reply.acts if isinstance(act, Send)))
    return "\n".join(event.data for event in events)


@pytest.mark.parametrize(
    "path", ["/anthropic/v1/messages?beta=true", "/supermemory/v3/https://api.anthropic.com/v1/messages"]
)
def test_messages_are_answered_with_a_message_of_the_model_asked_for(path: str) -> None:
    body = json.loads(ask(path, model="claude-x").body)
    assert (body["type"], body["model"]) == ("message", "claude-x")


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        ("/anthropic/v1/messages/count_tokens", "input_tokens", 0),
        ("/openai/v1/chat/completions", "object", "chat.completion"),
        ("/openai/v1/completions", "object", "text_completion"),
        ("/openai/v1/embeddings", "model", "text-embedding-3-small"),
        ("/openai/v1/responses", "object", "response"),
        ("/openai/v1/responses/input_tokens", "object", "response.input_tokens"),
        ("/gemini/v1beta/models/gemini-x:generateContent?key=k", "modelVersion", "gemini-x"),
        ("/gemini/v1beta/models/gemini-x:countTokens", "totalTokens", 8),
    ],
)
def test_every_protocol_answers_in_its_own_shape(path: str, key: str, value: object) -> None:
    assert json.loads(ask(path).body)[key] == value


@pytest.mark.parametrize(
    ("path", "last"),
    [
        ("/v1/messages", "message_stop"),
        ("/v1/chat/completions", "[DONE]"),
        ("/v1/completions", "[DONE]"),
        ("/v1/responses", "response.completed"),
        ("/v1beta/models/g:streamGenerateContent?alt=sse", '"finishReason":"STOP"'),
    ],
)
def test_a_stream_is_streamed_where_it_is_asked_for(path: str, last: str) -> None:
    stream = stream_of(ask(path, stream=True))
    assert last in stream.splitlines()[-1]
    assert TEXT[:5] in stream


@pytest.mark.parametrize(("asked", "number"), [("one", 1), (["one", "two"], 2), ([1, 2, 3], 1), ([[1, 2], [3]], 2)])
def test_each_text_has_its_embedding(asked: object, number: int) -> None:
    assert len(json.loads(ask("/v1/embeddings", input=asked).body)["data"]) == number


def test_usage_is_streamed_only_where_it_is_asked_for() -> None:
    asked = ask("/v1/chat/completions", stream=True, stream_options={"include_usage": True})
    assert '"usage":{"prompt_tokens"' in stream_of(asked)
    assert "usage" not in stream_of(ask("/v1/chat/completions", stream=True))


def test_models_are_listed() -> None:
    assert json.loads(ask("/openai/v1/models", "GET").body)["object"] == "list"
    assert json.loads(ask("/openai/v1/models/gpt-x", "GET").body)["id"] == "gpt-x"


def test_a_path_that_no_provider_has_is_not_found() -> None:
    assert ask("/nowhere").status == ask("/nowhere", "GET").status == 404


def test_a_body_that_is_no_object_is_answered_all_the_same() -> None:
    for body in (b"", b"[]", b"{"):
        assert answer(Request("POST", "/v1/messages", (), body)).status == 200


def test_ids_are_never_repeated() -> None:
    improvise, request = autoplay(), Request("POST", "/v1/messages")
    assert json.loads(improvise(request).body)["id"] != json.loads(improvise(request).body)["id"]


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions", "/v1beta/models/g:generateContent"])
def test_a_call_that_nobody_scripted_is_told_so_in_its_protocol(path: str) -> None:
    reply = nobody_scripted(Request("POST", path))
    assert json.loads(reply.body)["error"]["message"] == f"nobody scripted this call: POST {path}"
    assert reply.status == 400
