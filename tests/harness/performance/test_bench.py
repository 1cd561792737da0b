import json

import pytest

from harness.performance.bench import (
    AIOHTTP,
    BINARY,
    CASES,
    DIRECT,
    GOALS,
    SDK,
    Case,
    Cell,
    call,
    figures,
    judged,
    medians,
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


def test_every_goal_is_about_cases_that_are_measured() -> None:
    names = {case.name for case in CASES}
    assert all(set(goal.cases) <= names for goal in GOALS)
    assert AIOHTTP not in {goal.of for goal in GOALS}
