import json
from collections.abc import AsyncIterator
from typing import Any

import litellm
from litellm.types.utils import ModelResponseStream

from sdk_proxy.call import Call
from sdk_proxy.streaming_utils import chat_events, message_events, response_events

STOP = b'event: message_stop\ndata: {"type": "message_stop"}\n\n'
BASE = {"id": "chatcmpl-1", "created": 1, "model": "gpt-5-2025", "object": "chat.completion.chunk"}


class Stream:
    """A provider's stream, that ends in `error` if there is one, and knows whether it was closed."""

    def __init__(self, *chunks: Any, error: Exception | None = None) -> None:
        self.chunks, self.error, self.closed = chunks, error, False

    async def __aiter__(self) -> AsyncIterator[Any]:
        for chunk in self.chunks:
            yield chunk
        if self.error is not None:
            raise self.error

    async def aclose(self) -> None:
        self.closed = True


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> ModelResponseStream:
    return ModelResponseStream(**BASE, **more, choices=[{"index": 0, "delta": delta, "finish_reason": finish}])


async def chat(stream: Stream, **data: Any) -> list[str]:
    events = [event async for event in chat_events(Call("acompletion", data, "alias"), stream)]
    return [event.decode() if isinstance(event, bytes) else event for event in events]


async def messages(stream: Any, alias: str | None = "alias") -> list[Any]:
    return [event async for event in message_events(Call("anthropic_messages", {}, alias), stream)]


async def test_a_text_chunk_has_litellm_s_short_form_and_the_alias() -> None:
    assert (await chat(Stream(chunk({"role": "assistant", "content": "hé"}))))[0] == (
        'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"alias",'
        '"choices":[{"index":0,"delta":{"role":"assistant","content":"hé"}}]}\n\n'
    )


async def test_a_chunk_with_more_than_text_has_litellm_s_long_form() -> None:
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "get", "arguments": ""}}
    (event, _) = await chat(Stream(chunk({"tool_calls": [call]})))
    tree = json.loads(event.removeprefix("data: "))
    assert list(tree)[:4] == ["id", "created", "model", "object"] and tree["model"] == "alias"
    assert tree["choices"][0]["delta"]["tool_calls"][0]["function"]["name"] == "get"


async def test_the_chunk_itself_keeps_the_provider_s_model() -> None:
    sent = chunk({"content": "a"})
    await chat(Stream(sent))
    assert sent.model == "gpt-5-2025"


async def test_usage_that_only_litellm_asked_for_is_not_shown() -> None:
    stream = Stream(chunk({"content": "a"}), chunk({}), chunk({}, "stop"))
    assert len(await chat(stream, _litellm_strip_stream_usage=True)) == 3
    assert len(await chat(stream)) == 4


async def test_a_stream_that_ends_well_says_so_and_is_closed() -> None:
    stream = Stream(chunk({"content": "a"}))
    assert (await chat(stream))[-1] == "data: [DONE]\n\n"
    assert stream.closed


async def test_an_overload_in_the_middle_of_a_chat_has_its_own_status() -> None:
    overloaded = litellm.InternalServerError("AnthropicError - Overloaded", llm_provider="anthropic", model="m")
    (_, event) = await chat(Stream(chunk({"content": "a"}), error=overloaded))
    fault = json.loads(event.removeprefix("data: "))["error"]
    assert (fault["code"], fault["type"]) == ("529", "overloaded_error")


async def test_another_failure_in_the_middle_of_a_chat_is_a_500() -> None:
    lost = litellm.InternalServerError("AnthropicError - Lost", llm_provider="anthropic", model="m")
    (_, event) = await chat(Stream(chunk({"content": "a"}), error=lost))
    assert json.loads(event.removeprefix("data: "))["error"]["code"] == "500"


async def test_a_failure_is_the_last_event_of_a_chat_and_there_is_no_done() -> None:
    stream = Stream(chunk({"content": "a"}), error=RuntimeError("no more"))
    (_, event) = await chat(stream)
    assert json.loads(event.removeprefix("data: "))["error"]["message"] == "no more"
    assert stream.closed


async def test_a_stream_is_closed_when_nobody_reads_it_any_more() -> None:
    stream = Stream(b"event: ping\ndata: {}\n\n", b"event: ping\ndata: {}\n\n")
    events = message_events(Call("anthropic_messages", {}, "alias"), stream)
    await anext(events)
    await events.aclose()
    assert stream.closed


async def test_a_stream_that_failed_is_closed_before_the_client_is_told() -> None:
    for events_of, call in (
        (chat_events, Call("acompletion", {}, "alias")),
        (message_events, Call("anthropic_messages", {}, "alias")),
        (response_events, Call("aresponses", {}, "alias")),
    ):
        stream = Stream(error=litellm.InternalServerError("boom", "openai", "gpt-5"))
        told = await anext(events_of(call, stream))
        assert "boom" in str(told) and stream.closed


async def test_only_the_start_of_a_message_is_written_anew() -> None:
    start = b'event: message_start\ndata: {"type": "message_start", "message": {"id": "m", "model": "real"}}\n\n'
    rest = b'event: x\r\ndata: {"model":   "real"}\r\n\r\n: comment\n\n' + STOP
    assert b"".join(await messages(Stream(start, rest))) == (
        b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","model":"alias"}}\n\n' + rest
    )


async def test_a_start_that_comes_in_pieces_is_still_the_start() -> None:
    start = b'event: message_start\ndata: {"type":"message_start","message":{"model":"real"}}\n\n'
    pieces = [start[i : i + 7] for i in range(0, len(start), 7)]
    assert b'"model":"alias"' in b"".join(await messages(Stream(*pieces, STOP)))


async def test_what_was_held_back_for_the_start_is_not_lost() -> None:
    assert b"event: half\ndata: an" in await messages(Stream(b"event: half\ndata: an"))


async def test_a_message_that_was_truncated_ends_in_an_error_event_of_its_own() -> None:
    *_, blank, event = await messages(Stream(b"event: ping\ndata: {}\n\nevent: half\ndata: {"))
    assert blank == "\n\n"
    assert event.startswith('event: error\ndata: {"type": "error", "error": {"type": "api_error", "message": ')


async def test_a_failure_is_an_error_event_of_a_message() -> None:
    (_, event) = await messages(Stream(b"event: ping\ndata: {}\n\n", error=RuntimeError("no more")))
    name, data = event.strip().split("\n")
    assert name == "event: error"
    expected = {"type": "error", "error": {"type": "api_error", "message": "no more"}}
    assert json.loads(data.removeprefix("data: ")) == expected
