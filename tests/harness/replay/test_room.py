import json

import pytest

from harness.model import Reply, Request, Scenario, Step
from harness.replay.room import REST, Room, apart, cools, models_of, shows_cooldowns
from tests.harness.wire import post, scenario


def on(model: str, *replies: Reply, says: str = "") -> Scenario:
    request = post(json.dumps({"model": model, "prompt": says or f"This is {model}."}).encode())
    return scenario(Step(request, replies), name=says or model)


@pytest.mark.parametrize(
    ("status", "cooling"), [(200, False), (307, True), (400, False), (401, True), (404, True), (500, False)]
)
def test_only_what_litellm_cools_down_after_makes_a_model_rest(status: int, cooling: bool) -> None:
    assert cools(on("a", Reply(), Reply(status))) is cooling


def test_the_models_are_those_that_the_requests_name() -> None:
    bodies = [b'{"model":"a"}', b'{"model":"b, c"}', b"not JSON", b"[]", b'{"model":1}', b"", b"[" * 100_000]
    assert models_of(scenario(*(Step(post(body)) for body in bodies))) == {"a", "b", "c"}
    assert models_of(scenario(Step(Request("GET", "/v1/models")))) == frozenset()
    assert models_of(scenario(Step(Request("POST", "/openai/deployments/a/chat/completions?api-version=1")))) == {"a"}
    assert models_of(scenario(Step(Request("POST", "/engines/b/embeddings")))) == {"b"}


def test_a_name_of_claude_codes_picker_is_the_model_behind_it() -> None:
    bodies = [b'{"model":"claude-opus-4-8[1M]"}', b'{"model":"claude-router-6770742d352d6d696e69"}']
    assert models_of(scenario(*(Step(post(body)) for body in bodies))) == {"claude-opus-4-8", "gpt-5-mini"}


def met(*scenarios: Scenario) -> bool:
    """Whether the last is admitted beside the others."""
    room = Room(apart(scenarios))
    for one in scenarios[:-1]:
        room.enter(one)
    return room.admits(scenarios[-1], now=0)


def test_what_can_be_told_apart_is_played_at_once_on_one_model() -> None:
    assert met(on("a", Reply(), says="apples"), on("a", Reply(500), says="oranges"))


def test_what_says_the_same_is_not() -> None:
    assert not met(on("a", Reply(), says="apples"), on("b", Reply(), says="apples and pears"))


def test_a_model_that_is_about_to_rest_is_used_by_nobody_else() -> None:
    assert not met(on("a", Reply(), says="apples"), on("a", Reply(404), says="oranges"))
    assert not met(on("a", Reply(404), says="apples"), on("a", Reply(), says="oranges"))


@pytest.mark.parametrize(
    "lonely",
    [
        on("b", Reply(200, (("Set-Cookie", "a=b"),)), says="pears"),
        scenario(Step(Request("GET", "/v1/models"), (Reply(),)), name="list"),
    ],
    ids=["a cookie", "a call without words"],
)
def test_what_would_be_seen_in_others_is_played_alone(lonely: Scenario) -> None:
    assert not met(on("a", says="apples"), lonely)
    assert not met(lonely, on("a", says="apples"))
    assert met(lonely)


def test_a_model_rests_after_a_failure_and_others_do_not() -> None:
    failing, again, other = on("a", Reply(404), says="fail"), on("a", says="apples"), on("b", says="pears")
    room = Room(apart([failing, again, other]))
    room.enter(failing)
    assert room.rested(100) is None
    room.leave(failing, 100)
    assert (room.admits(again, 100), room.admits(other, 100)) == (False, True)
    assert room.rested(101) == 100 + REST
    assert room.admits(again, 100 + REST)


def test_a_scenario_that_shows_which_models_rest_is_played_alone_and_only_when_all_have_rested() -> None:
    failing, other = on("a", Reply(404), says="fail"), on("b", says="pears")
    asked = post(json.dumps({"model": "c"}).encode())
    shows = scenario(Step(asked, (Reply(401),)), Step(asked), name="shows")
    assert shows_cooldowns(shows)
    assert not shows_cooldowns(scenario(Step(asked, (Reply(401),)), Step(asked, (Reply(),)), name="asks again"))
    assert not met(shows, other)
    room = Room(apart([failing, shows]))
    room.enter(failing)
    room.leave(failing, 100)
    assert (room.admits(shows, 101), room.admits(shows, 100 + REST)) == (False, True)


def test_what_rests_still_rests_for_who_plays_on_the_same_gateway_next() -> None:
    failing, again = on("a", Reply(404), says="fail"), on("a", says="apples")
    rested: dict[str, float] = {}
    first = Room(apart([failing]), rested)
    first.enter(failing)
    first.leave(failing, 100)
    second = Room(apart([again]), rested)
    assert (second.admits(again, 101), second.admits(again, 100 + REST)) == (False, True)
