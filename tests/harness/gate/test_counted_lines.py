from typing import Any

import pytest

from harness.gate.counted_lines import Driven, client_line, cookie_lines, parity_line, untouched_line
from harness.gate.line import Judged


def cookies(**change: Any) -> dict[str, Any]:
    def phase(challenges: int, **outcomes: int) -> dict[str, Any]:
        return {"requests": 200, "challenges": {"one": challenges}, "outcomes": {"200": 200, **outcomes}}

    return {"phases": [phase(1, **change.pop("outcomes", {})), phase(0)], "problems": [], **change}


def parity(outcomes: tuple[str, ...] = ("same", "allowed"), code: int = 0) -> dict[str, Any]:
    return {
        "exit_code": code,
        "verdict": ("the proxies agree", "the proxies differ", "no judgement is possible")[code],
        "scenarios": [{"id": f"s{n}", "outcome": outcome} for n, outcome in enumerate(outcomes)],
        "totals": {"undeclared": 0},
        "coverage": {"cells": [1, 2], "holes": []},
        "stale_declarations": [],
    }


def sabotage(*outcomes: str) -> dict[str, Any]:
    planted = [{"name": f"flaw {n}", "outcome": outcome} for n, outcome in enumerate(outcomes)]
    return {"planted": planted, "totals": {"planted": len(planted), "caught": outcomes.count("caught")}}


def test_challenges_that_no_client_saw_and_that_the_restart_did_not_repeat_pass() -> None:
    cloudflare, persistence = cookie_lines(cookies(), 0, "e")
    assert (cloudflare.value, cloudflare.verdict) == (0, Judged.PASSED)
    assert (persistence.value, persistence.verdict) == ("works", Judged.PASSED)
    assert persistence.beside["before"] == {"one": 1}


def test_a_503_that_a_client_saw_fails() -> None:
    cloudflare, persistence = cookie_lines(cookies(outcomes={"503": 3}, problems=["started: 3 ended with 503"]), 0, "e")
    assert (cloudflare.value, cloudflare.verdict) == (3, Judged.FAILED)
    assert persistence.verdict is Judged.FAILED


def test_without_a_challenge_or_a_restart_nothing_was_measured() -> None:
    quiet = cookies()
    quiet["phases"] = [{**quiet["phases"][0], "challenges": {}}]
    assert {line.verdict for line in cookie_lines(quiet, 0, "e")} == {Judged.INCONCLUSIVE}


@pytest.mark.parametrize(
    ("told", "planted", "verdict", "why"),
    [
        (parity(), sabotage("caught"), Judged.PASSED, ""),
        (parity(("same", "different"), 1), sabotage("caught"), Judged.FAILED, "s1 is different"),
        (parity(), sabotage("caught", "escaped"), Judged.FAILED, "flaw 1: escaped"),
        (parity(), sabotage("did not bite"), Judged.INCONCLUSIVE, "did not bite"),
        (parity(("same", "noisy"), 2), sabotage("caught"), Judged.INCONCLUSIVE, "s1 is noisy"),
        (parity(("same",)), sabotage("caught"), Judged.INCONCLUSIVE, "1 of 2 scenarios"),
        (parity(), sabotage(), Judged.INCONCLUSIVE, "no sabotage"),
        (parity(code=1), sabotage("caught"), Judged.FAILED, "differ"),
    ],
)
def test_parity_is_every_scenario_and_every_sabotage(told, planted, verdict, why) -> None:
    line = parity_line(told, planted, 2, 100.0, "e")
    assert line.verdict is verdict
    assert why in line.why


def test_a_client_that_cannot_be_installed_is_named_and_never_passes() -> None:
    there, gone = Driven("curl", "curl 7", 9, ()), Driven("pycharm", "", 0, (), "there is no mvn")
    line = client_line([there, gone], ["curl", "pycharm"], 100.0, "e")
    assert (line.value, line.verdict) == (100, Judged.INCONCLUSIVE)
    assert "pycharm: there is no mvn" in line.why
    assert client_line([there], ["curl"], 100.0, "e").verdict is Judged.PASSED
    assert "pycharm was not driven" in client_line([there], ["curl", "pycharm"], 100.0, "e").why


def test_a_situation_that_went_wrong_fails_whoever_else_is_missing() -> None:
    line = client_line([Driven("curl", "curl 7", 10, ("curl/chat: exit code 22, not 0",))], ["curl", "x"], 100.0, "e")
    assert (line.value, line.verdict) == (90, Judged.FAILED)
    assert line.why.startswith("curl/chat")


def test_what_has_changed_is_named() -> None:
    assert untouched_line([], "m").verdict is Judged.PASSED
    assert untouched_line(["schema.py has changed"], "m").why == "schema.py has changed"
