from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError

from harness.traffic import scenario_yaml
from harness.traffic.scenario_schema import ScenarioTree, json_schema

SCENARIOS = Path(__file__).parents[3] / "scenarios"
SCRIPTED = {"format": 1, "title": "t", "source": "scripted", "steps": [{"request": {"method": "GET", "path": "/"}}]}


def valid(tree: object) -> bool:
    return bool(jsonschema.Draft202012Validator(json_schema()).is_valid(tree))


def test_the_schema_for_editors_is_the_one_that_is_read_with() -> None:
    stored = (SCENARIOS / "scenario.schema.json").read_text(encoding="utf-8")
    assert stored == json.dumps(json_schema(), indent=2) + "\n", "write it anew: python -m harness schema"


@pytest.mark.parametrize("client", sorted(path.name for path in SCENARIOS.iterdir() if path.is_dir()))
def test_scenarios_of_every_client_are_valid(client: str) -> None:
    smallest = sorted((SCENARIOS / client).glob("*.yaml"), key=lambda path: path.stat().st_size)[:5]
    assert smallest
    for path in smallest:
        assert valid(scenario_yaml.load(path.read_text(encoding="utf-8"), str(path))), path


def test_what_no_scenario_file_may_say_is_not_valid() -> None:
    assert valid(SCRIPTED)
    assert not valid({**SCRIPTED, "expected": {}})
    assert not valid({**SCRIPTED, "format": 2})
    assert not valid({**SCRIPTED, "steps": []})
    assert not valid({**SCRIPTED, "steps": [{"request": {"method": "GET", "path": "/", "headers": {"a": 1}}}]})


def test_a_character_that_json_escapes_in_two_halves_is_one_in_a_text_and_stays_escaped_in_a_tree() -> None:
    said = ['"text": "\\ud83d\\ude00"', '"json": ["\\ud83d\\ude00", "\\ud83d"]']
    steps = ", ".join(f'{{"request": {{"method": "POST", "path": "/", {body}}}}}' for body in said)
    text = f'{{"format": 1, "title": "t", "source": "scripted", "steps": [{steps}]}}'
    scenario = ScenarioTree.model_validate(scenario_yaml.load(text, "file")).scenario("c", "n")
    assert [each.request.body for each in scenario.steps] == ["\U0001f600".encode(), b'["\\ud83d\\ude00","\\ud83d"]']


@pytest.mark.parametrize(
    "said", [{"text": "\ud83d"}, {"events": [{"raw": "\ud83d"}]}, {"events": [{"data": "\ud83d"}]}]
)
def test_half_a_character_that_nothing_can_carry_is_refused(said: object) -> None:
    step = {"request": {"method": "GET", "path": "/"}, "upstream": [said]}
    with pytest.raises(ValidationError, match="half a character"):
        ScenarioTree.model_validate({**SCRIPTED, "steps": [step]})
