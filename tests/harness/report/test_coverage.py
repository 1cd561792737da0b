from __future__ import annotations

import json
from typing import Any

import pytest

from harness.model import Act, Reply, Request, Scenario, Send, Step
from harness.report.coverage import Cell, by_answer, by_place, cells, coverage, route
from harness.report.wanted import PROVIDERS, ROUTES, impossible

STREAM: tuple[Act, ...] = (Send(b'data: {"choices":[]}\n\n'), Send(b"data: [DONE]\n\n"))


def step(reply: Reply | None = None, model: str = "gpt-5", stream: bool = True, leave_after: int | None = None) -> Step:
    body = json.dumps({"model": model, "stream": stream}).encode()
    request = Request("POST", "/v1/chat/completions", body=body)
    return Step(request, (reply,) if reply else (), leave_after=leave_after)


def scenario(name: str, *steps: Step) -> Scenario:
    return Scenario(f"curl/{name}", "curl", "A title", "scripted", (), steps)


@pytest.mark.parametrize(("reply", "answer"), [(Reply(529, body=b"{}"), "529"), (None, "no call")])
def test_an_answer_is_told_by_what_the_upstream_does(reply: Reply | None, answer: str) -> None:
    assert [*cells("curl", step(reply))] == [Cell("POST /v1/chat/completions", True, "openai", answer, "curl")]


@pytest.mark.parametrize(("events", "answer"), [(0, "client leaves before the answer"), (2, "client leaves")])
def test_a_client_that_leaves_is_an_answer_that_it_has_not_seen(events: int, answer: str) -> None:
    assert [cell.answer for cell in cells("curl", step(Reply(acts=STREAM), leave_after=events))] == [answer]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/v1/messages?beta=true", "POST /v1/messages"),
        ("/v1/models/gpt-5", "POST /v1/models/{id}"),
        ("/openai/deployments/gpt-5/chat/completions", "POST /openai/deployments/{id}/chat/completions"),
        ("/engines/gpt-5/chat/completions", "POST /engines/{id}/chat/completions"),
        ("/v1/responses/resp_1/input_items", "POST /v1/responses/{id}/input_items"),
        ("/", "POST /"),
    ],
)
def test_a_route_has_neither_query_nor_id(path: str, shown: str) -> None:
    assert route(Request("POST", path)) == shown


def test_a_combination_names_its_scenarios_once_each() -> None:
    told: dict[str, Any] = coverage(
        [scenario("a", step(Reply(429)), step(Reply(429))), scenario("b", step(Reply(429)))]
    )
    (cell,) = told["cells"]
    assert cell["scenarios"] == ["curl/a", "curl/b"]


def holes(*scenarios: Scenario, elsewhere: tuple[Scenario, ...] = ()) -> list[tuple[str, bool, str, str]]:
    told: dict[str, Any] = coverage(scenarios, elsewhere)
    return [(one["route"], one["stream"], one["provider"], one["answer"]) for one in told["holes"]]


PLACE = ("POST /v1/chat/completions", True, "openai")


def test_what_nobody_exercises_is_a_hole_on_every_route_with_every_provider() -> None:
    found = holes()
    assert {place for place, *_ in found} == set(ROUTES)
    assert {provider for _, _, provider, _ in found} == set(PROVIDERS)
    assert (*PLACE, "529") in found


def test_what_is_exercised_is_no_hole() -> None:
    assert {*holes()} - {*holes(scenario("a", step(Reply(529))))} == {(*PLACE, "529")}


def test_what_is_exercised_on_another_configuration_is_no_hole_and_says_so() -> None:
    other = scenario("b", step(Reply(529)))
    told: dict[str, Any] = coverage([scenario("a", step(Reply(400)))], [other, scenario("c", step(Reply(400)))])
    assert (*PLACE, "529") not in holes(elsewhere=(other,))
    assert [(cell["answer"], cell["elsewhere"]) for cell in told["cells"]] == [("400", False), ("529", True)]


def test_what_cannot_be_is_no_hole_but_is_told_with_its_reason() -> None:
    excluded: list[dict[str, Any]] = coverage([])["excluded"]  # type: ignore[assignment]
    of_claude = [one for one in excluded if (one["route"], one["provider"]) == ("POST /v1/embeddings", "anthropic")]
    assert [one["why"] for one in of_claude] == [impossible("POST /v1/embeddings", False, "anthropic", "200")]
    assert "529" in of_claude[0]["answers"]
    assert not {place[:3] for place in holes()} & {("POST /v1/embeddings", False, "anthropic")}


def test_another_path_to_a_route_is_told() -> None:
    short = Step(Request("POST", "/chat/completions", body=b'{"model":"gpt-5"}'), (Reply(),))
    excluded: list[dict[str, Any]] = coverage([scenario("a", short)])["excluded"]  # type: ignore[assignment]
    assert [one["route"] for one in excluded if one["stream"] is None] == ["POST /chat/completions"]


def test_what_is_no_json_has_no_provider() -> None:
    (cell,) = cells("curl", Step(Request("POST", "/v1/messages", body=b"{")))
    assert (cell.stream, cell.provider) == (False, "-")


def test_a_table_has_a_row_for_each_answer_and_one_for_all_holes_of_a_place() -> None:
    other = Scenario("vscode/c", "vscode", "A title", "scripted", (), (step(Reply(429)),))
    told: dict[str, Any] = coverage([scenario("a", step(Reply(429))), scenario("b", step(Reply(429))), other])
    (row,) = by_answer(told["cells"])
    assert (row["answer"], row["clients"], row["scenarios"]) == ("429", ["curl", "vscode"], 3)
    place = {"route": "POST /v1/messages", "stream": True, "provider": "openai"}
    assert by_place([{**place, "answer": "400"}, {**place, "answer": "500"}]) == [{**place, "answers": ["400", "500"]}]
