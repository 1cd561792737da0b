from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import Picks, main
from harness.model import Must, Request, Scenario, Step
from harness.traffic.scenario_schema import json_schema

ALL = Picks("", None, None, last_failed=False)
SCENARIO = Scenario("vscode/tool-loop", "vscode", "A title", "scripted", ("chat", "tools"), ())


@pytest.mark.parametrize(
    ("picks", "taken"),
    [
        (ALL, True),
        (Picks("tool", "vscode", "tools", last_failed=False), True),
        (Picks("stream", None, None, last_failed=False), False),
        (Picks("", "curl", None, last_failed=False), False),
        (Picks("", None, "tool", last_failed=False), False),
    ],
)
def test_scenarios_are_picked_by_id_client_and_what_they_are_about(picks: Picks, taken: bool) -> None:
    assert picks.take(SCENARIO) is taken


def test_what_must_hold_is_left_out_where_only_two_gateways_are_compared() -> None:
    step = Step(Request("GET", "/"), must=(Must("/client/0/response/status", "equals", 200),))
    scenario = replace(SCENARIO, steps=(step,))
    assert ALL.made(scenario) == scenario
    assert replace(ALL, without_musts=True).made(scenario).steps == (replace(step, must=()),)


def test_the_schema_for_editors_can_be_printed() -> None:
    said = CliRunner().invoke(main, ["schema"])
    assert (said.exit_code, json.loads(said.output)) == (0, json_schema())


def test_a_recording_is_not_written_over_unless_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "live" / "session.yaml"
    file.parent.mkdir()
    file.write_text("made before")
    said = CliRunner().invoke(main, ["record", str(file), "--to", "http://127.0.0.1:1", "--listen", "0"])
    assert said.exit_code == 2
    assert "--update" in said.output
    assert file.read_text() == "made before"


def test_without_a_last_run_nothing_of_it_can_be_picked(tmp_path: Path) -> None:
    few = ("--scenarios", str(Path(__file__).with_name("recordings")))
    said = CliRunner().invoke(main, ["parity", "--last-failed", "--reports", str(tmp_path), *few])
    assert said.exit_code == 2
    assert "name the folder of a run" in said.output.replace("\n", " ")
