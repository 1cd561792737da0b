import json

import pytest

from harness.model import Reply, Send, Wait
from harness.trials.leaving import WINDOWS, Case, cases, late, measured, silent
from harness.upstream.autoplay import answer

STREAM = Reply(200, (), acts=(Send(b"1"), Send(b"2"), Send(b"3"), Send(b"4")))


def test_every_route_provider_and_window_is_a_case() -> None:
    assert len(set(cases())) == 3 * 3 * 3


def test_the_upstream_falls_silent_in_the_window() -> None:
    before_headers, before_event, mid_stream = (silent(STREAM, window) for window in WINDOWS)
    assert isinstance(before_headers.before[0], Wait) and before_headers.acts == STREAM.acts
    assert before_event.acts is not None and isinstance(before_event.acts[0], Wait)
    assert mid_stream.acts is not None and [isinstance(act, Wait) for act in mid_stream.acts] == [0, 0, 1, 0, 0]


@pytest.mark.parametrize("case", cases())
def test_a_case_asks_for_a_stream_and_gets_one(case: Case) -> None:
    reply = answer(case.upstream_request())
    (step,) = case.scenario("a-key", 1, reply).steps
    assert json.loads(step.request.body)["stream"] is True
    assert reply.status == 200 and reply.acts and step.replies == (silent(reply, case.window),)


def test_two_rounds_are_told_apart_by_their_words() -> None:
    case = cases()[0]
    assert _words(case, 1) != _words(case, 2)


def _words(case: Case, number: int) -> bytes:
    return case.scenario("a-key", number, STREAM).steps[0].request.body


def test_what_takes_too_long_or_never_ends_is_late() -> None:
    case = cases()[0]
    soon, slow, never = (measured(case, times) for times in ([3.0, 99.9], [3.0, 100.1], [3.0, None]))
    assert [*late([soon, slow, never])] == [slow, never]
    assert (soon["median_ms"], never["not_cancelled"]) == (51.5, 1)
