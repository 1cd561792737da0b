from __future__ import annotations

import json
from typing import Any

import pytest

from harness.model import Act, Cut, Reply, Request, Scenario, Send, Step, Wait
from harness.report.coverage import Cell, by_answer, by_place, cells, coverage, route

STREAM: tuple[Act, ...] = (Send(b'data: {"choices":[]}\n\n'), Send(b"data: [DONE]\n\n"))
ERROR = Send(b'data: {"error":{"message":"no"}}\n\n')


def step(reply: Reply | None = None, model: str = "gpt-5", stream: bool = True, leave_after: int | None = None) -> Step:
    body = json.dumps({"model": model, "stream": stream}).encode()
    request = Request("POST", "/v1/chat/completions", body=body)
    return Step(request, (reply,) if reply else (), leave_after=leave_after)


def scenario(name: str, *steps: Step) -> Scenario:
    return Scenario(f"curl/{name}", "curl", "A title", "scripted", (), steps)


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (Reply(acts=STREAM), "200"),
        (Reply(acts=STREAM[:1]), "200, truncated"),
        (Reply(acts=(*STREAM[:1], Cut("rst"))), "200, cut"),
        (Reply(acts=(*STREAM[:1], ERROR, Cut("fin"))), "200, error event"),
        (Reply(acts=(Send(b"event: error\ndata: {}\n\n"),)), "200, error event"),
        (Reply(529, body=b"{}"), "529"),
        (Reply(before=(Wait(0.1), Cut("fin"))), "cut before the headers"),
        (None, "no call"),
    ],
)
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


def test_a_hole_is_what_one_provider_is_put_through_and_another_is_not() -> None:
    told = coverage(
        [
            scenario("a", step(Reply(acts=STREAM)), step(Reply(500))),
            scenario("b", step(Reply(acts=STREAM), model="claude-sonnet-5")),
            scenario("c", step(Reply(400), stream=False)),
        ]
    )
    place = {"route": "POST /v1/chat/completions"}
    assert told["holes"] == [
        {**place, "stream": False, "provider": "anthropic", "answer": "400"},
        {**place, "stream": True, "provider": "anthropic", "answer": "500"},
    ]


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
