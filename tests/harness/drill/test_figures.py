import pytest

from harness.drill.clients import Answered
from harness.drill.figures import Line, Window, at_most, failed, growth, pauses, quantile, tree, within

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


def answered(at: float, waited: float, wrong: str | None = None) -> Answered:
    return Answered(at, at + 1, 0.3 + waited, 0.0, streams=False, wrong=wrong)


def grown(*waits: float) -> Line:
    """By windows in turns, with the shadow first: what each client waited in each, in ms beyond the upstream."""
    windows: list[Window] = [(number % 2 == 0, number, number + 1) for number in range(len(waits))]
    answers = [answered(number + 0.5, wait / 1000) for number, wait in enumerate(waits)]
    return growth(windows, [*answers, answered(0.5, 9.0, wrong="cut")], lambda _: 0.3, 3)


@pytest.mark.parametrize(
    ("waits", "added", "met"),
    [
        ((12.0, 10.0, 13.0, 11.0), 2.0, True),
        ((15.0, 10.0, 16.0, 11.0), 5.0, False),
        ((12.0, 10.0, 22.0, 20.0), 2.0, None),  # as much without it, from one window to the next
        ((12.0, 10.0), 2.0, None),  # nothing says how much it is without it
    ],
)
def test_what_a_shadow_adds_is_told_where_the_machine_does_not_move_as_much(
    waits: tuple[float, ...], added: float, met: bool | None
) -> None:
    line = grown(*waits)
    assert line.value == pytest.approx(added) and line.met is met


def test_a_window_without_an_answer_tells_nothing() -> None:
    windows: list[Window] = [(True, 0, 1), (False, 1, 2), (True, 2, 3), (False, 3, 4)]
    assert growth(windows, [answered(0.5, 0.01)], lambda _: 0.3, 3).met is None


@pytest.mark.parametrize(
    ("values", "verdict"), [([1.0, 2.0], "passed"), ([1.0, 3.0], "failed"), ([1.0, None], "inconclusive")]
)
def test_a_drill_has_passed_when_all_was_measured_and_held(values: list[float | None], verdict: str) -> None:
    lines = [at_most("x", 2, value, "s", "so") for value in values]
    assert tree(lines)["verdict"] == verdict
    assert lines[0] == Line("x", "<= 2 s", 1.0, "s", met=True, measured_as="so")
