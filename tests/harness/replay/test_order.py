import json
from random import Random

import pytest

from harness.model import Reply, Scenario, Step, Wait
from harness.replay.order import planned, shuffled
from tests.harness.wire import post, scenario


def says(text: str, *replies: Reply, model: str = "a", name: str = "") -> Scenario:
    request = post(json.dumps({"model": model, "prompt": text}).encode())
    return scenario(Step(request, replies), name=name or text)


def names(scenarios: list[Scenario], seed: int, concurrency: int) -> list[str]:
    return [each.id.removeprefix("client/") for each in planned(scenarios, seed, concurrency).scenarios]


MANY = [says(f"Number {number}.") for number in range(20)]


def test_a_seed_gives_one_order_however_the_scenarios_were_found() -> None:
    assert shuffled(MANY, 7) == shuffled(reversed(MANY), 7)
    assert shuffled(MANY, 7) != shuffled(MANY, 8)


@pytest.mark.parametrize("concurrency", [1, 8])
def test_the_order_of_starts_is_the_seeds_and_holds_everything_once(concurrency: int) -> None:
    scenarios = [*MANY, *(says("The same.", Reply(429), name=str(n)) for n in range(5)), says("No.", Reply(404))]
    first = names(scenarios, 7, concurrency)
    assert first == names(Random(1).sample(scenarios, len(scenarios)), 7, concurrency)
    assert first != names(scenarios, 8, concurrency)
    assert sorted(first) == sorted(each.id.removeprefix("client/") for each in scenarios)


def test_what_takes_long_starts_first() -> None:
    assert names([*MANY, says("Wait.", Reply(before=(Wait(9),)))], 1, 8)[0] == "Wait."


def test_what_must_be_alone_comes_last() -> None:
    assert names([says("Cookie.", Reply(200, (("set-cookie", "a=b"),))), *MANY], 1, 8)[-1] == "Cookie."


def test_others_start_while_a_model_rests() -> None:
    others = [says(f"Other {number}.", model="b") for number in range(3)]
    order = names([says("Fail.", Reply(404)), says("After."), *others], 1, 1)
    assert (order[0], order[-1]) == ("Fail.", "After.")


def test_what_says_the_same_is_spread_between_the_others() -> None:
    twins = [says("The same.", Reply(), name=f"twin {number}") for number in range(2)]
    order = names([*twins, *MANY], 1, 2)
    first, second = (order.index(twin.id.removeprefix("client/")) for twin in twins)
    assert abs(first - second) > 1
