import json

import pytest

from harness.comparison import anthropic_grammar, anthropic_message
from harness.event_stream import parse
from harness.model import Json, Send
from harness.upstream import anthropic_wire as wire

BLOCKS = [
    wire.thinking("Let me think about this."),
    wire.redacted_thinking(),
    wire.text("Grüße: 漢字 and 😀."),
    wire.tool_use("Read", {"file_path": "/tmp/é", "lines": [1, 2]}, 1),
    wire.tool_use("Bash", {}, 2),
]


def events(sent: tuple[Send, ...]) -> list[tuple[str, Json]]:
    parsed, incomplete = parse(b"".join(act.data for act in sent))
    assert incomplete == b""
    return [(event.event, json.loads(event.data)) for event in parsed]


@pytest.mark.parametrize("content", [BLOCKS, [wire.text("")], []])
@pytest.mark.parametrize("parts", [1, 4, 100])
def test_a_stream_is_put_together_to_its_message_again(content: list[dict[str, Json]], parts: int) -> None:
    whole = wire.message(content)
    sent = events(wire.stream(whole, parts))
    assert list(anthropic_grammar.violations(sent)) == []
    assert anthropic_message.assembled(sent) == whole


def test_each_event_is_a_chunk_of_its_own_and_is_named_by_its_type() -> None:
    stream = wire.stream(wire.message([wire.text("Hello, world")], seed=1), parts=2)
    sent = events(stream)
    assert len(sent) == len(stream)
    assert [name for name, _ in sent] == [data["type"] for _, data in sent if isinstance(data, dict)]
    assert [name for name, _ in sent] == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


def test_a_message_stops_for_the_tool_that_it_calls() -> None:
    assert wire.message(BLOCKS)["stop_reason"] == "tool_use"
    assert wire.message(BLOCKS, stop_reason="max_tokens")["stop_reason"] == "max_tokens"
    assert wire.message([wire.text("x")])["stop_reason"] == "end_turn"


def test_ids_differ_by_seed_and_only_by_seed() -> None:
    assert wire.message([], seed=1)["id"] == wire.message([], seed=1)["id"] != wire.message([], seed=2)["id"]
    assert wire.message([])["id"].startswith("msg_01")


def test_an_error_has_the_providers_shape_and_the_id_of_its_header() -> None:
    reply = wire.error_reply(529, "Overloaded", extra=(("retry-after", "3"),))
    body = json.loads(reply.body)
    assert body["error"] == {"type": "overloaded_error", "message": "Overloaded"}
    assert ("request-id", body["request_id"]) in reply.headers
    assert ("retry-after", "3") in reply.headers
    assert reply.status == 529
