import pytest

from harness.model import Absent, Broken, Difference, Must, Outcome, Role, Verdict
from harness.verdict.senses import leaks, sense_of, senses


@pytest.mark.parametrize(
    ("path", "sense"),
    [
        ("/client/0/response/status", "status"),
        ("/client/12/response/headers/retry-after", "headers"),
        ("/client/0/response/stream/events/3/data/usage", "events"),
        ("/client/0/response/stream/grammar/0", "grammar"),
        ("/client/0/response/stream/bursts", "arrival"),
        ("/client/0", "answer"),
        ("/upstream/0/request/headers/cookie", "upstream headers"),
        ("/upstream/1", "upstream calls"),
        ("/effects/calls/0", "upstream calls"),
        ("/effects/aborted/0", "cancellation"),
    ],
)
def test_a_place_has_the_name_of_its_sense(path, sense):
    assert sense_of(Difference(path, 1, 2)) == sense


def test_the_order_of_headers_is_not_the_order_of_keys():
    assert sense_of(Difference("/upstream/0/request/headers", ["a"], ["b"], order=True)) == "header order"
    assert sense_of(Difference("/upstream/0/request/body/tools/0", ["a"], ["b"], order=True)) == "key order"


@pytest.mark.parametrize(
    ("baseline", "candidate", "leaking"),
    [
        (Absent.ABSENT, "Bearer <key>", True),
        ("invalid key", {"error": ["the key <OPENAI_API_KEY> is wrong"]}, True),
        ("<OPENAI_API_KEY>", "<ANTHROPIC_API_KEY>", True),
        ("<OPENAI_API_KEY>", Absent.ABSENT, False),
        ("<OPENAI_API_KEY>", "Bearer <OPENAI_API_KEY>", False),
        ("<id 1>", "<html><BR></html>", False),
    ],
)
def test_a_secret_that_only_the_candidate_shows_has_leaked(baseline, candidate, leaking):
    assert leaks(Difference("/client/0/response/body/error/message", baseline, candidate)) is leaking


def test_the_senses_of_a_verdict_are_those_that_nobody_declared_and_the_candidates_broken_musts():
    must = Must("/client/0/response/status", "equals", 200)
    found = (Difference("/client/0/response/status", 200, 500), Difference("/effects/calls/0", 1, 2))
    allowed = ((Difference("/client/0/failure/kind", "cut", "left"), None),)
    broken = (Broken(Role.BASELINE, must, 500), Broken(Role.CANDIDATE, must, 500))
    verdict = Verdict("a/b", Outcome.DIFFERENT, allowed, found, broken=broken)
    assert senses(verdict) == ("status", "upstream calls", "must")
    assert senses(Verdict("a/b", Outcome.ALLOWED, broken=broken[:1])) == ()
