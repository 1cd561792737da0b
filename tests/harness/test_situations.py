from __future__ import annotations

import json
from collections import Counter

from harness.situations import ALL
from tests.library import library

CLIENTS = {situation.id.partition("/")[0] for situation in ALL}


def test_every_situation_was_recorded_and_its_client_has_no_other_scenario() -> None:
    recorded = {scenario.id: (scenario.title, scenario.covers) for scenario in library() if scenario.client in CLIENTS}
    assert recorded == {situation.id: (situation.title, situation.covers) for situation in ALL}


def test_no_recorded_scenario_holds_what_the_situations_say() -> None:
    words = ("gateway", "numbers", "tools work", "apples", "somebody")
    for scenario in library():
        if scenario.client in CLIENTS:
            for step in scenario.steps:
                assert not any(word.encode() in step.request.body for word in words), scenario.id


def test_no_two_situations_of_the_sdk_clients_ask_the_same() -> None:
    asked = Counter(
        json.dumps(run) for situation in ALL if situation.answers for run in situation.runs if run[0][:1] == "{"
    )
    assert asked
    assert set(asked.values()) == {1}
