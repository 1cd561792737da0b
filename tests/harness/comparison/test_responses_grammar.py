import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.comparison.responses_grammar import violations
from harness.event_stream import parse
from harness.model import Send
from harness.upstream import responses_wire
from tests.harness.comparison.strategies import JSON


def streamed(*output):
    """What the simulated upstream streams of that output: (name, data) pairs."""
    reply = responses_wire.stream_reply(responses_wire.response([*output], "gpt-5", 1), 1)
    events, _ = parse(b"".join(act.data for act in reply.acts if isinstance(act, Send)))
    return [(event.event, json.loads(event.data)) for event in events]


TEXT = streamed(responses_wire.message("Hello there", 1))


def index_of(kind):
    return next(number for number, (_, data) in enumerate(TEXT) if data["type"] == kind)


def without(kind):
    return TEXT[: index_of(kind)] + TEXT[index_of(kind) + 1 :]


def test_a_well_formed_stream_has_no_violations():
    assert [*violations(TEXT)] == []


def test_event_names_may_be_left_out():
    assert [*violations([("", data) for _, data in TEXT])] == []


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("response.created", "response.in_progress before response.created"),
        ("response.output_item.added", "which is not open"),
        ("response.content_part.added", "which is not open"),
        ("response.content_part.done", "while its part 0 is open"),
        ("response.output_item.done", "while output 0 is open"),
    ],
)
def test_an_event_that_is_lost_is_a_violation(kind, told):
    assert told in "; ".join(violations(without(kind)))


@pytest.mark.parametrize("kind", ["response.created", "response.output_item.added", "response.content_part.added"])
def test_an_event_that_comes_twice_is_a_violation(kind):
    number = index_of(kind)
    assert [*violations(TEXT[: number + 1] + TEXT[number:])]


def test_nothing_but_done_may_follow_the_end():
    assert [*violations([*TEXT, ("", "[DONE]")])] == []
    late = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "x"}
    assert [*violations([*TEXT, ("", late)])]


def test_sequence_numbers_grow():
    numbered = [(name, {**data, "sequence_number": number}) for number, (name, data) in enumerate(TEXT)]
    assert [*violations(numbered)] == []
    assert "after" in "; ".join(violations([numbered[0], (numbered[1][0], {**numbered[1][1], "sequence_number": 0})]))


def test_an_error_ends_the_stream_at_any_time():
    assert [*violations([*TEXT[:3], ("error", {"type": "error", "message": "overloaded"})])] == []


@given(st.lists(st.tuples(st.sampled_from(["", "error", "response.created"]), JSON)))
def test_whatever_comes_is_judged(events):
    assert all(wrong.startswith("event ") for wrong in violations(events))
