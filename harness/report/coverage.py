"""What the scenarios of a run exercise, and what they do not: route x stream x provider x answer x client.

Computed from what the scenarios send and what their upstream answers, not from what they say about themselves. Pure.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from harness.model import Json, Request, Scenario, Step
from harness.report.answers import LEFT, LEFT_EARLY, NO_CALL, answer_of
from harness.report.wanted import PROVIDERS, answers, impossible, is_other_path, places

_PROVIDERS = {"claude": "anthropic", "gpt": "openai", "text-embedding": "openai", "gemini": "google"}
_PLACE = ("route", "stream", "provider", "answer")
_ID = re.compile(r"(/models|/responses|/deployments|/engines)/(?!compact\b|input_tokens\b)[^/]+")
_OTHER_PATH = "another path to a route that has all answers: that it leads there is exercised"


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One combination; `answer` is what the upstream does (harness.report.answers), or why there is none."""

    route: str  # "POST /v1/messages"
    stream: bool
    provider: str  # by the model's name; "-" where no model, or nobody's, is named
    answer: str  # "200", "529", "200, cut in mid-stream", "cut before the headers", "no call"
    client: str


def coverage(scenarios: Iterable[Scenario], elsewhere: Iterable[Scenario] = ()) -> dict[str, Json]:
    """`cells`: each combination that is exercised, with the scenarios that do, and whether none of them is this run's:
    those `elsewhere` are played on configurations of their own. `holes`: what should be exercised, and is not.
    `excluded`: what cannot be, or need not, and why."""
    found: dict[Cell, dict[str, None]] = defaultdict(dict)
    own = _gathered(scenarios, found)
    _gathered(elsewhere, found)
    ordered = sorted(found.items())
    there = {(cell.route, cell.stream, cell.provider, cell.answer) for cell in found}
    return {
        "cells": [{**asdict(cell), "scenarios": [*names], "elsewhere": cell not in own} for cell, names in ordered],
        "holes": [
            dict(zip(_PLACE, place, strict=True)) for place, why in _wanted() if why is None and place not in there
        ],
        "excluded": [*_excluded(), *_other_paths(there)],
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


def _gathered(scenarios: Iterable[Scenario], found: dict[Cell, dict[str, None]]) -> frozenset[Cell]:
    """The cells of these scenarios, which are now among those found, with their names."""
    own = [(cell, each.id) for each in scenarios for step in each.steps for cell in cells(each.client, step)]
    for cell, name in own:
        found[cell][name] = None
    return frozenset(cell for cell, _ in own)


_Place = tuple[str, bool, str, str]


def _wanted() -> Iterator[tuple[_Place, str | None]]:
    """Everything that a scenario should do; with a reason, if none can."""
    for place, stream in places():
        for provider in PROVIDERS:
            for answer in answers(stream):
                yield (place, stream, provider, answer), impossible(place, stream, provider, answer)


def _excluded() -> Iterator[Json]:
    """What cannot be, a row for each reason of a place."""
    rows: dict[tuple[str, bool, str, str], list[Json]] = defaultdict(list)
    for (place, stream, provider, answer), why in _wanted():
        if why is not None:
            rows[place, stream, provider, why].append(answer)
    for (place, stream, provider, why), told in rows.items():
        yield {"route": place, "stream": stream, "provider": provider, "answers": told, "why": why}


def _other_paths(there: Iterable[_Place]) -> Iterator[Json]:
    for place in sorted({place for place, _, provider, _ in there if provider != "-" and is_other_path(place)}):
        yield {"route": place, "stream": None, "provider": None, "answers": [], "why": _OTHER_PATH}


def _provider(model: object) -> str:
    return next((_PROVIDERS[start] for start in _PROVIDERS if str(model).startswith(start)), "-")


def _answers(step: Step) -> Iterator[str]:
    if step.leave_after is not None:
        yield LEFT if step.leave_after else LEFT_EARLY
    elif not step.replies:
        yield NO_CALL
    else:
        yield from map(answer_of, step.replies)


def _object(request: Request) -> dict[str, Any]:
    try:
        tree = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return tree if isinstance(tree, dict) else {}
