from hypothesis import given

from harness.comparison.openai_message import assembled
from tests.harness.comparison.streams import openai_stream


def chunk(delta, finish=None, index=0, **more):
    return "", {"id": "c1", "choices": [{"index": index, "delta": delta, "finish_reason": finish}], **more}


def call(index, **more):
    return chunk({"tool_calls": [{"index": index, **more}]})


def test_texts_and_parallel_tool_calls_are_put_together_from_their_pieces():
    completion = assembled(
        [
            chunk({"role": "assistant", "content": "Hel"}),
            chunk({"content": "lo"}),
            call(0, id="call_1", type="function", function={"name": "f", "arguments": ""}),
            call(1, id="call_2", type="function", function={"name": "g", "arguments": "{"}),
            call(0, type="function", function={"arguments": '{"a":'}),
            call(0, function={"arguments": "1}"}),
            chunk({}, "tool_calls"),
            ("", {"id": "c1", "choices": [], "usage": {"total_tokens": 7}}),
            ("", "[DONE]"),
        ]
    )
    calls = [
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}},
        {"index": 1, "id": "call_2", "type": "function", "function": {"name": "g", "arguments": "{"}},
    ]
    message = {"role": "assistant", "content": "Hello", "tool_calls": calls}
    assert completion == {
        "id": "c1",
        "usage": {"total_tokens": 7},
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
    }


def test_two_choices_do_not_mix():
    completion = assembled([chunk({"content": "a"}), chunk({"content": "x"}, index=1), chunk({"content": "b"})])
    assert [choice["message"]["content"] for choice in completion["choices"]] == ["ab", "x"]


def test_an_error_is_no_part_of_the_message_and_no_chunk_is_no_message():
    assert assembled([("", {"error": {}})]) is None
    assert assembled([chunk({"content": "a"}), ("", {"error": {}})])["choices"][0]["message"] == {"content": "a"}


@given(openai_stream())
def test_however_texts_are_split_and_mixed_each_choice_has_its_own_whole(drawn):
    events, texts = drawn
    assert [choice["message"]["content"] for choice in assembled(events)["choices"]] == texts
