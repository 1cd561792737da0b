import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.comparison.anthropic_grammar import violations
from tests.harness.comparison.strategies import JSON
from tests.harness.comparison.streams import anthropic_stream


def event(kind, **more):
    return kind, {"type": kind, **more}


START = event("message_start", message={"id": "msg_1"})
PING = event("ping")
ERROR = event("error", error={"type": "overloaded_error"})
TEXT = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
WORD = event("content_block_delta", index=0, delta={"type": "text_delta", "text": "a"})
THOUGHT = event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "a"})
END = event("content_block_stop", index=0)
TOOL = event("content_block_start", index=1, content_block={"type": "tool_use", "id": "toolu_1", "name": "x"})
PIECE = event("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": "{}"})
TOOL_END = event("content_block_stop", index=1)
CLOSE = event("message_delta", delta={"stop_reason": "end_turn"})
STOP = event("message_stop")
WHOLE = [START, TEXT, PING, WORD, WORD, END, TOOL, PIECE, TOOL_END, CLOSE, STOP]


@pytest.mark.parametrize(
    "stream",
    [
        WHOLE,
        [PING, *WHOLE],
        [START, CLOSE, STOP],
        [START, CLOSE, CLOSE, STOP],
        [ERROR],
        [START, TEXT, WORD, ERROR],
        [START, TEXT, WORD],
        [START, event("brand_new", index=7), CLOSE, STOP],
        [START, TEXT, event("content_block_delta", index=0, delta={"type": "brand_new_delta"}), END, CLOSE, STOP],
        [],
    ],
)
def test_a_stream_in_order_has_no_violation(stream):
    assert list(violations(stream)) == []


@pytest.mark.parametrize(
    ("stream", "wrong"),
    [
        ([START, START], "event 1: message_start within the message"),
        ([TEXT], "event 0: content_block_start before message_start"),
        ([START, WORD], "event 1: text_delta for block 0, which is not open"),
        ([START, TEXT, END, WORD], "event 3: text_delta for block 0, which is not open"),
        ([START, TEXT, THOUGHT], "event 2: thinking_delta in block 0, which is text"),
        ([START, TEXT, END, END], "event 3: block 0 ends, and is not open"),
        ([START, TEXT, TOOL], "event 2: block 1 begins while block 0 is open"),
        ([START, TOOL], "event 1: block 1 begins where 0 is next"),
        ([START, TEXT, END, TEXT], "event 3: block 0 begins a second time"),
        ([START, TEXT, CLOSE], "event 2: message_delta while block 0 is open"),
        ([START, STOP], "event 1: message_stop within the message"),
        ([START, CLOSE, TEXT], "event 2: content_block_start after message_delta"),
        ([*WHOLE, PING], "event 11: ping after message_stop"),
        ([*WHOLE, STOP], "event 11: message_stop after message_stop"),
        ([START, ERROR, CLOSE], "event 2: message_delta after an error"),
        ([("", START[1])], "event 0: is called '', its data says message_start"),
        ([("message_start", "text")], "event 0: 'message_start': its data is not a JSON object"),
        ([START, event("content_block_stop")], "event 1: content_block_stop without an index"),
    ],
)
def test_a_stream_out_of_order_says_which_event_and_why(stream, wrong):
    assert list(violations(stream)) == [wrong]


@given(anthropic_stream(), st.integers(0, 20), st.integers(0, 20))
def test_every_beginning_of_a_whole_stream_is_in_order_with_pings_anywhere(drawn, end, at):
    events, _ = drawn
    begun = events[:end]
    assert [*violations([*begun[:at], PING, *begun[at:]])] == [] or begun[-1:] == [STOP]


@given(anthropic_stream(), st.data())
def test_no_event_of_a_whole_stream_but_a_delta_can_come_twice_or_be_lost(drawn, data):
    events, _ = drawn
    structure = [n for n, (name, _) in enumerate(events) if name not in ("content_block_delta", "message_delta")]
    number = data.draw(st.sampled_from(structure))
    assert [*violations([*events[: number + 1], *events[number:]])]
    lost = [*events[:number], *events[number + 1 :]]
    assert [*violations(lost)] or events[number] == STOP  # whether it ended is judged elsewhere


@given(st.lists(st.tuples(st.sampled_from(["", "ping", "message_start", "content_block_delta"]), JSON)))
def test_whatever_comes_is_judged(events):
    assert all(wrong.startswith("event ") for wrong in violations(events))
