"""What the scenarios of a run exercise, and what they do not: route x stream x provider x answer x client.

Computed from what the scenarios send and what their upstream answers, not from what they say about themselves. Pure.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

from harness.event_stream import ServerEvent, parse
from harness.model import Cut, Json, Reply, Request, Scenario, Send, Step

_PROVIDERS = {"claude": "anthropic", "gpt": "openai", "gemini": "google"}
_NO_CALL, _NO_HEADERS, _LEFT = "no call", "cut before the headers", "client leaves"
_LEFT_EARLY = "client leaves before the answer"
_PLACE = ("route", "stream", "provider", "answer")
_ID = re.compile(r"(/models|/responses|/deployments)/(?!compact\b|input_tokens\b)[^/]+")
_LAST_EVENT = re.compile(rb'\[DONE\]|"message_stop"|"response\.(?:completed|incomplete|failed)"|"finishReason"')


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One combination; `answer` is the upstream's status with what goes wrong, or why there is none."""

    route: str  # "POST /v1/messages"
    stream: bool
    provider: str  # by the model's name; "-" where no model, or nobody's, is named
    answer: str  # "200", "529", "200, cut", "cut before the headers", "no call"
    client: str


def coverage(scenarios: Iterable[Scenario]) -> dict[str, Json]:
    """`cells`: each combination that is exercised, with the scenarios that do. `holes`: those of a route that takes a
    model, a provider and an answer that are exercised elsewhere, but not together."""
    found: dict[Cell, dict[str, None]] = defaultdict(dict)
    for scenario in scenarios:
        for step in scenario.steps:
            for cell in cells(scenario.client, step):
                found[cell][scenario.id] = None
    ordered = sorted(found.items())
    return {
        "cells": [{**asdict(cell), "scenarios": [*names]} for cell, names in ordered],
        "holes": [*_holes([cell for cell, _ in ordered])],
    }


def by_answer(cells: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The cells without their clients, which stand together in one row, as the scenarios' number does."""
    rows: dict[tuple[Any, ...], tuple[list[str], set[str]]] = {}
    for cell in cells:
        clients, scenarios = rows.setdefault(tuple(cell[name] for name in _PLACE), ([], set()))
        clients.append(cell["client"])
        scenarios.update(cell["scenarios"])
    return [
        {**dict(zip(_PLACE, key, strict=True)), "clients": clients, "scenarios": len(scenarios)}
        for key, (clients, scenarios) in rows.items()
    ]


def by_place(holes: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The holes of one route, stream and provider in one row."""
    rows: dict[tuple[Any, ...], list[str]] = {}
    for hole in holes:
        rows.setdefault(tuple(hole[name] for name in _PLACE[:3]), []).append(hole["answer"])
    return [{**dict(zip(_PLACE[:3], key, strict=True)), "answers": answers} for key, answers in sorted(rows.items())]


def cells(client: str, step: Step) -> Iterator[Cell]:
    body = _object(step.request)
    place = route(step.request), body.get("stream") is True, _provider(body.get("model"))
    for answer in dict.fromkeys(_answers(step)):
        yield Cell(*place, answer, client)


def route(request: Request) -> str:
    path = request.path.partition("?")[0].rstrip("/") or "/"
    return " ".join((request.method, _ID.sub(r"\1/{id}", path)))


def _holes(found: list[Cell]) -> Iterator[Json]:
    there = {(cell.route, cell.stream, cell.provider, cell.answer) for cell in found}
    asked = {(route, stream) for route, stream, provider, _ in there if provider != "-"}
    providers = {provider for _, _, provider, _ in there} - {"-"}
    answers = {(stream, answer) for _, stream, provider, answer in there if provider != "-" and answer != _NO_CALL}
    for (place, stream), provider, (of_stream, answer) in product(sorted(asked), sorted(providers), sorted(answers)):
        if stream == of_stream and (place, stream, provider, answer) not in there:
            yield {"route": place, "stream": stream, "provider": provider, "answer": answer}


def _provider(model: object) -> str:
    return next((_PROVIDERS[start] for start in _PROVIDERS if str(model).startswith(start)), "-")


def _answers(step: Step) -> Iterator[str]:
    if step.leave_after is not None:
        yield _LEFT if step.leave_after else _LEFT_EARLY
    elif not step.replies:
        yield _NO_CALL
    else:
        yield from map(_answer, step.replies)


def _answer(reply: Reply) -> str:
    if any(isinstance(act, Cut) for act in reply.before):
        return _NO_HEADERS
    fault = None if reply.acts is None else _fault(reply)
    return f"{reply.status}, {fault}" if fault else str(reply.status)


def _fault(reply: Reply) -> str | None:
    """What goes wrong in a stream, if anything does."""
    acts = reply.acts or ()
    data = b"".join(act.data for act in acts if isinstance(act, Send))
    if any(_is_error(event) for event in parse(data)[0]):
        return "error event"
    if any(isinstance(act, Cut) for act in acts):
        return "cut"
    return None if _LAST_EVENT.search(data) else "truncated"


def _is_error(event: ServerEvent) -> bool:
    return event.event == "error" or event.data.startswith('{"error"')


def _object(request: Request) -> dict[str, Any]:
    try:
        tree = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return tree if isinstance(tree, dict) else {}
