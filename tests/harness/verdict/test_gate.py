from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from harness.model import (
    Absent,
    Broken,
    Declaration,
    Difference,
    Judgement,
    Kind,
    Must,
    Outcome,
    Role,
    Verdict,
)
from harness.verdict.gate import gate

TODAY = date(2026, 11, 23)
LOST = Difference("/client/0/response/headers/server", "uvicorn", Absent.ABSENT)
USED = Declaration("used", "/client/**", frozenset({Kind.MISSING}), "why", "2026-11-23")
MUST = Must("/client/0/response/status", "equals", 200)


def judgement(*verdicts):
    return Judgement("run", 1, 2.0, (), (), verdicts, 3, 4, Path("reports"))


def verdict(outcome=Outcome.ALLOWED, allowed=((LOST, USED),), broken=()):
    return Verdict("claude-code/plain", outcome, allowed, broken=broken)


def gated(declared, *verdicts, today=TODAY, whole=True):
    return gate(judgement(*verdicts), declared, today, whole=whole)


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([Outcome.SAME, Outcome.ALLOWED], 0),
        ([Outcome.SAME, Outcome.DIFFERENT], 1),
        ([Outcome.DIFFERENT, Outcome.NOISY], 2),
        ([Outcome.BROKEN], 2),
        ([], 2),
    ],
)
def test_the_worst_outcome_decides_and_no_outcome_is_no_judgement(outcomes, code):
    assert gated([], *(verdict(outcome, allowed=()) for outcome in outcomes)).exit_code == code


def test_declarations_that_are_true_change_nothing():
    found = gated([USED], verdict())
    assert found.stale == ()
    assert found.exit_code == 0


@pytest.mark.parametrize(
    ("declared", "what"),
    [
        (replace(USED, id="other", where="/effects/**"), "unused"),
        (replace(USED, id="other", until="2026-11-22"), "expired"),
        (replace(USED, id="other", where=LOST.path), "shadowed"),
    ],
)
def test_a_declaration_that_is_no_longer_true_fails_the_run(declared, what):
    found = gated([USED, declared], verdict())
    assert (what, declared) in found.stale
    assert found.exit_code == 1


def test_of_picked_scenarios_nobody_can_say_that_a_declaration_is_unused():
    assert gated([USED, replace(USED, id="other", where="/effects/**")], verdict(), whole=False).exit_code == 0


def test_an_improvement_needs_a_must_that_only_the_baseline_breaks():
    better = replace(USED, better=True)
    claimed = verdict(allowed=((LOST, better),))
    proven = replace(claimed, broken=(Broken(Role.BASELINE, MUST, 500),))
    neither = replace(proven, broken=(*proven.broken, Broken(Role.CANDIDATE, MUST, 500)))
    assert gated([better], claimed).unproven == (better,)
    assert gated([better], neither).unproven == (better,)
    assert gated([better], claimed, proven).unproven == ()
