"""`python -m harness bench`: what the SDK proxy costs beside the binary path, a raw pass-through, and no gateway."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any

import click
import uvloop
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from harness.exit_code import run_to_its_exit_code
from harness.journey import new_run
from harness.load_journey import LoadPlan, pinned, upstream_alone
from harness.performance.bench import (
    AIOHTTP,
    BINARY,
    CASES,
    DIRECT,
    HTTPX,
    SDK,
    TTFT_LIMIT,
    Case,
    Cell,
    Held,
    call,
    held,
    judged,
    medians,
    most_held,
)
from harness.performance.closed_loop import closed_loop
from harness.performance.connection import Outcome
from harness.performance.mix import Call
from harness.performance.sampling import cpu_of, highest_rss, machine_cpu, sample, sampling
from harness.provenance import stamped
from harness.settings import Settings, read_settings
from harness.site import Credentials, gateway, isolate

_TARGETS = {HTTPX: "pass-through-httpx", AIOHTTP: "pass-through", BINARY: "", SDK: ""}
_FOREIGN = 0.25  # cores of other programs: more, and a cell's times say nothing
_WIDTH = 110  # characters of a table that goes to a file
_WARM_UP = 30  # answers, at least
_BIG = 78  # kB
_SAME = ("openai", "anthropic")  # where the client speaks the provider's protocol


@dataclass(frozen=True, slots=True)
class BenchPlan:
    """Times in seconds; `first_byte` and `between` of the upstream: 0 shows what a gateway costs, not what it waits."""

    settings: Settings
    concurrency: tuple[int, ...] = (1, 16, 50, 100)
    only: str = ""
    seconds: float = 2.0
    rounds: int = 3
    first_byte: float = 0.0
    between: float = 0.0
    hold: tuple[int, ...] = (50, 100, 150, 200, 250, 300, 400)
    credentials: Credentials = field(default_factory=Credentials)

    @property
    def cases(self) -> tuple[Case, ...]:
        return tuple(case for case in CASES if self.only in case.name)


@dataclass(frozen=True, slots=True)
class Place:
    name: str
    url: str
    pids: tuple[int, ...]
    started: float  # seconds from the start to being ready


@click.command("bench")
@click.option("--settings", "file", type=click.Path(path_type=Path), default=Path("harness.toml"), show_default=True)
@click.option("--reports", metavar="FOLDER", help="Where the figures go: bench.json.")
@click.option("--concurrency", default="1,16,50,100", show_default=True, help="Connections at once, with commas.")
@click.option("--only", default="", help="Cases whose name contains this: 'anthropic stream'.")
@click.option("--seconds", type=click.FloatRange(0.2, 600), default=2.0, show_default=True, help="For each cell.")
@click.option("--rounds", type=click.IntRange(1, 100), default=3, show_default=True)
@click.option(
    "--first-byte", type=click.FloatRange(0), default=0.0, show_default=True, help="Of the upstream, seconds."
)
@click.option("--between", type=click.FloatRange(0), default=0.0, show_default=True, help="Two events, seconds.")
@click.option("--hold/--no-hold", default=True, help="Find the most streams that one core holds, at a provider's pace.")
def bench_command(file: Path, reports: str | None, concurrency: str, hold: bool, **given: Any) -> None:
    """Measure all targets in turn, in one run. Exit 0: every goal is met, 1: not, 2: some could not be measured."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    try:
        numbers = tuple(int(each) for each in concurrency.split(","))
    except ValueError:
        raise click.BadParameter(f"{concurrency!r} is no list of numbers: --concurrency 1,16") from None

    async def measured() -> int:
        settings = read_settings(file, {"reports": reports} if reports else {})
        names = [name or settings.baseline for name in _TARGETS.values()]
        settings = isolate(settings, (*names, settings.candidate), lambda line: console.print(line, highlight=False))
        plan = BenchPlan(settings, numbers, **given)
        return await bench(plan if hold else replace(plan, hold=()), console)

    uvloop.install()
    run_to_its_exit_code(console, measured)


async def bench(plan: BenchPlan, console: Console) -> int:
    def tell(line: str) -> None:
        console.print(line, highlight=False)

    with new_run(plan.settings.reports) as (_, folder), pinned(1):
        places, cells = {}, []
        async with AsyncExitStack() as stack:
            async for place in _places(plan, folder / "logs", stack):
                tell(f"{place.name} is ready after {place.started:.1f} s")
                places[place.name] = place
            async for cell in _cells(plan, [*places.values()], lambda line: console.print(line, highlight=False)):
                cells.append(cell)
        steps = [
            step async for step in _holding(plan, folder / "logs", lambda line: console.print(line, highlight=False))
        ]
        tree = _written(plan, places, cells, steps, folder)
    _show(console, tree)
    met = [goal["met"] for goal in tree["goals"]]
    return 2 if None in met else int(not all(met))


async def _places(plan: BenchPlan, logs: Path, stack: AsyncExitStack) -> AsyncIterator[Place]:
    settings = plan.settings
    load = LoadPlan(settings, first_byte=plan.first_byte, between=plan.between)
    upstream, url = await stack.enter_async_context(upstream_alone(load, _folder(logs)))
    yield Place(DIRECT, url, (upstream.pid,), 0.0)
    names = {**_TARGETS, BINARY: settings.baseline, SDK: settings.candidate}
    for label, name in names.items():
        yield await stack.enter_async_context(_started(label, name, plan, url, logs / label.replace(" ", "-")))


@asynccontextmanager
async def _started(label: str, name: str, plan: BenchPlan, upstream: str, logs: Path) -> AsyncIterator[Place]:
    began = monotonic()
    with pinned(0):
        running = gateway(name, plan.settings, plan.credentials, upstream, {}, _folder(logs))
        async with AsyncExitStack() as stack:
            target, _ = await stack.enter_async_context(running)
            yield Place(label, target.url, tuple(target.pids), monotonic() - began)


def _folder(logs: Path) -> Path:
    logs.mkdir(parents=True, exist_ok=True)
    return logs


async def _cells(plan: BenchPlan, places: Sequence[Place], tell: Callable[[str], None]) -> AsyncIterator[Cell]:
    for place in places:
        for case in plan.cases:
            await _warmed_up(plan, place, case)
    for number in range(plan.rounds):
        for case in plan.cases:
            for concurrency in plan.concurrency:
                tell(f"round {number + 1} of {plan.rounds}: {case.name}, {concurrency} at once")
                for place in places:
                    yield await _cell(plan, place, case, concurrency)


async def _holding(plan: BenchPlan, logs: Path, tell: Callable[[str], None]) -> AsyncIterator[Held]:
    """More and more streams at once through an SDK proxy of its own, until its p95 is too long. The provider takes
    0.3 s to its first event, and 20 ms between two; half of the connections speak each protocol."""
    kinds = [call(case) for case in plan.cases if case.streams and case.kilobytes == _BIG and case.protocol in _SAME]
    if not kinds or not plan.hold:
        return
    load = LoadPlan(plan.settings)
    async with AsyncExitStack() as stack:
        _, url = await stack.enter_async_context(upstream_alone(load, _folder(logs / "paced")))
        place = await stack.enter_async_context(_started(SDK, plan.settings.candidate, plan, url, logs / "held"))
        whole = load.first_byte + load.between * load.events
        for number in (len(kinds), *plan.hold):
            asking = (_streams(plan, place, kind, number // len(kinds), whole) for kind in kinds)
            with _alone() as disturbed:
                outcomes = [outcome for found in await asyncio.gather(*asking) for outcome in found]
            step = held(number, outcomes, next(iter(disturbed), None))
            if number == len(kinds):
                continue  # the first ones only warm it up
            tell(f"{number} streams at once: p95 of the TTFT {_number(step.ttft_p95)} ms, {step.failed} failed")
            yield step
            if most_held([step], TTFT_LIMIT) == 0:
                return


async def _streams(plan: BenchPlan, place: Place, kind: Call, number: int, whole: float) -> list[Outcome]:
    """Two answers of each connection or more; the connections begin while one answer takes."""
    return await closed_loop(place.url, plan.credentials.key, kind, number, 3 * whole, spread=whole)


async def _warmed_up(plan: BenchPlan, place: Place, case: Case) -> None:
    answers = 0
    while answers < _WARM_UP:
        found = await closed_loop(place.url, plan.credentials.key, call(case), 4, 0.3)
        answers += len(found)


async def _cell(plan: BenchPlan, place: Place, case: Case, concurrency: int) -> Cell:
    began = monotonic()
    with _alone() as disturbed:
        async with sampling(place.pids, 0.25) as samples:
            found = await closed_loop(place.url, plan.credentials.key, call(case), concurrency, plan.seconds)
    took, why = monotonic() - began, next(iter(disturbed), None)
    return Cell(place.name, case, concurrency, tuple(found), took, cpu_of(samples), highest_rss(samples), why)


@contextmanager
def _alone() -> Iterator[list[str]]:
    """After the block: why the times within it say nothing, where other programs used too much."""
    found: list[str] = []
    ours, busy, began = sample([os.getpid()]).cpu, machine_cpu(), monotonic()
    yield found
    known = sample([os.getpid()]).cpu - ours
    foreign = max(0.0, machine_cpu() - busy - known) / (monotonic() - began)
    if foreign > _FOREIGN:
        found.append(f"other programs used {foreign:.2f} cores")


# --- what it comes to ------------------------------------------------------------------------------------------------


def _written(
    plan: BenchPlan, places: dict[str, Place], cells: Sequence[Cell], steps: Sequence[Held], folder: Path
) -> dict[str, Any]:
    rows = medians(cells)
    starts = {name: place.started for name, place in places.items() if place.started}
    how = {
        "seconds_a_cell": plan.seconds,
        "rounds": plan.rounds,
        "concurrency": list(plan.concurrency),
        "upstream_first_byte_s": plan.first_byte,
        "upstream_between_events_s": plan.between,
        "pinned": "targets to one core; this program and the upstream to another",
    }
    tree = stamped(
        {
            "measured_as": how,
            "start_seconds": starts,
            "goals": judged(rows, starts, most_held(steps, TTFT_LIMIT)),
            "held": [asdict(step) for step in steps],
            "cells": rows,
        },
        plan.settings,
    )
    (folder / "bench.json").write_text(json.dumps(tree, indent=1), encoding="utf-8")
    return tree


def _show(console: Console, tree: dict[str, Any]) -> None:
    cells = Table(
        "case", "at once", "target", "CPU ms", "TTFT p50", "p99", "total p95", "answers/s", "RSS MB", box=SIMPLE
    )
    for row in tree["cells"]:
        numbers = ("cpu_ms", "ttft_p50_ms", "ttft_p99_ms", "total_p95_ms", "throughput", "rss_mb")
        cells.add_row(row["case"], str(row["concurrency"]), row["target"], *(_number(row[name]) for name in numbers))
    console.print(cells)
    goals = _table("goal", "beside", "wanted", "measured", "")
    words = {True: "met", False: "not met", None: "not measured"}
    for goal in tree["goals"]:
        measured = _number(goal["measured"])
        goals.add_row(goal["goal"], goal["of"] or "", goal["wanted"], measured, words[goal["met"]])
    console.print(goals)
    for tried, names in _tried(tree["goals"]).items():
        console.print(f"not met: {', '.join(names)}: {tried}", highlight=False, markup=False)
    for why in sorted({why for row in tree["cells"] for why in (*row["disturbed"][:1], *row["failures"][:1])})[:5]:
        console.print(f"not quiet: {why}", highlight=False, markup=False)


def _tried(goals: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """What was tried -> the goals that are not met nevertheless."""
    found: dict[str, list[str]] = {}
    for goal in goals:
        if goal["tried"] and goal["goal"] not in found.setdefault(goal["tried"], []):
            found[goal["tried"]].append(goal["goal"])
    return found


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE)
    for name in columns:
        table.add_column(name, no_wrap=True)
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}" if value >= 100 else f"{value:.3g}"
