from __future__ import annotations

from harness.model import Difference, Outcome, Scenario, Verdict
from harness.verdict.shadowed import Tally


def scenario(number: int) -> Scenario:
    return Scenario(f"shadow/{number}", "shadow", "title", "recorded", (), ())


def verdict(outcome: Outcome, *paths: str) -> Verdict:
    return Verdict("shadow/1", outcome, unexplained=tuple(Difference(path, 1, 2) for path in paths))


def test_calls_that_differ_alike_are_counted_and_the_first_ones_are_examples():
    tally = Tally()
    kept = [tally.judged(scenario(n), verdict(Outcome.DIFFERENT, f"/upstream/{n}/request/body/a")) for n in range(5)]
    assert kept == [True, True, True, False, False]
    assert tally.judged(scenario(9), verdict(Outcome.DIFFERENT, "/client/0/response/status"))
    assert tally.tree()["ways"][0] == {"outcome": "different", "places": ["/upstream/*/request/body/a"], "calls": 5}


def test_calls_that_are_the_same_are_counted_and_nothing_else():
    tally = Tally()
    assert not tally.judged(scenario(1), verdict(Outcome.SAME))
    assert (tally.examples, tally.tree()["outcomes"], tally.exit_code) == ([], {"same": 1}, 0)


def test_the_exit_code_says_whether_a_call_differs_or_none_could_be_judged():
    tally = Tally()
    tally.not_judged["the shadow was behind"] += 3
    assert tally.exit_code == 2
    tally.judged(scenario(1), verdict(Outcome.NOISY, "/client/0/response/status"))
    assert tally.exit_code == 2
    tally.judged(scenario(1), verdict(Outcome.ALLOWED))
    assert tally.exit_code == 0
    tally.judged(scenario(1), verdict(Outcome.DIFFERENT, "/client/0/response/status"))
    assert tally.exit_code == 1
    cosmetic = Tally()
    cosmetic.judged(scenario(1), verdict(Outcome.COSMETIC, "/client/0/response/capitals"))
    assert cosmetic.exit_code == 1


def test_what_was_not_judged_is_told_with_the_reason():
    tally = Tally()
    tally.judged(scenario(1), verdict(Outcome.SAME))
    tally.not_judged["the shadow was behind"] += 2
    assert tally.told() == "1 calls judged: 1 same; 2 not judged: 2 because the shadow was behind"
