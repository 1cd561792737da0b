import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.gate.line import METRICS, Figure, GateVerdict, Judged, Line, below, share, spread, verdict_of


def lines(**other: Judged) -> list[Line]:
    return [Line(name, 1, "", other.get(name.replace(" ", "_"), Judged.PASSED), "", "") for name in METRICS]


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (lines(), GateVerdict.READY),
        (lines(memory=Judged.FAILED), GateVerdict.NOT_READY),
        (lines(memory=Judged.INCONCLUSIVE), GateVerdict.INCONCLUSIVE),
        (lines(memory=Judged.INCONCLUSIVE, latency_p95=Judged.FAILED), GateVerdict.NOT_READY),
        (lines()[1:], GateVerdict.INCONCLUSIVE),
        ([], GateVerdict.INCONCLUSIVE),
    ],
)
def test_one_failed_line_is_enough_for_no_and_nothing_missing_is_ever_a_yes(found, verdict) -> None:
    assert verdict_of(found) is verdict


@pytest.mark.parametrize(
    ("value", "noise", "judged"),
    [
        (400, 10, Judged.PASSED),
        (515, 10, Judged.INCONCLUSIVE),
        (525, 10, Judged.INCONCLUSIVE),
        (530, 10, Judged.FAILED),
        (520, 0, Judged.FAILED),
    ],
)
def test_a_figure_within_its_noise_of_the_limit_is_no_judgement(value, noise, judged) -> None:
    assert below(Figure(value, noise), 520) is judged


@given(st.integers(1, 5000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_a_share_lies_between_none_and_all_with_its_noise(counts: tuple[int, int]) -> None:
    figure = share(*counts)
    assert 0 <= figure.value <= 100
    assert figure.noise >= 0
    assert figure.value + figure.noise <= 100 + 1e-6


def test_no_failure_in_few_calls_proves_less_than_in_many() -> None:
    assert share(0, 50).noise > 2 > share(0, 2000).noise > 0
    assert share(0, 0).noise == 100


def test_the_noise_is_the_spread_of_the_parts_and_never_nothing() -> None:
    assert spread(400, [390, 410]).noise == 20
    assert spread(400, [400, 400]).noise == pytest.approx(4)
