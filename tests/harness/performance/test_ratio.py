import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.performance.ratio import Judged, noise_of, ratio

figures = st.lists(st.floats(0.1, 100), min_size=2, max_size=6)


@pytest.mark.parametrize(
    ("candidate", "lower", "verdict"),
    [
        ([5.0, 5.1, 4.9], True, Judged.BETTER),
        ([5.0, 5.1, 4.9], False, Judged.WORSE),
        ([20.0, 21.0, 19.0], True, Judged.WORSE),
        ([20.0, 21.0, 19.0], False, Judged.BETTER),
        ([10.0, 10.1, 9.9], True, Judged.EQUAL),
        ([5.0, 10.0, 20.0], True, Judged.INCONCLUSIVE),
    ],
)
def test_a_verdict_needs_more_than_the_noise(candidate, lower, verdict) -> None:
    judged = ratio([10.0, 10.2, 9.9, 10.1], candidate, lower_is_better=lower)
    assert judged is not None and judged.verdict is verdict


def test_a_noisy_baseline_proves_nothing() -> None:
    judged = ratio([10.0, 20.0, 10.0, 20.0], [9.0, 8.0, 7.0])
    assert judged is not None and judged.verdict in (Judged.INCONCLUSIVE, Judged.EQUAL)


@given(figures)
def test_nothing_is_better_or_worse_than_itself(same: list[float]) -> None:
    judged = ratio(same, same)
    assert judged is not None
    assert judged.value == 1
    assert judged.low <= 1 <= judged.high
    assert judged.verdict in (Judged.EQUAL, Judged.INCONCLUSIVE)


@given(figures, figures, st.integers(0, 9))
def test_the_same_figures_give_the_same_verdict(baseline, candidate, seed) -> None:
    assert ratio(baseline, candidate, seed=seed) == ratio(baseline, candidate, seed=seed)


@pytest.mark.parametrize("baseline", [[], [0.0, 1.0]])
def test_there_is_no_ratio_to_nothing(baseline) -> None:
    assert ratio(baseline, [1.0]) is None


def test_noise_is_the_furthest_from_one() -> None:
    assert noise_of([10.0, 11.0, 10.0]) == pytest.approx(0.1)
    assert noise_of([3.0]) == 0


def test_nothing_is_as_much_as_nothing() -> None:
    judged = ratio([0.0, 0.0], [0.0])
    assert judged is not None and (judged.value, judged.verdict) == (1.0, Judged.EQUAL)
