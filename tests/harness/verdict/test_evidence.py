from dataclasses import replace

import pytest

from harness.model import Json, Reply, Request, Scenario, Step
from harness.verdict.evidence import missing_evidence

ASKED = Request("POST", "/v1/messages")
SCENARIO = Scenario(
    "curl/one", "curl", "One", "scripted", (), (Step(ASKED, (Reply(), Reply())), Step(ASKED, (Reply(),)))
)


def seen(*unused: str, status: int = 400, body: Json = "no") -> Json:
    client: dict[str, Json] = {str(n): {"response": {"status": status, "body": body}} for n in range(2)}
    return {"client": client, "upstream": [], "effects": {"unused": [*unused]}}


@pytest.mark.parametrize("unused", [(), ("step 0 reply 1",)])
def test_a_step_that_asked_for_some_of_its_replies_is_evidence(unused: tuple[str, ...]) -> None:
    assert missing_evidence(SCENARIO, seen(*unused)) is None


def test_a_step_that_asked_for_none_of_its_replies_says_what_was_answered_instead() -> None:
    told = missing_evidence(SCENARIO, seen("step 1 reply 0", body={"error": "bad"}))
    assert told == (
        'no evidence: the baseline called no provider for the replies of step 1: it answered 400, {"error": "bad"}'
    )


def test_several_steps_are_counted_and_long_answers_cut() -> None:
    told = missing_evidence(SCENARIO, seen("step 0 reply 0", "step 0 reply 1", "step 1 reply 0", body="x" * 1000)) or ""
    assert "the replies of step 0 (nor for those of 1 more)" in told
    assert len(told) < 320


@pytest.mark.parametrize("model", ["gpt-4.1", "my model"])
def test_a_model_that_litellm_does_not_know_is_named(model: str) -> None:
    words = f"/messages: Invalid model name passed in model={model}. Call `/v1/models` to view available models"
    told = missing_evidence(SCENARIO, seen("step 0 reply 0", body={"error": {"message": words}})) or ""
    assert told.endswith(f"of step 0: it does not know the model {model!r} (400)")


def test_a_scenario_that_says_why_nothing_is_asked_for_is_as_it_should_be() -> None:
    meant = replace(SCENARIO, without_calls="The gateway refuses the body before it calls.")
    assert missing_evidence(meant, seen("step 0 reply 0")) is None


def test_a_step_that_expects_no_call_needs_none() -> None:
    without = replace(SCENARIO, steps=(Step(ASKED),))
    assert missing_evidence(without, seen()) is None


def test_a_step_that_was_not_answered_at_all_is_no_evidence_either() -> None:
    tree: Json = {"client": {"0": {"failure": {"kind": "cut"}}}, "effects": {"unused": ["step 0 reply 0"]}}
    assert (missing_evidence(SCENARIO, tree) or "").endswith("it gave no answer")
