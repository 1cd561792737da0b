from dataclasses import replace

import pytest

from harness.model import (
    Absent,
    Compared,
    Declaration,
    Difference,
    Kind,
    Must,
    Outcome,
    Reply,
    Request,
    Role,
    Scenario,
    Severity,
    Step,
)
from harness.verdict.judge import holds, judge, value_at

LOST = Difference("/client/0/response/headers/server", "uvicorn", Absent.ABSENT)
WORSE = Difference("/client/0/response/status", 200, 500)
DECLARED = Declaration("server", "**/server", frozenset({Kind.MISSING}), "why", "2026-11-23")
BETTER = Declaration("retry-after", "**/server", frozenset({Kind.MISSING}), "why", "2026-11-23", better=True)
OK = Must("/client/0/response/status", "equals", 200)


def scenario(*must):
    return Scenario(
        "claude-code/plain", "claude-code", "A title", "scripted", (), (Step(Request("POST", "/"), must=must),)
    )


def seen(baseline=200, candidate=200, found=(), noise=(), problem=None):
    trees = {
        role: {"client": {"0": {"response": {"status": status, "grammar": []}}}}
        for role, status in [(Role.BASELINE, baseline), (Role.AGAIN, baseline), (Role.CANDIDATE, candidate)]
    }
    return Compared("claude-code/plain", trees, noise, found, problem)


def outcome(compared, declared=(), must=(OK,)):
    return judge(scenario(*must), compared, declared).outcome


def test_nothing_found_is_the_same():
    assert outcome(seen()) is Outcome.SAME


def test_a_difference_is_declared_or_unexplained():
    verdict = judge(scenario(), seen(found=(LOST, WORSE)), (DECLARED,))
    assert verdict.allowed == ((LOST, DECLARED),)
    assert verdict.unexplained == (WORSE,)
    assert verdict.outcome is Outcome.DIFFERENT
    assert outcome(seen(found=(LOST,)), (DECLARED,)) is Outcome.ALLOWED


def test_a_difference_that_no_client_can_see_is_cosmetic_unless_another_is_not():
    capitals = Difference("/client/0/response/capitals/0", Absent.ABSENT, "X-A")
    assert outcome(seen(found=(capitals,))) is Outcome.COSMETIC
    assert outcome(seen(found=(capitals, LOST)), (DECLARED,)) is Outcome.COSMETIC
    assert outcome(seen(found=(capitals, WORSE))) is Outcome.DIFFERENT
    assert outcome(seen(candidate=500, found=(capitals,))) is Outcome.DIFFERENT
    (found,) = judge(scenario(), seen(found=(capitals,)), ()).unexplained
    assert found.severity is Severity.COSMETIC


def test_replies_that_the_baseline_did_not_ask_for_break_the_scenario_whatever_else_was_found():
    asking = replace(scenario(), steps=(Step(Request("POST", "/"), (Reply(),)),))
    compared = seen(found=(WORSE,))
    compared.trees[Role.BASELINE]["effects"] = {"unused": ["step 0 reply 0"]}
    verdict = judge(asking, compared, ())
    assert (verdict.outcome, verdict.unexplained) == (Outcome.BROKEN, (WORSE,))
    assert verdict.problem.startswith("no evidence: ")


def test_the_first_declaration_that_covers_a_difference_explains_it():
    verdict = judge(scenario(), seen(found=(LOST,)), (DECLARED, BETTER))
    assert [declaration.id for _, declaration in verdict.allowed] == ["server"]


def test_a_declaration_explains_only_where_its_condition_is_true():
    said = replace(DECLARED, when=(("/candidate/response/status", "^200$"),))
    lost = Difference("/client/0/response/headers/server", "uvicorn", Absent.ABSENT)
    assert outcome(seen(found=(lost,)), (said,)) is Outcome.ALLOWED
    assert outcome(seen(candidate=500, found=(lost,)), (said,), must=()) is Outcome.DIFFERENT


def call(step=0, key="<ANTHROPIC_API_KEY>", **headers):
    request = {"method": "POST", "path": "/v1/messages", "headers": {"x-api-key": key, **headers}}
    return {"step": step, "request": request, "outcome": {"status": 200}}


CHALLENGED = Declaration("challenged", "/upstream/*", frozenset({Kind.EXTRA}), "why", "2026-11-23")
CLEARED = call(cookie="cf_clearance=a")


@pytest.mark.parametrize(
    ("again", "path", "judged"),
    [
        (CLEARED, "/upstream/1", Outcome.ALLOWED),
        (call(cookie="key=<ANTHROPIC_API_KEY>"), "/upstream/1", Outcome.DIFFERENT),
        (call(authorization="<ANTHROPIC_API_KEY>"), "/upstream/1", Outcome.DIFFERENT),
        (call(key="<OPENAI_API_KEY>"), "/upstream/1", Outcome.DIFFERENT),
        (call(step=1), "/upstream/1", Outcome.DIFFERENT),
        (CLEARED, "/upstream/1/request", Outcome.DIFFERENT),
        (CLEARED, "/upstream/2", Outcome.DIFFERENT),
    ],
)
def test_the_keys_of_a_call_are_no_leak_where_it_is_sent_again_as_it_was_but_for_its_cookies(again, path, judged):
    found = Difference(path, Absent.ABSENT, again)
    trees = {role: {"upstream": [call()]} for role in (Role.BASELINE, Role.AGAIN)}
    compared = Compared("a", {**trees, Role.CANDIDATE: {"upstream": [call(), again]}}, (), (found,))
    everything = replace(CHALLENGED, where="/upstream/**")
    assert judge(scenario(), compared, (everything,)).outcome is judged


def test_a_baseline_that_differs_from_itself_is_noisy_whatever_the_candidate_does():
    assert outcome(seen(found=(WORSE,), noise=(LOST,))) is Outcome.NOISY


def test_a_problem_is_broken_even_without_trees():
    assert outcome(Compared("claude-code/plain", problem="candidate: died")) is Outcome.BROKEN


def test_a_must_that_only_the_candidate_breaks_makes_it_different():
    verdict = judge(scenario(OK), seen(candidate=500), ())
    assert verdict.outcome is Outcome.DIFFERENT
    assert [(broken.role, broken.found) for broken in verdict.broken] == [(Role.CANDIDATE, 500)]


def test_a_must_that_both_break_says_that_they_are_equally_wrong():
    assert outcome(seen(baseline=500, candidate=500)) is Outcome.BROKEN


def test_a_must_that_only_the_baseline_breaks_needs_a_declaration_that_says_better():
    assert outcome(seen(baseline=500, found=(LOST,))) is Outcome.BROKEN
    assert outcome(seen(baseline=500, found=(LOST,)), (DECLARED,)) is Outcome.BROKEN
    assert outcome(seen(baseline=500, found=(LOST,)), (BETTER,)) is Outcome.ALLOWED


def test_a_better_declaration_does_not_excuse_another_must_that_both_break():
    other = Must("/client/0/response/grammar", "equals", ["x"])
    assert outcome(seen(baseline=500, found=(LOST,)), (BETTER,), (OK, other)) is Outcome.BROKEN


@pytest.mark.parametrize(
    ("check", "value", "found", "passes"),
    [
        ("equals", 200, 200, True),
        ("equals", 200, 200.0, False),
        ("equals", 1, True, False),
        ("equals", {"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ("equals", [], [], True),
        ("equals", None, None, True),
        ("equals", None, Absent.ABSENT, False),
        ("absent", None, Absent.ABSENT, True),
        ("absent", None, None, False),
        ("matches", "^4", 429, True),
        ("matches", "over.*ed", "is overloaded", True),
        ("matches", "over", "fine", False),
        ("matches", "", Absent.ABSENT, False),
        ("matches", '"a": 1', {"a": 1}, True),
    ],
)
def test_a_must_checks_the_value_with_its_type(check, value, found, passes):
    assert holds(Must("/x", check, value), found) is passes


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/a/0/b", 1),
        ("/a/1", Absent.ABSENT),
        ("/a/-1", Absent.ABSENT),
        ("/a/x", Absent.ABSENT),
        ("/x~1y", None),
        ("/x~1y/z", Absent.ABSENT),
        ("", {"a": [{"b": 1}], "x/y": None}),
    ],
)
def test_a_path_finds_its_value_or_nothing(path, value):
    assert value_at({"a": [{"b": 1}], "x/y": None}, path) == value
