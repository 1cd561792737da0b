import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.performance.shapes import DURATIONS, SHAPES


@pytest.mark.parametrize("name", SHAPES)
@given(part=st.floats(0, 1), most=st.integers(1, 1000))
def test_there_is_always_somebody_and_never_more_than_asked_for(name: str, part: float, most: int) -> None:
    whole = DURATIONS[name]
    assert 1 <= SHAPES[name](part * whole, whole, most) <= most


def test_a_ramp_rises_to_the_most() -> None:
    users = [SHAPES["ramp"](second, 120.0, 50) for second in range(120)]
    assert users == sorted(users)
    assert (users[0], users[-1]) == (5, 50)


def test_a_burst_comes_again_and_again() -> None:
    assert [SHAPES["burst"](at, 60.0, 50) for at in (0, 9, 10, 19, 20, 30)] == [10, 10, 50, 50, 10, 50]
