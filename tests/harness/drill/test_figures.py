import pytest

from harness.drill.clients import Answered
from harness.drill.figures import Line, at_most, failed, pauses, quantile, tree, within

WHOLE = Answered(began=1.0, ended=2.0, first=0.35, gap=0.9, streams=False, wrong=None)
STREAM = Answered(began=3.0, ended=9.0, first=0.31, gap=0.5, streams=True, wrong=None)
CUT = Answered(began=4.0, ended=5.0, first=0.3, gap=9.0, streams=True, wrong="the connection ended")


def test_a_pause_is_what_the_upstream_did_not_make() -> None:
    assert pauses([WHOLE, STREAM, CUT], lambda streams: 0.3 if streams else 0.32, between=0.1) == pytest.approx(
        [0.03, 0.4]
    )


def test_only_what_was_open_meanwhile_tells_of_a_change() -> None:
    assert within([WHOLE, STREAM, CUT], 2.5, 3.5) == [STREAM]
    assert within([WHOLE, STREAM, CUT], 1.5, 4.5) == [WHOLE, STREAM, CUT]


def test_what_was_open_at_a_kill_is_the_killed_ones_own() -> None:
    assert failed([WHOLE, CUT]) == ["the connection ended"]
    assert failed([WHOLE, CUT], killed=4.5) == []
    assert failed([WHOLE, CUT], killed=3.5) == ["the connection ended"]


def test_the_nearest_rank() -> None:
    assert (quantile([3.0, 1.0, 2.0], 0.99), quantile([3.0, 1.0, 2.0], 0.5), quantile([], 0.5)) == (3.0, 2.0, None)


@pytest.mark.parametrize(
    ("values", "verdict"), [([1.0, 2.0], "passed"), ([1.0, 3.0], "failed"), ([1.0, None], "inconclusive")]
)
def test_a_drill_has_passed_when_all_was_measured_and_held(values: list[float | None], verdict: str) -> None:
    lines = [at_most("x", 2, value, "s", "so") for value in values]
    assert tree(lines)["verdict"] == verdict
    assert lines[0] == Line("x", "<= 2 s", 1.0, "s", met=True, measured_as="so")
