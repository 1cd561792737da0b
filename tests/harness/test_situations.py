from __future__ import annotations

from pathlib import Path

from harness.situations import ALL
from harness.traffic.scenario_file import read_all

CLIENTS = {situation.id.partition("/")[0] for situation in ALL}
SCENARIOS = read_all(Path(__file__).parents[2] / "scenarios")


def test_every_situation_was_recorded_and_its_client_has_no_other_scenario() -> None:
    recorded = {scenario.id: (scenario.title, scenario.covers) for scenario in SCENARIOS if scenario.client in CLIENTS}
    assert recorded == {situation.id: (situation.title, situation.covers) for situation in ALL}


def test_no_recorded_scenario_holds_what_the_situations_say() -> None:
    words = ("gateway", "numbers", "tools work", "apples")
    for scenario in SCENARIOS:
        if scenario.client in CLIENTS:
            for step in scenario.steps:
                assert not any(word.encode() in step.request.body for word in words), scenario.id
