from harness.model import Absent, Compared, Difference, Outcome, Role
from harness.verdict.replayed import judge_replayed
from tests.harness.verdict.test_judge import scenario

COST = "/client/0/response/headers/cost"
LOST = Difference(COST, "0.1", Absent.ABSENT)
GAINED = Difference(COST, Absent.ABSENT, "0.1")
WORSE = Difference("/client/0/response/status", 200, 500)
TREES = {role: {"client": {"0": {"response": {"status": 200}}}} for role in Role}


def pair(attempt, *found, noise=()):
    return Compared("claude-code/plain", TREES, noise, found, attempt=attempt)


def judged(*pairs):
    return judge_replayed(scenario(), pairs, ())


def test_what_was_played_once_is_judged_as_ever():
    assert judged(pair(0, noise=(LOST,))).outcome is Outcome.NOISY
    assert judged(pair(0, WORSE)).outcome is Outcome.DIFFERENT


def test_the_candidate_may_do_what_the_baseline_was_seen_to_do():
    verdict = judged(pair(0, LOST, noise=(GAINED,)), pair(0), pair(1), pair(1, GAINED))
    assert (verdict.outcome, verdict.replays, verdict.noise) == (Outcome.SAME, 1, ())


def test_a_difference_that_the_candidate_shows_once_counts():
    verdict = judged(pair(0), pair(0), pair(1, WORSE), pair(1, WORSE), pair(2), pair(2))
    assert (verdict.outcome, verdict.unexplained, verdict.replays) == (Outcome.DIFFERENT, (WORSE,), 2)


def test_a_difference_is_none_of_chance_because_something_else_is():
    verdict = judged(pair(0, WORSE, noise=(LOST,)), pair(0, WORSE, LOST), pair(1, WORSE), pair(1, WORSE))
    assert (verdict.outcome, verdict.unexplained) == (Outcome.DIFFERENT, (WORSE,))


def test_a_difference_where_the_baseline_differs_from_itself_is_no_judgement():
    other = Difference(COST, "0.1", "0.2")
    verdict = judged(pair(0, other, noise=(LOST,)), pair(0, other), pair(1), pair(1))
    assert (verdict.outcome, verdict.noise) == (Outcome.NOISY, (LOST,))
