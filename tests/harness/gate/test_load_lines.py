from dataclasses import replace

import pytest

from harness.gate.line import CONCURRENT, ERRORS, LATENCY, MEMORY, Judged, Line
from harness.gate.load_lines import Step, Targets, UnderLoad, load_lines
from harness.performance.connection import Outcome
from harness.performance.ledger import Ledger
from harness.performance.sampling import Sample
from harness.performance.window import Window

TARGETS = Targets(errors=2.0, latency=520.0, memory=350.0, concurrent=50)


def window(ttft: float = 0.36, whole: float = 0.32, rss: int = 300_000_000, failing: int = 0, peak: int = 52) -> Window:
    ledger = Ledger()
    for _ in range(200):
        ledger.add("streamed", True, Outcome(2.0, ttft, (0.02,), 9, None))
        ledger.add("whole", False, Outcome(whole, None, (), 9, None))
    for _ in range(failing):
        ledger.add("whole", False, Outcome(1.0, None, (), 0, "HTTP 502"))
    samples = tuple(Sample(20.0 * n, rss, 1.0, 10, 4, 1) for n in range(4))
    return Window("sdk", "candidate", 20.0, ledger, samples, generator=0.3, foreign=0.0, peak=peak)


def judged(seen: UnderLoad) -> dict[str, Line]:
    return {line.metric: line for line in load_lines(seen, TARGETS, "runs/1/gate-load.json")}


def of(one: Window) -> UnderLoad:
    return UnderLoad((one,) * 4, direct=window(0.35, 0.31))


def test_a_target_that_holds_passes_all_four_and_says_what_it_adds() -> None:
    found = judged(of(window()))
    assert {line.verdict for line in found.values()} == {Judged.PASSED}
    assert found.keys() == {ERRORS, LATENCY, MEMORY, CONCURRENT}
    assert found[LATENCY].value == pytest.approx(360)
    assert found[LATENCY].beside["ttft_p95_added_ms"] == pytest.approx(10)
    assert found[LATENCY].beside["whole_p95_added_ms"] == pytest.approx(10)
    assert found[MEMORY].beside["growth_mb_a_minute"] == 0
    assert all(line.noise is not None for line in found.values())
    assert found[ERRORS].evidence == "runs/1/gate-load.json"


@pytest.mark.parametrize(
    ("one", "metric"),
    [
        (window(ttft=0.6), LATENCY),
        (window(whole=0.6), LATENCY),
        (window(rss=400_000_000), MEMORY),
        (window(failing=50), ERRORS),
    ],
)
def test_what_does_not_hold_fails_its_own_line_and_that_of_the_calls_at_once(one: Window, metric: str) -> None:
    found = judged(of(one))
    assert {name for name, line in found.items() if line.verdict is Judged.FAILED} == {metric, CONCURRENT}
    assert metric in found[CONCURRENT].why


def test_where_no_call_ended_well_there_is_no_latency() -> None:
    ledger = Ledger()
    ledger.add("whole", False, Outcome(1.0, None, (), 0, "HTTP 502"))
    found = judged(of(replace(window(), ledger=ledger)))[LATENCY]
    assert (found.value, found.noise, found.verdict) == (None, None, Judged.INCONCLUSIVE)
    assert found.why == "no call came to a good end"


@pytest.mark.parametrize("change", [{"generator": 0.95}, {"upstream": 0.7}])
def test_a_generator_that_is_the_limit_lets_nobody_judge_latency(change: dict[str, float]) -> None:
    found = judged(of(replace(window(), **change)))  # type: ignore[arg-type]
    assert found[LATENCY].verdict is Judged.INCONCLUSIVE
    assert "they are the limit" in found[LATENCY].why
    assert found[ERRORS].verdict is Judged.PASSED


def test_other_programs_excuse_what_failed_and_take_nothing_from_what_passed() -> None:
    assert judged(of(replace(window(ttft=0.6), foreign=0.5)))[LATENCY].verdict is Judged.INCONCLUSIVE
    passed = judged(of(replace(window(), foreign=0.5)))[LATENCY]
    assert passed.verdict is Judged.PASSED
    assert "other programs" in passed.why


def test_a_disturbed_window_is_left_out_of_the_latency_where_enough_is_left_without_it() -> None:
    loud = replace(window(ttft=0.9, failing=3), foreign=0.5)
    found = judged(UnderLoad((window(), loud, window(), window()), direct=window()))
    assert found[LATENCY].verdict is Judged.PASSED
    assert found[LATENCY].value == pytest.approx(360)
    assert "without 1 of 4 windows" in found[LATENCY].measured_as
    assert found[ERRORS].beside["failed"] == 3
    still = judged(UnderLoad((loud, window(), window()), direct=window()))[LATENCY]
    assert still.verdict is Judged.INCONCLUSIVE


def test_a_window_that_is_only_slow_is_never_left_out() -> None:
    slow = UnderLoad((window(), window(ttft=0.9), window(), window()), direct=window())
    assert judged(slow)[LATENCY].verdict is not Judged.PASSED


def test_what_ended_early_or_was_too_short_is_no_judgement_but_has_its_values() -> None:
    early = judged(replace(of(window()), ended="sdk-proxy ended with exit code -9"))
    assert {line.verdict for line in early.values()} == {Judged.INCONCLUSIVE}
    assert early[LATENCY].value == pytest.approx(360)
    assert all("exit code -9" in line.why for line in early.values())
    short = judged(UnderLoad((window(),)))
    assert "measured for 20 s, not 60 s" in short[ERRORS].why
    assert load_lines(UnderLoad(), TARGETS, "") == []


def test_the_highest_level_is_the_last_before_the_first_that_breaks() -> None:
    steps = (Step(75, window()), Step(100, window(ttft=0.7)), Step(87, window()), Step(150, window()))
    line = judged(replace(of(window()), steps=steps))[CONCURRENT]
    assert (line.value, line.noise, line.verdict) == (87, 13, Judged.PASSED)
    assert [step["holds"] for step in line.beside["ramp"]] == [True, True, True, False, True]


def test_a_level_that_held_by_chance_is_as_unsure_as_its_latency() -> None:
    windows = (window(ttft=0.44), window(ttft=0.42), window(ttft=0.40), window(ttft=0.43))
    steps = (Step(75, window(ttft=0.512)), Step(100, window(ttft=0.826)), Step(87, window(ttft=0.698)))
    line = judged(UnderLoad(windows, window(0.35, 0.31), steps))[CONCURRENT]
    assert (line.value, line.noise) == (75, 25)  # 50 surely held, 87 surely did not
    steps = (Step(75, window(ttft=0.576)), Step(62, window(ttft=0.44)), Step(68, window(ttft=0.526)))
    line = judged(UnderLoad(windows, window(0.35, 0.31), steps))[CONCURRENT]
    assert (line.value, line.noise) == (62, 13)  # 68 did not for sure


def test_a_level_below_what_is_asked_for_is_told_where_that_fails() -> None:
    line = judged(replace(of(window(ttft=0.6)), steps=(Step(25, window()),)))[CONCURRENT]
    assert (line.value, line.verdict) == (25, Judged.FAILED)


def test_calls_that_never_were_at_the_upstream_at_once_are_not_concurrent() -> None:
    line = judged(of(window(peak=40)))[CONCURRENT]
    assert line.verdict is Judged.FAILED
    assert "only 40" in line.why
