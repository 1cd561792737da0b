import json
from dataclasses import replace

import pytest

from harness.performance.connection import Outcome
from harness.performance.ledger import Ledger
from harness.performance.ratio import Judged
from harness.performance.report import HEADER, load_markdown, load_tree, rows
from harness.performance.sampling import Sample
from harness.performance.window import METRICS, Window, compared, disturbed, figures


def window(role: str = "baseline", slow: float = 1.0, failing: int = 0) -> Window:
    ledger = Ledger(promised=0.52)
    for _ in range(10):
        ledger.add("streamed", True, Outcome(2.0 * slow, 0.3 * slow, (0.02, 0.02), 9, None))
        ledger.add("whole", False, Outcome(0.4 * slow, None, (), 9, None))
    for _ in range(failing):
        ledger.add("whole", False, Outcome(1.0, None, (), 0, "HTTP 503"))
    samples = (Sample(0.0, 100_000_000, 1.0, 10, 4, 2), Sample(10.0, 200_000_000, 1.0 + slow, 12, 5, 2))
    return Window("binary", role, 10.0, ledger, samples, generator=0.3, foreign=0.0, peak=50)


def test_the_figures_of_a_window() -> None:
    found = figures(window())
    assert found["cpu"] == pytest.approx(50)  # 1 s of processor, 20 calls
    assert found["ttft p95"] == pytest.approx(300)
    assert found["whole p95"] == pytest.approx(400)
    assert found["throughput"] == pytest.approx(2)
    assert found["goodput"] == pytest.approx(2)
    assert found["rss"] == pytest.approx(200)
    assert (found["errors"], found["files"]) == (0, 12)
    assert found.keys() == METRICS.keys()


def test_an_error_is_no_throughput() -> None:
    found = figures(window(failing=5))
    assert found["errors"] == pytest.approx(20)
    assert found["throughput"] == pytest.approx(2)


def test_half_the_time_is_better_and_twice_is_worse() -> None:
    baseline = [window(), window("baseline again")]
    assert compared(baseline, [window(slow=0.5)] * 2)["ttft p95"].verdict is Judged.BETTER  # type: ignore[union-attr]
    assert compared(baseline, [window(slow=2.0)] * 2)["cpu"].verdict is Judged.WORSE  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, None),
        ({"foreign": 0.5}, "other programs"),
        ({"generator": 0.95}, "generator"),
        ({"ledger": Ledger()}, "no call"),
    ],
)
def test_a_window_that_was_disturbed_says_so(change, said) -> None:
    found = disturbed(replace(window(), **change))
    assert found is None if said is None else said in (found or "")


def test_the_report_has_every_metric_and_what_it_was_measured_with() -> None:
    tree = load_tree([window(), window("baseline again")], [window("candidate", 0.5)], {"users": 50})
    assert json.loads(json.dumps(tree)) == tree
    assert [one["metric"] for one in tree["metrics"]] == [*METRICS]
    assert tree["measured_as"] == {"users": 50}
    assert all(len(row) == len(HEADER) for row in rows(tree))
    assert "| ttft p95 | ms | 300 | 150 | 0.50 |" in load_markdown(tree)


def test_a_figure_that_is_not_there_is_null_with_a_reason() -> None:
    empty = replace(window(), ledger=Ledger())
    cpu = load_tree([empty, empty], [empty], {})["metrics"][0]
    assert (cpu["baseline"], cpu["ratio"], cpu["verdict"]) == (None, None, "inconclusive")
    assert cpu["reason"]
