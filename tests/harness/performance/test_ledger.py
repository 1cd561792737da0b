import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.performance.connection import Outcome
from harness.performance.ledger import Ledger, Times, ledger_of, tree_of

seconds = st.floats(0, 100).map(lambda value: round(value, 4))
outcomes = st.builds(
    Outcome,
    total=seconds,
    ttft=st.none() | seconds,
    gaps=st.lists(seconds, max_size=3).map(tuple),
    size=st.integers(0, 9),
    failure=st.none() | st.sampled_from(["HTTP 503", "cut"]),
)
calls = st.lists(st.tuples(st.sampled_from(["a", "b"]), outcomes), max_size=20)


def ledger(made: list[tuple[str, Outcome]]) -> Ledger:
    kept = Ledger()
    for name, outcome in made:
        kept.add(name, name == "a", outcome)
    return kept


@given(st.lists(seconds, min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_the_nearest_rank(times: list[float], share: float) -> None:
    kept = Times()
    for time in times:
        kept.add(time)
    rank = max(1, math.ceil(round(len(times) * share * 1e6) / 1e6))
    assert kept.percentile(share) == pytest.approx(sorted(times)[rank - 1], abs=1e-4)


def test_without_times_there_is_no_percentile() -> None:
    assert Times().percentile(0.95) is None


@given(calls, calls)
def test_two_generators_measure_what_one_would(first, second) -> None:
    both = ledger(first)
    both.merge(ledger(second))
    assert tree_of(both) == tree_of(ledger(first + second))


@given(calls)
def test_what_is_written_is_what_is_read(made) -> None:
    tree = json.loads(json.dumps(tree_of(ledger(made))))
    assert tree_of(ledger_of(tree)) == tree_of(ledger(made))


@given(calls)
def test_all_rows_together_lose_no_call_and_count_whole_answers_apart_from_streams(made) -> None:
    kept = ledger(made)
    whole = kept.together()
    assert whole.calls == len(made)
    assert whole.failed == sum(outcome.failure is not None for _, outcome in made)
    assert whole.total.count == sum(name == "b" and outcome.failure is None for name, outcome in made)


@pytest.mark.parametrize(
    ("streams", "ttft", "total", "failure", "good"),
    [
        (True, 0.5, 9.0, None, True),
        (True, 0.53, 0.53, None, False),
        (False, 0.1, 0.53, None, False),
        (False, 0.1, 0.5, None, True),
        (True, 0.1, 0.2, "cut", False),
    ],
)
def test_good_is_what_is_right_and_begins_in_time(streams, ttft, total, failure, good) -> None:
    assert Ledger(promised=0.52).add("x", streams, Outcome(total, ttft, (), 1, failure)) is good
