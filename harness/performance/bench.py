"""What a gateway costs: the cells of a benchmark, the bodies that it sends, and what it comes to. Pure.

A cell is a target, a kind of call and a concurrency. All targets are measured in turn within one run, several times,
so that a ratio is of figures that were measured seconds apart.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from harness.model import Request
from harness.performance.connection import Outcome
from harness.performance.mix import HOST, KEY, Call, call_of

DIRECT, HTTPX, AIOHTTP, BINARY, SDK = "direct", "raw httpx", "raw aiohttp", "binary", "sdk"
_TOOL_TEXT, _TURN_TEXT, _SYSTEM_TEXT = 640, 3400, 14_000  # characters
TTFT_LIMIT = 520.0  # ms, the gate's line
_CHAT, _MESSAGES = "/v1/chat/completions", "/v1/messages"


@dataclass(frozen=True, slots=True)
class Case:
    """`protocol`: "openai", "anthropic", or "translated": Claude through chat. `kilobytes`: 1 or 78, of the body."""

    protocol: str
    streams: bool
    kilobytes: int

    @property
    def name(self) -> str:
        return f"{self.protocol} {'stream' if self.streams else 'whole'} {self.kilobytes} kB"


CASES = (
    *(
        Case(protocol, streams, size)
        for size in (1, 78)
        for protocol in ("openai", "anthropic")
        for streams in (False, True)
    ),
    *(Case("translated", streams, 78) for streams in (False, True)),
)


def call(case: Case) -> Call:
    """The same for every target; the bodies are Claude Code's in shape: a system text, tools, a history of calls."""
    anthropic = case.protocol == "anthropic"
    body = _small(case) if case.kilobytes == 1 else _big(case)
    headers = [
        ("Host", HOST),
        ("Authorization", f"Bearer {KEY}"),
        ("Content-Type", "application/json"),
        ("User-Agent", "bench"),
        *([("anthropic-version", "2023-06-01")] if anthropic else []),
    ]
    return call_of(Request("POST", _MESSAGES if anthropic else _CHAT, tuple(headers), json.dumps(body).encode()))


def _small(case: Case) -> dict[str, Any]:
    return _body(case, [{"role": "user", "content": _words("hello", 860)}])


def _big(case: Case) -> dict[str, Any]:
    return _anthropic(case) if case.protocol == "anthropic" else _openai(case)


def _body(case: Case, messages: list[Any], **more: Any) -> dict[str, Any]:
    model = "gpt-4.1" if case.protocol == "openai" else "claude-sonnet-4-5"
    return {"model": model, "max_tokens": 1024, "stream": case.streams, "messages": messages, **more}


def _anthropic(case: Case) -> dict[str, Any]:
    messages: list[Any] = [{"role": "user", "content": _words("task", _TURN_TEXT)}]
    for turn in range(12):
        used = {"type": "tool_use", "id": f"toolu_{turn}", "name": "tool_1", "input": {"path": "/a", "line": turn}}
        result = {"type": "tool_result", "tool_use_id": f"toolu_{turn}", "content": _words("result", _TURN_TEXT)}
        messages += [{"role": "assistant", "content": [used]}, {"role": "user", "content": [result]}]
    tools = [
        {"name": f"tool_{n}", "description": _words("does", _TOOL_TEXT), "input_schema": _SCHEMA} for n in range(16)
    ]
    system = [{"type": "text", "text": _words("rule", _SYSTEM_TEXT), "cache_control": {"type": "ephemeral"}}]
    return _body(case, messages, system=system, tools=tools)


def _openai(case: Case) -> dict[str, Any]:
    messages: list[Any] = [
        {"role": "system", "content": _words("rule", _SYSTEM_TEXT)},
        {"role": "user", "content": _words("task", _TURN_TEXT)},
    ]
    for turn in range(12):
        function = {"name": "tool_1", "arguments": json.dumps({"path": "/a", "line": turn})}
        asked = {"id": f"call_{turn}", "type": "function", "function": function}
        messages.append({"role": "assistant", "content": None, "tool_calls": [asked]})
        messages.append({"role": "tool", "tool_call_id": f"call_{turn}", "content": _words("result", _TURN_TEXT)})
    functions = [
        {"name": f"tool_{n}", "description": _words("does", _TOOL_TEXT), "parameters": _SCHEMA} for n in range(16)
    ]
    return _body(case, messages, tools=[{"type": "function", "function": each} for each in functions])


_SCHEMA = {
    "type": "object",
    "properties": {"path": {"type": "string", "description": "Which file."}, "line": {"type": "integer"}},
    "required": ["path"],
}


def _words(word: str, length: int) -> str:
    return (f"{word} " * length)[:length]


# --- figures --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    """One measurement. `cpu`: seconds of the target's processes; `rss`: bytes, the highest; `disturbed`: why the times
    say nothing, None: they do."""

    target: str
    case: Case
    concurrency: int
    outcomes: tuple[Outcome, ...]
    seconds: float
    cpu: float
    rss: int
    disturbed: str | None = None


def figures(cell: Cell) -> dict[str, float | None]:
    """Milliseconds, requests a second, MB; null where no answer was whole."""
    good = [each for each in cell.outcomes if each.failure is None]
    first = sorted(each.ttft * 1000 for each in good if each.ttft is not None)
    whole = sorted(each.total * 1000 for each in good)
    return {
        "cpu_ms": cell.cpu * 1000 / len(good) if good else None,
        "ttft_p50_ms": _share(first, 0.5),
        "ttft_p95_ms": _share(first, 0.95),
        "ttft_p99_ms": _share(first, 0.99),
        "total_p50_ms": _share(whole, 0.5),
        "total_p95_ms": _share(whole, 0.95),
        "total_p99_ms": _share(whole, 0.99),
        "p99_by_p50": _ratio_of(_share(whole, 0.99), _share(whole, 0.5)),
        "throughput": len(good) / cell.seconds,
        "rss_mb": cell.rss / 1e6 if cell.rss else None,
    }


def _share(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def _ratio_of(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


@dataclass(frozen=True, slots=True)
class Goal:
    """`figure` of the SDK proxy, divided by that of `of` (None: as it is), in the middle of `cases`, at `concurrency`.

    It is to be at most `limit`, or with `least` at least.
    """

    name: str
    figure: str
    of: str | None
    cases: tuple[str, ...]
    concurrency: int
    limit: float
    least: bool = False


def _same(protocol: str, kind: str) -> tuple[str, ...]:
    return (f"{protocol} {kind} 78 kB",)


_BOTH_STREAMS = (*_same("openai", "stream"), *_same("anthropic", "stream"))
GOALS = (
    Goal("OpenAI whole, CPU", "cpu_ms", BINARY, _same("openai", "whole"), 16, 1 / 10),
    Goal("Anthropic whole, CPU", "cpu_ms", BINARY, _same("anthropic", "whole"), 16, 1 / 6),
    Goal("OpenAI whole, CPU", "cpu_ms", HTTPX, _same("openai", "whole"), 16, 2.5),
    Goal("Anthropic whole, CPU", "cpu_ms", HTTPX, _same("anthropic", "whole"), 16, 2.5),
    Goal("OpenAI stream, CPU", "cpu_ms", BINARY, _same("openai", "stream"), 16, 1 / 25),
    Goal("Anthropic stream, CPU", "cpu_ms", BINARY, _same("anthropic", "stream"), 16, 1 / 8),
    Goal("OpenAI stream, CPU", "cpu_ms", HTTPX, _same("openai", "stream"), 16, 0.8),
    Goal("Anthropic stream, CPU", "cpu_ms", HTTPX, _same("anthropic", "stream"), 16, 0.8),
    Goal("translated whole, CPU", "cpu_ms", BINARY, _same("translated", "whole"), 16, 1 / 3),
    Goal("translated stream, CPU", "cpu_ms", BINARY, _same("translated", "stream"), 16, 1 / 3),
    Goal("added TTFT", "added_ttft_ms", BINARY, _BOTH_STREAMS, 1, 1 / 10),
    Goal("same-format streams, throughput", "throughput", BINARY, _BOTH_STREAMS, 50, 12, least=True),
    Goal("same-format streams, throughput", "throughput", HTTPX, _BOTH_STREAMS, 50, 1.3, least=True),
    Goal("same-format streams, slowest of 100 by the middle", "p99_by_p50", None, _BOTH_STREAMS, 50, 3),
    Goal("RSS", "rss_mb", BINARY, _BOTH_STREAMS, 50, 0.45),
    Goal("RSS, MB", "rss_mb", None, _BOTH_STREAMS, 100, 240),
)


_ANSWER = (
    "of 2.4 ms for 78 kB 0.4 are LiteLLM's price of the answer, 0.4 the objects that the OpenAI SDK and LiteLLM make "
    "of a chat's, 0.1 its headers; the rest is the call of the upstream, ASGI, and the reading of the body. Tried: the "
    "request is learnt (sdk_proxy/learnt.py), the answer goes to LiteLLM's last functions only (sdk_proxy/whole.py)."
)
_CHAIN = (
    "LiteLLM's own chain translates this request and its answer: of 9 ms for 78 kB 1.6 are its Router, 0.7 the price "
    "in the headers. Tried: what a model can do is looked up once, cookies are looked for where some are set: together "
    "a twenty-fifth, less than the noise."
)
_OBJECTS = (
    "two thirds are LiteLLM's chain for the request, and the objects that it makes of each event's lines. Tried: words "
    "that follow on words are told without it (sdk_proxy/translated.py), which was 0.8 ms for each of them."
)
_STREAM = (
    "a third is the call of the upstream (aiohttp below httpx), a third ASGI and the writes, a sixth the reading of "
    "the body. Tried: the request is learnt, routes without FastAPI, events that came together are written together, "
    "sdk_proxy/lean_reading.py, words in the form of the last ones are not read."
)
_MEMORY = (
    "LiteLLM's modules alone are 188 MB, without what nobody uses of them; each of a hundred bodies of 78 kB at once "
    "is there as bytes, as a tree, and as LiteLLM's own text. Tried: sdk_proxy/lean_imports.py, sdk_proxy/spared.py, "
    "sdk_proxy/given_back.py, gc.freeze, old garbage looked for sooner; young garbage later saves a tenth of the "
    "processor of streams, and takes 100 MB in bursts of translated ones."
)
# What the profile shows and what was tried, where a goal is not met: by the beginning of its name.
TRIED = {
    "OpenAI whole": _ANSWER,
    "Anthropic whole": _ANSWER,
    "OpenAI stream": _STREAM,
    "Anthropic stream": _STREAM,
    "translated whole": _CHAIN,
    "translated stream": _OBJECTS,
    "added TTFT": _STREAM,
    "same-format streams": _STREAM,
    "streams held": _STREAM,
    "RSS": _MEMORY,
    "start-up": "3 to 4 s are the import of LiteLLM, 2,700 modules; nothing that serves can do without it.",
}

Row = dict[str, Any]


def medians(cells: Sequence[Cell]) -> list[Row]:
    """A row for each target, case and concurrency: the middle of its rounds, with the lowest and the highest CPU."""
    groups: dict[tuple[str, str, int], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.target, cell.case.name, cell.concurrency), []).append(cell)
    rows = [_row(*of, found) for of, found in groups.items()]
    direct = {(row["case"], row["concurrency"]): row["ttft_p50_ms"] for row in rows if row["target"] == DIRECT}
    for row in rows:
        without = direct.get((row["case"], row["concurrency"]))
        first = row["ttft_p50_ms"]
        row["added_ttft_ms"] = None if without is None or first is None else first - without
    return rows


def _row(target: str, case: str, concurrency: int, cells: Sequence[Cell]) -> Row:
    columns = [figures(cell) for cell in cells]
    middle = {name: _median([column[name] for column in columns]) for name in columns[0]}
    cpu = [column["cpu_ms"] for column in columns if column["cpu_ms"] is not None]
    failures = sorted({each.failure for cell in cells for each in cell.outcomes if each.failure is not None})
    return {
        "target": target,
        "case": case,
        "concurrency": concurrency,
        "rounds": len(cells),
        "answers": sum(len(cell.outcomes) for cell in cells),
        **middle,
        "cpu_ms_low": min(cpu, default=None),
        "cpu_ms_high": max(cpu, default=None),
        "failures": failures,
        "disturbed": sorted({cell.disturbed for cell in cells if cell.disturbed is not None}),
    }


def _median(column: Sequence[float | None]) -> float | None:
    found = [each for each in column if each is not None]
    return median(found) if len(found) == len(column) else None


@dataclass(frozen=True, slots=True)
class Held:
    """So many streams at once, at a provider's pace, on one core. `ttft_p95`: milliseconds; None: none was whole.
    `disturbed`: why that says nothing."""

    concurrency: int
    ttft_p95: float | None
    failed: int
    disturbed: str | None = None


def held(concurrency: int, outcomes: Sequence[Outcome], disturbed: str | None = None) -> Held:
    good = sorted(each.ttft * 1000 for each in outcomes if each.failure is None and each.ttft is not None)
    return Held(concurrency, _share(good, 0.95), sum(each.failure is not None for each in outcomes), disturbed)


def most_held(steps: Sequence[Held], limit: float) -> int | None:
    """The most streams at once up to which the p95 stayed below `limit` milliseconds; None: nobody measured, or
    something else was the reason why it did not."""
    most = 0
    for step in sorted(steps, key=lambda each: each.concurrency):
        if step.failed or step.ttft_p95 is None or step.ttft_p95 >= limit:
            return None if step.disturbed else most
        most = step.concurrency
    return most if steps else None


def judged(rows: Sequence[Row], starts: dict[str, float], streams: int | None = None) -> list[Row]:
    """The goals, each with the figure that was measured for it; `starts`: seconds from the start to being ready.
    `streams`: how many the SDK proxy holds on one core."""
    goals = [_judged(goal, rows) for goal in GOALS]
    sdk, binary = starts.get(SDK), starts.get(BINARY)
    started = sdk / binary if sdk is not None and binary else None
    return [
        *goals,
        _goal(f"streams held, p95 TTFT < {TTFT_LIMIT:.0f} ms", None, streams, 200, least=True),
        _goal("start-up", BINARY, started, 0.5, least=False),
        _goal("start-up, s", None, sdk, 4, least=False),
    ]


def _judged(goal: Goal, rows: Sequence[Row]) -> Row:
    ratios = [_ratio(goal, case, rows) for case in goal.cases]
    found = [each for each in ratios if each is not None]
    return _goal(goal.name, goal.of, median(found) if len(found) == len(ratios) else None, goal.limit, goal.least)


def _ratio(goal: Goal, case: str, rows: Sequence[Row]) -> float | None:
    ours = _figure(SDK, goal, case, rows)
    if goal.of is None or ours is None:
        return ours
    theirs = _figure(goal.of, goal, case, rows)
    return ours / theirs if theirs else None


def _figure(target: str, goal: Goal, case: str, rows: Sequence[Row]) -> float | None:
    of = (target, case, goal.concurrency)
    found = (row[goal.figure] for row in rows if (row["target"], row["case"], row["concurrency"]) == of)
    figure: float | None = next(found, None)
    return figure


def _goal(name: str, of: str | None, value: float | None, limit: float, least: bool) -> Row:
    met = None if value is None else (value >= limit if least else value <= limit)
    wanted = f"{'at least' if least else 'at most'} {limit:.3g}{' x' if of else ''}"
    tried = next((why for start, why in TRIED.items() if name.startswith(start)), None) if met is False else None
    return {"goal": name, "of": of, "wanted": wanted, "measured": value, "met": met, "tried": tried}
