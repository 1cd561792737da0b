import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from harness.model import Reply, Request, Send
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay
from sdk_proxy.stream_end import TRUNCATED, MessageEnd
from tests.sdk_proxy.sdk import NO_RETRIES, chat, client_of, message

PING = b'event: ping\r\ndata: {"type": "ping"}\r\n\r\n'
STOP = b'event: message_stop\ndata: {"type": "message_stop"}\n\n'


def missing(*chunks: Any) -> list[str]:
    end = MessageEnd()
    for chunk in chunks:
        end.read(chunk)
    return list(end.missing())


@pytest.mark.parametrize(
    "last",
    [
        STOP,
        STOP.replace(b"\n", b"\r\n"),
        STOP.replace(b"\n", b"\r"),
        STOP.replace(b": ", b":"),
        STOP.decode(),
        {"type": "message_stop"},
        b'event: error\ndata: {"type": "error"}\n\n',
        b'data: {"type": "message_stop"}\n\n',
    ],
)
def test_a_message_that_was_ended_needs_no_more(last: Any) -> None:
    assert missing(PING, last) == []
    assert missing(last, PING) == []


@pytest.mark.parametrize("size", [1, 7, 20])
def test_an_end_is_found_in_whatever_pieces_it_comes(size: int) -> None:
    text = PING * 3 + STOP
    assert missing(*(text[at : at + size] for at in range(0, len(text), size))) == []


@pytest.mark.parametrize(
    "chunks",
    [
        (),
        (PING,),
        (b'event: x\ndata: {"text": "event: message_stop"}\n\n',),
        (b'event: x\ndata: {"text": "\\nevent: message_stop\\ndata: {\\"type\\": \\"message_stop\\"}"}\n\n',),
        ({"type": "ping"},),
    ],
)
def test_a_message_without_its_end_gets_an_error_event(chunks: tuple[Any, ...]) -> None:
    (event,) = missing(*chunks)
    assert event.startswith("event: error\n") and TRUNCATED in event


def test_half_an_event_is_closed_before_the_error_event() -> None:
    assert missing(PING, b"event: half\ndata: {")[0] == "\n\n"


def test_what_is_no_event_stream_has_no_last_event() -> None:
    assert list(MessageEnd("application/json").missing()) == []


ALL = pytest.mark.parametrize("model", ["gpt-5", "claude-sonnet-5", "gemini-2.5-pro"])


@ALL
async def test_a_chat_that_was_truncated_ends_in_an_error_and_not_in_stop(model: str) -> None:
    async with upstream_of(truncated(4)) as upstream, client_of(upstream, router_settings=NO_RETRIES) as client:
        text = (await client.post("/v1/chat/completions", json=chat(model, stream=True))).text
    fault = json.loads(text.strip().split("\n\n")[-1].removeprefix("data: "))["error"]
    assert TRUNCATED in fault["message"] and fault["code"] == "502"
    assert "finish_reason" not in text and "[DONE]" not in text


async def test_a_chat_of_claude_that_says_its_end_but_no_reason_for_it_was_not_truncated() -> None:
    async with upstream_of(without(b"message_delta")) as upstream, client_of(upstream) as client:
        text = (await client.post("/v1/chat/completions", json=chat("claude-sonnet-5", stream=True))).text
    assert '"finish_reason":"stop"' in text and text.endswith("data: [DONE]\n\n")


@ALL
async def test_a_message_that_was_truncated_ends_in_an_error_and_not_in_a_stop(model: str) -> None:
    async with upstream_of(truncated(4)) as upstream, client_of(upstream, router_settings=NO_RETRIES) as client:
        text = (await client.post("/v1/messages", json=message(model, stream=True))).text
    assert text.strip().split("\n\n")[-1].startswith("event: error\n")
    assert "message_stop" not in text and "end_turn" not in text


@pytest.mark.parametrize(("path", "body"), [("/v1/chat/completions", chat), ("/v1/messages", message)])
async def test_a_stream_without_any_event_is_a_502_on_both_routes(path: str, body: Any) -> None:
    async with upstream_of(truncated(0)) as upstream, client_of(upstream, router_settings=NO_RETRIES) as client:
        answer = await client.post(path, json=body("claude-sonnet-5", stream=True))
    assert answer.status_code == 502 and TRUNCATED in answer.json()["error"]["message"]


@ALL
@pytest.mark.parametrize(("path", "body"), [("/v1/chat/completions", chat), ("/v1/messages", message)])
@pytest.mark.parametrize("line", [b": alive\n\n", b"retry: 5\n"])
async def test_lines_that_are_no_data_take_nothing_from_a_stream(model: str, path: str, body: Any, line: bytes) -> None:
    async with upstream_of(beside(line)) as upstream, client_of(upstream, router_settings=NO_RETRIES) as client:
        text = (await client.post(path, json=body(model, stream=True))).text
    assert "y other." in text and '"error"' not in text
    assert "[DONE]" in text or "message_stop" in text


async def test_a_whole_message_where_a_stream_was_asked_for_goes_through_as_it_is() -> None:
    async with upstream_of(unstreamed) as upstream, client_of(upstream, router_settings=NO_RETRIES) as client:
        answer = await client.post("/v1/messages", json=message("claude-sonnet-5", stream=True))
    assert answer.json()["stop_reason"] == "end_turn"


def upstream_of(change: Callable[[Reply], Reply]) -> SimulatedUpstream:
    whole = autoplay()
    return SimulatedUpstream(improvise=lambda request: change(whole(request)), gap=0)


def truncated(events: int) -> Callable[[Reply], Reply]:
    """The stream ends in order, but without its last event, if not earlier."""
    return lambda reply: replace(reply, acts=(reply.acts or ())[:-1][:events])


def without(name: bytes) -> Callable[[Reply], Reply]:
    """The stream, but for the events of that name."""
    kept = lambda act: not isinstance(act, Send) or name not in act.data  # noqa: E731
    return lambda reply: replace(reply, acts=tuple(filter(kept, reply.acts or ())))


def beside(line: bytes) -> Callable[[Reply], Reply]:
    return lambda reply: replace(reply, acts=tuple(each for act in reply.acts or () for each in (Send(line), act)))


def unstreamed(_: Reply) -> Reply:
    return autoplay()(Request("POST", "/v1/messages", body=b"{}"))
