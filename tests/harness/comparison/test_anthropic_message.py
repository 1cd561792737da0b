from hypothesis import given

from harness.comparison.anthropic_message import assembled
from tests.harness.comparison.streams import anthropic_stream


def event(kind, **more):
    return kind, {"type": kind, **more}


def block(index, start, *deltas):
    return [
        event("content_block_start", index=index, content_block=start),
        *(event("content_block_delta", index=index, delta=delta) for delta in deltas),
        event("content_block_stop", index=index),
    ]


START = event("message_start", message={"id": "msg_1", "content": [], "usage": {"input_tokens": 5, "output_tokens": 1}})


def test_texts_thoughts_and_a_tools_input_are_put_together_from_their_pieces():
    message = assembled(
        [
            START,
            *block(
                0,
                {"type": "thinking", "thinking": "", "signature": ""},
                {"type": "thinking_delta", "thinking": "h"},
                {"type": "thinking_delta", "thinking": "m"},
                {"type": "signature_delta", "signature": "EqQB"},
            ),
            *block(1, {"type": "text", "text": ""}, *({"type": "text_delta", "text": text} for text in ("Hel", "lo"))),
            *block(
                2,
                {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}},
                *({"type": "input_json_delta", "partial_json": text} for text in ('{"a', '":[1', "]}")),
            ),
            event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 9}),
            event("message_stop"),
        ]
    )
    assert message == {
        "id": "msg_1",
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 5, "output_tokens": 9},
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "EqQB"},
            {"type": "text", "text": "Hello"},
            {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"a": [1]}},
        ],
    }


def test_an_input_that_was_cut_stays_text_and_a_tool_without_input_keeps_its_own():
    pieces = block(0, {"type": "tool_use", "input": {}}, {"type": "input_json_delta", "partial_json": '{"a":'})
    assert assembled([START, *pieces])["content"][0]["input"] == '{"a":'
    assert assembled([START, *block(0, {"type": "tool_use", "input": {}})])["content"][0]["input"] == {}


def test_nothing_is_made_up_without_a_start_and_the_events_stay_as_they_were():
    assert assembled(block(0, {"type": "text", "text": ""})) is None
    events = [START, *block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "x"})]
    assembled(events)
    assert events[1][1]["content_block"] == {"type": "text", "text": ""}


@given(anthropic_stream())
def test_however_a_text_is_split_the_message_has_it_whole(drawn):
    events, texts = drawn
    assert [block["text"] for block in assembled(events)["content"]] == texts
