import json

import pytest

from harness.model import Reply, Request, Scenario, Step
from harness.replay.schedule import REST, Schedule, cools, models_of, shuffled
from tests.harness.wire import post, scenario


def on(model: str, *statuses: int, name: str = "") -> Scenario:
    request = post(json.dumps({"model": model}).encode())
    return scenario(Step(request, tuple(Reply(status) for status in statuses)), name=name or model)


@pytest.mark.parametrize(("status", "cooling"), [(200, False), (400, False), (401, True), (404, True), (500, False)])
def test_only_what_litellm_cools_down_after_makes_a_model_rest(status: int, cooling: bool) -> None:
    assert cools(on("a", 200, status)) is cooling


def test_the_models_are_those_that_the_requests_name() -> None:
    bodies = [b'{"model":"a"}', b'{"model":"b"}', b"not JSON", b"[]", b'{"model":1}', b"", b"[" * 100_000]
    assert models_of(scenario(*(Step(post(body)) for body in bodies))) == {"a", "b"}
    assert models_of(scenario(Step(Request("GET", "/v1/models")))) == frozenset()


def test_a_seed_gives_one_order_however_the_scenarios_were_found() -> None:
    scenarios = [on("a", name=str(number)) for number in range(20)]
    assert shuffled(scenarios, 7) == shuffled(reversed(scenarios), 7)
    assert shuffled(scenarios, 7) != shuffled(scenarios, 8)


def test_a_model_rests_after_a_failure_and_others_are_taken_meanwhile() -> None:
    again, other, failing = on("a", 200), on("b", 200), on("a", 404, name="failing")
    schedule = Schedule([again, other, failing])
    assert schedule.take(100) == failing
    schedule.done(failing, 101)
    assert schedule.take(101) == other
    schedule.done(other, 102)
    assert schedule.take(102) is None
    assert schedule.pause(102) == pytest.approx(REST - 1)
    assert schedule.take(101 + REST) == again
    assert schedule.waiting == []


def test_two_scenarios_on_one_model_are_never_played_at_once() -> None:
    first, second, third = on("a", name="1"), on("a", name="2"), on("b", name="3")
    schedule = Schedule([first, second, third])
    assert [schedule.take(0), schedule.take(0), schedule.take(0)] == [first, third, None]
    assert schedule.pause(0) is None
    schedule.done(first, 1)
    assert schedule.take(1) == second
