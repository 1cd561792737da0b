import pytest

from harness.model import Footprint, Role
from harness.verdict.footprint import excesses

MIB = 1024 * 1024


def footprint(role=Role.CANDIDATE, start=10.0, grown=20, requests=100, leaks=(), files=10, connections=12, calls=100):
    return Footprint(role, start, 300 * MIB, (300 + grown) * MIB, requests, leaks, 40, 40 + files, calls, connections)


BASELINES = (footprint(Role.BASELINE), footprint(Role.AGAIN, start=12.0))


@pytest.mark.parametrize(
    ("candidate", "sense"),
    [
        (footprint(start=28.0), "start time"),
        (footprint(grown=120), "memory"),
        (footprint(leaks=("sdk-proxy.log: <OPENAI_API_KEY>",)), "secrets in logs"),
        (footprint(files=100), "descriptors"),
        (footprint(connections=100), "upstream connections"),
    ],
)
def test_what_a_candidate_does_worse_beyond_the_noise_is_named(candidate, sense):
    assert [each.sense for each in excesses((*BASELINES, candidate))] == [sense]


@pytest.mark.parametrize(
    "candidate",
    [
        footprint(),
        footprint(start=26.0),
        footprint(grown=85),
        footprint(grown=-50),
        footprint(grown=120, requests=5),  # too few to have a rate
        footprint(files=50),
        footprint(files=-30),
        footprint(connections=33),
        footprint(connections=5, calls=5),  # the first calls have nothing to use again
    ],
)
def test_what_noise_explains_is_no_finding(candidate):
    assert excesses((*BASELINES, candidate)) == ()


def test_what_the_baseline_leaks_is_not_the_candidates_doing():
    assert excesses((footprint(Role.BASELINE, leaks=("litellm.log: <key>",)), footprint())) == ()


def test_without_a_baseline_nothing_can_be_slow_but_a_secret_is_one_all_the_same():
    assert [each.sense for each in excesses((footprint(start=99.0, leaks=("a.log: <key>",)),))] == ["secrets in logs"]
