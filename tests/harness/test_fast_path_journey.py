"""The fast path under generated sequences: nothing differs; and what is planted in it is found.

The sequences are the same ones each time: see `SEED`. `nox -s fuzz -- --fast-path` plays many others.
"""

import asyncio
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.fast_path_journey import WITHOUT, FastPathPlan, fuzz_fast_path, replay_sequence, require_evidence
from harness.model import Request, Scenario, Step
from harness.settings import read_settings
from harness.traffic import scenario_file
from harness.trials.fast_path.spelled import to_bytes
from harness.upstream import anthropic_wire
from harness.verdict.declared import read_declarations

ROOT = Path(__file__).parents[2]
SEED = 20
BODY = {"model": "fuzz-claude", "max_tokens": 16, "messages": [{"role": "user", "content": "Hello."}]}
PLAIN = anthropic_wire.reply(anthropic_wire.message([anthropic_wire.text("Hi.")]))
FAULTS = {  # of `faulty_proxy`, and a part of the paths of what is seen then
    "stale-headers": "/upstream/*/request/headers",
    "shapes-ignored": "/upstream/*/request/body",
    "null-is-infinity": "/upstream/*/request",
}


def plan(fault=None, **options):
    settings = read_settings(ROOT / "harness.toml", {})
    if fault is not None:
        sdk = settings.target("sdk")
        [process] = sdk.processes
        python, _, _, *given = process.command
        command = (python, "-m", "tests.harness.trials.fast_path.faulty_proxy", fault, *given)
        faulty = sdk.model_copy(update={"processes": (process.model_copy(update={"command": command}),)})
        settings = settings.model_copy(update={"targets": {**settings.targets, "sdk": faulty}})
    options = {"baseline_share": 0, "workers": 8, "shrink_seconds": 5.0, **options}
    return FastPathPlan(settings, read_declarations(settings.differences), seed=SEED, **options)


def play(plan, folder):
    return asyncio.run(fuzz_fast_path(plan, folder, print))


def test_the_fast_path_answers_as_litellm_does(tmp_path):
    tree = play(plan(sequences=40, baseline_share=10), tmp_path)
    assert tree["differences"] == []
    assert tree["sequences"] == 40
    assert tree["calls"] > 200
    assert tree["beside_the_baseline"] > 0


@pytest.mark.parametrize(
    ("found", "told"),
    [({"sequences": 9}, "only 9 of 10"), ({"unsteady": 2}, "were not seen again"), ({"noisy": 2}, "from itself in 2")],
)
def test_a_run_that_shows_nothing_is_no_judgement(found, told):
    tree = {"sequences": 10, "unsteady": 1, "noisy": 1, "beside_the_baseline": 10, "differences": []}
    require_evidence(tree, plan(sequences=10, baseline_share=1))
    with pytest.raises(HarnessError, match=told):
        require_evidence({**tree, **found}, plan(sequences=10, baseline_share=1))


def test_differences_are_a_judgement_however_few_sequences_were_played():
    require_evidence({"sequences": 1, "differences": [{}]}, plan(sequences=10))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_fast_path_is_found(fault, tmp_path):
    tree = play(plan(fault, sequences=400, stops_at=FAULTS[fault]), tmp_path)
    found = [each for each in tree["differences"] if FAULTS[fault] in " ".join(each["paths"])]
    assert {each["beside"] for each in found} == {WITHOUT}
    assert scenario_file.read(tmp_path / found[0]["file"]).steps


def test_a_sequence_that_was_found_can_be_played_again(tmp_path):
    request = Request("POST", "/v1/messages", (("Authorization", "Bearer <key>"),), to_bytes(BODY))
    refused = anthropic_wire.error_reply(400, "No.")
    steps = tuple(Step(request, (reply,)) for reply in (PLAIN, PLAIN, PLAIN, refused))
    file = tmp_path / "found" / "refused.yaml"
    scenario_file.write(Scenario("found/refused", "found", "The fourth is refused", "scripted", (), steps), file)
    found = {
        fault: asyncio.run(replay_sequence(plan(fault, sequences=1), file, tmp_path, print))["differences"]
        for fault in ("asked-twice", None)
    }
    assert [each["steps"] for each in found["asked-twice"]] == [4]
    assert found[None] == []
