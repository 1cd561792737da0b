from dataclasses import replace

import pytest

from harness.performance.connection import Outcome
from harness.performance.generator import Claim, Held, generator_tree
from harness.performance.ledger import Ledger
from harness.performance.sampling import Sample
from harness.performance.window import Window

CLAIM = Claim(streams=1000, between=0.1)


def window(gap: float = 0.1, late: float = 0.001, failing: int = 0, used: float = 3.0) -> Window:
    ledger = Ledger()
    for _ in range(100):
        ledger.add("streamed", True, Outcome(1.0, 0.3, (gap,) * 9, 9, None))
        ledger.lag.add(late)
    for _ in range(failing):
        ledger.add("streamed", True, Outcome(1.0, None, (), 9, "cut"))
    samples = (Sample(0.0, 1, 0.0, 1, 1, 1), Sample(10.0, 1, used, 1, 1, 1))
    return Window("pass-through", "candidate", 10.0, ledger, samples, 0.4, 0.0, peak=1000, upstream=0.2)


def test_streams_that_come_at_the_upstreams_pace_are_held() -> None:
    tree = generator_tree(CLAIM, window())
    assert (tree["verdict"], tree["streams_held"], tree["itl_p50_ms"]) == (Held.YES, 1000, 100)
    assert (tree["generator_cores"], tree["upstream_cores"], tree["pass_through_cores"]) == (0.4, 0.2, 0.3)


@pytest.mark.parametrize(
    ("seen", "verdict", "why"),
    [
        (replace(window(), peak=700), Held.NO, "700 streams were in flight, not 1000"),
        (window(failing=1), Held.NO, "1 of 101 streams failed: cut"),
        (window(gap=0.2, late=0.1), Held.NO, "the load generator was 100 ms late"),
        (replace(window(gap=0.2), generator=0.8), Held.NO, "used 1.00 cores"),
        (window(gap=0.2, used=9.8), Held.UNKNOWN, "the pass-through used its whole core"),
        (replace(window(gap=0.2), foreign=0.5), Held.UNKNOWN, "other programs used 0.50 cores"),
    ],
)
def test_what_is_not_held_says_whose_limit_it_was(seen: Window, verdict: Held, why: str) -> None:
    tree = generator_tree(CLAIM, seen)
    assert tree["verdict"] == verdict
    assert why in tree["why"]
