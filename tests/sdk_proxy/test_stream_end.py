import json
from dataclasses import replace
from typing import Any

import pytest

from harness.model import Reply, Request
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


@pytest.mark.parametrize("model", ["gpt-5", "claude-sonnet-5"])
async def test_a_chat_that_was_truncated_ends_in_an_error_and_not_in_stop(model: str) -> None:
    async with truncating() as upstream, client_of(upstream, router_settings=NO_RETRIES) as client:
        text = (await client.post("/v1/chat/completions", json=chat(model, stream=True))).text
        assert TRUNCATED in json.loads(text.strip().split("\n\n")[-1].removeprefix("data: "))["error"]["message"]
        assert "finish_reason" not in text and "[DONE]" not in text


@pytest.mark.parametrize("model", ["gpt-5", "claude-sonnet-5"])
async def test_a_message_that_was_truncated_ends_in_an_error_and_not_in_a_stop(model: str) -> None:
    async with truncating() as upstream, client_of(upstream, router_settings=NO_RETRIES) as client:
        text = (await client.post("/v1/messages", json=message(model, stream=True))).text
        assert text.strip().split("\n\n")[-1].startswith("event: error\n")
        assert "message_stop" not in text and "end_turn" not in text


def truncating() -> SimulatedUpstream:
    """Every stream ends in order, after its first four events."""
    whole = autoplay()

    def truncated(request: Request) -> Reply:
        reply = whole(request)
        return replace(reply, acts=(reply.acts or ())[:4])

    return SimulatedUpstream(improvise=truncated, gap=0)
