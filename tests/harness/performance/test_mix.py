import json

import pytest

from harness.errors import BadInput
from harness.model import Cut, Reply, Request, Scenario, Send, Step
from harness.performance.mix import COUNT_TOKENS, Call, Mix, call_of, mix_from, mix_of, mix_text
from tests.library import library

HEADERS = (("Host", "<host>"), ("X-Api-Key", "<key>"), ("Accept", "*/*"))
BODY = b'{"model":"claude","max_tokens":5,"stream":true,"messages":[]}'
REQUEST = Request("POST", "/v1/messages?beta=true", HEADERS, BODY)
RECORDED = "recorded 2026-11-23, some client"


def scenario(client: str, *replies: Reply, source: str = RECORDED) -> Scenario:
    return Scenario(f"{client}/one", client, "", source, (), (Step(REQUEST, replies or (Reply(),)),))


WELL = (scenario("claude-code"), scenario("pycharm"))


def test_a_call_is_what_was_recorded_with_this_run_s_key_and_address() -> None:
    wire = call_of(REQUEST).wire("sk-1", "127.0.0.1:1")
    assert wire == (
        b"POST /v1/messages?beta=true HTTP/1.1\r\nHost: 127.0.0.1:1\r\nX-Api-Key: sk-1\r\nAccept: */*\r\n"
        b"Content-Length: 61\r\n\r\n" + BODY
    )


def test_a_call_is_named_by_its_route_and_its_kind() -> None:
    assert call_of(REQUEST).name == "/messages streamed"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500),
        Reply(acts=(Send(b"x"), Cut("rst"))),
        Reply(acts=(Send(b'event: error\ndata: {"type":"error"}\n\n'),)),
    ],
)
def test_what_fails_is_no_load(reply: Reply) -> None:
    with pytest.raises(BadInput, match="record them"):
        mix_of([scenario("claude-code", reply), scenario("pycharm")])


def test_what_somebody_wrote_is_no_recorded_load() -> None:
    with pytest.raises(BadInput):
        mix_of([scenario("claude-code", source="scripted"), scenario("pycharm")])


def test_before_each_conversation_its_tokens_are_counted() -> None:
    (count,) = mix_of(WELL).counts
    assert count.path == COUNT_TOKENS
    assert json.loads(count.body) == {"model": "claude", "messages": []}
    assert b"X-Api-Key: <key>" in count.head
    assert count.head.count(b"Content-Length") == 1


def test_the_library_has_whole_conversations_of_76_kb_and_a_fan_out() -> None:
    mix = mix_of(library())
    assert max(len(call.body) for turn in mix.turns for call in turn) > 76_000
    assert any(len(turn) > 2 for turn in mix.turns)
    assert {call.streams for call in mix.fan_out} == {True, False}


def test_a_mix_that_is_written_is_the_one_that_is_read() -> None:
    call = Call(
        "/messages whole", "POST", "/v1/messages", b"POST /v1/messages\r\nx: \xe9\r\n\r\n", b'{"a": "\xc3\xa9"}', True
    )
    mix = Mix(((call, call), (call,)), (call,), ())
    assert mix_from(mix_text(mix)) == mix
