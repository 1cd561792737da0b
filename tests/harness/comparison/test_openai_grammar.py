import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.comparison.openai_grammar import violations
from tests.harness.comparison.strategies import JSON
from tests.harness.comparison.streams import openai_stream


def chunk(delta, finish=None, index=0, **more):
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return "", {"id": "c1", "object": "chat.completion.chunk", "model": "m", "choices": [choice], **more}


def call(index, **more):
    return chunk({"tool_calls": [{"index": index, **more}]})


ROLE = chunk({"role": "assistant", "content": ""})
WORD = chunk({"content": "a"})
TOOL = call(0, id="call_1", type="function", function={"name": "f", "arguments": ""})
PIECE = call(0, function={"arguments": "{}"})
FINISH = chunk({}, "stop")
USAGE = "", {**FINISH[1], "choices": [{"index": 0, "delta": {}}], "usage": {"total_tokens": 1}}
DONE = "", "[DONE]"
ERROR = "", {"error": {"message": "overloaded"}}
OTHER = chunk({"role": "assistant", "content": "b"}, index=1)


@pytest.mark.parametrize(
    "stream",
    [
        [ROLE, WORD, WORD, FINISH, DONE],
        [chunk({"role": "assistant", "content": "a"}), FINISH, USAGE, DONE],
        [ROLE, FINISH, ("", {**USAGE[1], "choices": []}), DONE],
        [ROLE, TOOL, PIECE, chunk({}, "tool_calls"), DONE],
        [ROLE, OTHER, WORD, FINISH, chunk({}, "stop", index=1), DONE],
        [ROLE, WORD, ERROR],
        [ROLE, WORD],
        [],
    ],
)
def test_a_stream_in_order_has_no_violation(stream):
    assert list(violations(stream)) == []


@pytest.mark.parametrize(
    ("stream", "wrong"),
    [
        ([WORD], "event 0: content for choice 0, which is fresh"),
        ([ROLE, FINISH, WORD], "event 2: content for choice 0, which is finished"),
        ([ROLE, FINISH, FINISH], "event 2: a finish_reason for choice 0, which is finished"),
        ([ROLE, DONE], "event 1: [DONE] while choice 0 has no finish_reason"),
        ([ROLE, FINISH, DONE, DONE], "event 3: something after [DONE]"),
        ([ROLE, ERROR, DONE], "event 2: something after an error"),
        ([ROLE, ("", {**WORD[1], "id": "c2"})], "event 1: another id than in the first chunk"),
        ([ROLE, ("", {**WORD[1], "model": "n"})], "event 1: another model than in the first chunk"),
        ([ROLE, PIECE], "event 1: tool call 0 of choice 0 begins without its id and name"),
        ([("message_start", ROLE[1])], "event 0: is called message_start: these streams have no event names"),
        ([ROLE, ("", "text")], "event 1: its data is not a JSON object"),
        ([("", {**ROLE[1], "choices": [{"delta": {}}]})], "event 0: a choice without an index"),
    ],
)
def test_a_stream_out_of_order_says_which_event_and_why(stream, wrong):
    assert next(iter(violations(stream))) == wrong


def test_an_id_that_changes_again_is_named_each_time():
    odd = [("", {**WORD[1], "id": f"c{i}"}) for i in range(3)]
    assert len(list(violations([ROLE, *odd, FINISH, DONE]))) == 2


@given(openai_stream(), st.integers(0, 30))
def test_every_beginning_of_a_whole_stream_is_in_order(drawn, end):
    events, _ = drawn
    assert [*violations(events[:end])] == []


@given(openai_stream(), st.data())
def test_a_role_or_a_finish_reason_that_is_lost_is_a_violation(drawn, data):
    events, _ = drawn

    def says(number, word):
        _, chunk = events[number]
        return isinstance(chunk, dict) and word in str(chunk["choices"][0])

    number = data.draw(st.sampled_from([n for n in range(len(events)) if says(n, "role") or says(n, "finish_reason")]))
    assert [*violations([*events[:number], *events[number + 1 :]])]


@given(openai_stream())
def test_nothing_can_come_after_done(drawn):
    events, _ = drawn
    assert [*violations([*events, events[0]])]


@given(st.lists(st.tuples(st.sampled_from(["", "error", "ping"]), JSON)))
def test_whatever_comes_is_judged(events):
    assert all(wrong.startswith("event ") for wrong in violations(events))
