import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from harness.model import Cut, Must, Reply, Request, Scenario, Send, Step, Wait, WaitForClient
from harness.traffic.mutated import mutated
from harness.traffic.scenario_file import read, write
from tests.library import library

SCENARIOS = Path(__file__).parents[3] / "scenarios"
BODY = {"model": "gpt-5", "messages": [{"role": "user", "content": "Hello"}]}
ASKS = Request("POST", "/v1/chat/completions", (), json.dumps(BODY).encode())
EVENTS = tuple(Send(b'data: {"n": %d}\n\n' % number) for number in range(4))
STREAM = Reply(acts=(*EVENTS[:2], WaitForClient(1), *EVENTS[2:]))
MUST = (Must("/client/0/response/status", "equals", 200),)


def one(*steps: Step, covers: tuple[str, ...] = ()) -> Scenario:
    return Scenario("curl/one", "curl", "One", "scripted", covers, steps)


def test_one_seed_makes_the_same_scenarios_and_another_one_others():
    library = [one(Step(ASKS, (STREAM,)))]
    assert mutated(library, 20, 1) == mutated(library, 20, 1) != mutated(library, 20, 2)


def test_the_mistake_comes_after_two_answers_as_they_should_be():
    for each in mutated([one(Step(ASKS, (STREAM,), MUST))], 50, 3):
        first, second, third = each.steps
        assert first == second
        assert first.replies[0].acts == EVENTS
        assert third.request == first.request
        assert not any(step.must for step in each.steps)


def test_what_was_said_before_a_cut_has_time_to_arrive():
    for each in mutated([one(Step(ASKS, (replace(STREAM, acts=(*STREAM.acts, Cut("fin"))),)))], 20, 3):
        for step in each.steps:
            acts = step.replies[0].acts
            place = acts.index(Cut("fin"))
            assert acts[place - 1] == Wait(0.5)


def test_most_mistakes_are_mistakes():
    made = mutated([one(Step(ASKS, (STREAM,))), one(Step(ASKS, (Reply(body=b'{"a": {"b": 1}}'),)))], 200, 4)
    assert sum(each.steps[2].replies != each.steps[0].replies for each in made) > 150


def test_each_has_an_id_and_words_of_its_own():
    made = mutated([one(Step(ASKS, (STREAM,)))], 30, 5)
    assert Counter(each.id for each in made).most_common(1)[0][1] == 1
    assert len({each.steps[0].request.body for each in made}) == 30


@pytest.mark.parametrize(
    "unfit",
    [
        one(Step(ASKS, ())),
        one(Step(ASKS, (Reply(500),))),
        one(Step(ASKS, (STREAM, STREAM))),
        one(Step(ASKS, (STREAM,), leave_after=1)),
        one(Step(ASKS, (STREAM,)), covers=("cookies",)),
        one(Step(Request("GET", "/v1/models"), (STREAM,))),
    ],
)
def test_what_is_about_more_than_one_answer_is_left_alone(unfit):
    assert mutated([unfit], 3, 6) == ()


def test_no_index_is_so_high_that_a_gateway_counts_for_ever():
    indexed = Reply(acts=(Send(b'data: {"index": 0}\n\n'),))
    made = mutated([one(Step(ASKS, (indexed,)))], 300, 9)
    said = {act.data for each in made for act in each.steps[2].replies[0].acts or () if isinstance(act, Send)}
    assert b'data: {"index":"odd \xc3\xa9\xf0\x9f\x98\x80"}\n\n' in said
    assert not any(b'"index":1000' in each for each in said)


def test_a_stream_that_is_cut_stays_cut():
    (made,) = mutated([one(Step(ASKS, (Reply(acts=(*EVENTS, Cut("fin"))),)))], 1, 7)
    assert all(step.replies[0].acts[-1] == Cut("fin") for step in made.steps)


def test_of_the_library_a_hundred_can_be_written_and_read(tmp_path):
    for each in mutated(library(), 100, 8):
        path = tmp_path / f"{each.id}.yaml"
        path.parent.mkdir(exist_ok=True)
        write(each, path)
        assert read(path).steps == each.steps
