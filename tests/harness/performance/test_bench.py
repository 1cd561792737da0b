import json

import pytest

from harness.performance.bench import (
    AIOHTTP,
    BINARY,
    CASES,
    DIRECT,
    GOALS,
    SDK,
    TRIED,
    TTFT_LIMIT,
    Case,
    Cell,
    Held,
    call,
    figures,
    held,
    judged,
    medians,
    most_held,
)
from harness.performance.connection import Outcome

CASE = Case("openai", streams=True, kilobytes=78)


def outcome(seconds: float, failure: str | None = None) -> Outcome:
    return Outcome(seconds, seconds / 2, (), 100, failure)


def cell(target: str, *seconds: float, cpu: float = 0.1, concurrency: int = 16, case: Case = CASE) -> Cell:
    return Cell(target, case, concurrency, tuple(map(outcome, seconds)), 1.0, cpu, 200_000_000)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_body_is_of_the_size_that_its_case_says(case: Case) -> None:
    body = call(case).body
    assert case.kilobytes * 800 <= len(body) <= case.kilobytes * 1200
    assert json.loads(body)["stream"] is case.streams
    assert call(case).streams is case.streams


def test_an_answer_that_failed_costs_and_is_none() -> None:
    found = figures(Cell("a", CASE, 1, (outcome(0.2), outcome(0.1, "cut")), 2.0, 0.3, 0))
    assert found["cpu_ms"] == 300 and found["throughput"] == 0.5 and found["total_p50_ms"] == 200
    assert found["rss_mb"] is None


def test_without_a_whole_answer_there_are_no_figures() -> None:
    found = figures(Cell("a", CASE, 1, (outcome(0.1, "cut"),), 1.0, 0.3, 0))
    assert (found["cpu_ms"], found["ttft_p50_ms"], found["throughput"]) == (None, None, 0)


def test_a_row_is_the_middle_of_its_rounds() -> None:
    (row,) = medians([cell(SDK, 0.2, cpu=cpu) for cpu in (0.001, 0.009, 0.002)])
    assert (row["cpu_ms"], row["cpu_ms_low"], row["cpu_ms_high"], row["rounds"]) == (2, 1, 9, 3)


def test_what_a_gateway_adds_is_beside_no_gateway() -> None:
    rows = {row["target"]: row for row in medians([cell(DIRECT, 0.1), cell(SDK, 0.3)])}
    assert rows[SDK]["added_ttft_ms"] == pytest.approx(100)
    assert medians([cell(SDK, 0.3)])[0]["added_ttft_ms"] is None


def test_a_goal_is_a_ratio_within_the_run() -> None:
    rows = medians([cell(SDK, 0.1, cpu=0.004), cell(BINARY, 0.1, cpu=0.2)])
    goals = {(goal["goal"], goal["of"]): goal for goal in judged(rows, {SDK: 3.0, BINARY: 10.0})}
    assert goals["OpenAI stream, CPU", BINARY]["measured"] == pytest.approx(0.02)
    assert goals["OpenAI stream, CPU", BINARY]["met"] is True
    assert goals["Anthropic stream, CPU", BINARY]["met"] is None
    assert goals["start-up", BINARY]["met"] is True and goals["start-up, s", None]["measured"] == 3


def test_a_throughput_has_to_be_at_least_so_many_times_as_high() -> None:
    anthropic = Case("anthropic", streams=True, kilobytes=78)
    cells = [cell(SDK, *[0.1] * 11, concurrency=50, case=case) for case in (CASE, anthropic)]
    cells += [cell(BINARY, 0.1, concurrency=50, case=case) for case in (CASE, anthropic)]
    (goal,) = [g for g in judged(medians(cells), {}) if g["goal"].endswith("throughput") and g["of"] == BINARY]
    assert (goal["measured"], goal["met"]) == (11, False)


def test_the_slowest_of_a_hundred_is_beside_the_middle() -> None:
    found = figures(cell(SDK, *[0.1] * 98, 0.4, 0.4))
    assert found["p99_by_p50"] == pytest.approx(4)


def test_a_goal_that_is_not_met_says_what_was_tried() -> None:
    missed, met = (
        {g["goal"]: g for g in judged([], {SDK: s, BINARY: 10.0}, streams=n)} for s, n in ((9, 100), (3, 200))
    )
    assert all(missed[name]["tried"] for name in ("start-up", "streams held, p95 TTFT < 520 ms"))
    assert met["start-up"]["tried"] is None and met["streams held, p95 TTFT < 520 ms"]["met"] is True


def test_every_goal_has_words_for_what_was_tried() -> None:
    names = [goal["goal"] for goal in judged([], {})]
    assert [name for name in names if not any(name.startswith(start) for start in TRIED)] == []


@pytest.mark.parametrize(
    ("steps", "most"),
    [
        ([], None),
        ([(50, 510.0, 0), (100, 530.0, 0)], 50),
        ([(100, 530.0, 0), (50, 519.0, 0), (150, 10.0, 0)], 50),
        ([(50, 100.0, 1)], 0),
        ([(50, None, 0)], 0),
        ([(50, 100.0, 0), (100, 600.0, 0, "other programs used 2.00 cores")], None),
        ([(50, 100.0, 0, "other programs used 2.00 cores"), (100, 600.0, 0)], 50),
    ],
)
def test_so_many_are_held_as_hold_with_all_that_are_fewer(
    steps: list[tuple[int, float, int]], most: int | None
) -> None:
    assert most_held([Held(*step) for step in steps], TTFT_LIMIT) == most


def test_a_stream_that_failed_is_not_held() -> None:
    step = held(2, [outcome(0.2), outcome(0.1, "cut")])
    assert (step.ttft_p95, step.failed) == (100, 1)


def test_every_goal_is_about_cases_that_are_measured() -> None:
    names = {case.name for case in CASES}
    assert all(set(goal.cases) <= names for goal in GOALS)
    assert AIOHTTP not in {goal.of for goal in GOALS}
