import pytest

from harness.model import LateStreams
from harness.verdict.lateness import excess_of, is_suspicious


@pytest.mark.parametrize(
    ("late", "suspicious"),
    [
        (LateStreams(400), False),
        (LateStreams(400, 0, 2), False),
        (LateStreams(400, 0, 3), True),
        (LateStreams(400, 30, 15), False),  # a busy machine
        (LateStreams(400, 9, 35), True),
    ],
)
def test_a_first_look_asks_for_replays_where_the_candidate_is_late_more_often(
    late: LateStreams, suspicious: bool
) -> None:
    assert is_suspicious(late) is suspicious


@pytest.mark.parametrize(
    "late", [LateStreams(), LateStreams(60, 0, 4), LateStreams(120, 5, 5), LateStreams(120, 8, 4), LateStreams(9, 9, 0)]
)
def test_what_chance_may_do_is_no_excess(late: LateStreams) -> None:
    assert excess_of(late) is None


@pytest.mark.parametrize("late", [LateStreams(60, 0, 6), LateStreams(120, 2, 12), LateStreams(60, 0, 60)])
def test_what_chance_does_not_is_told_with_its_numbers(late: LateStreams) -> None:
    found = excess_of(late)
    assert found is not None
    assert found.sense == "late streams"
    assert found.told.startswith(f"{late.candidate} of {late.streams} streams came late on the candidate alone; ")
    assert f"; {late.baseline} of {2 * late.streams} on" in found.told


def test_one_target_of_three_alike_is_seldom_taken_for_a_late_one() -> None:
    """All ways in which ten late streams can fall on three targets, each as likely as the other."""
    alarms = sum(
        excess_of(LateStreams(120, 10 - sum(falls), sum(falls))) is not None
        for falls in ([(ways // 3**place) % 3 == 0 for place in range(10)] for ways in range(3**10))
    )
    assert alarms / 3**10 < 0.005
