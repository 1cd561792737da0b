"""Baseline and candidate under the same load, in turn: start both, windows in rounds, figures, ratios, a report.

The targets are on one core; the load generator and the simulated upstream on the other. Each round has the baseline
twice: that is the noise.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

from harness.model import Request, Response, Role
from harness.performance.ledger import Ledger, ledger_of
from harness.performance.mix import CLIENTS, mix_of, mix_text
from harness.performance.sampling import machine_cpu, sample, sampling
from harness.performance.window import Window
from harness.replay.client import send
from harness.replay.ports import free_port
from harness.replay.program import Program, start
from harness.replay.target import RunningTarget
from harness.settings import Settings
from harness.site import Credentials, gateway
from harness.traffic.scenario_file import read

_ORDER = (Role.BASELINE, Role.CANDIDATE, Role.AGAIN)


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """Times in seconds. `first_byte`, `between`: of the upstream. `in_flight`: calls at once; 0: as the users do.
    `arriving`: until all users have begun, each at a time of its own; 0: at once."""

    settings: Settings
    users: int = 50
    seconds: float = 20.0
    rounds: int = 3
    warm_up: float = 5.0
    first_byte: float = 0.3
    between: float = 0.02
    events: int = 60
    shape: str = "steady"
    only: str = ""
    in_flight: int = 0
    arriving: float = 0.0
    credentials: Credentials = field(default_factory=Credentials)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A running target with an upstream of its own, both of which can be asked what they did."""

    role: Role
    target: RunningTarget
    upstream: Program
    upstream_url: str
    mix: Path


async def rounds(plan: LoadPlan, logs: Path, tell: Callable[[str], None]) -> AsyncIterator[Window]:
    """The windows as they are done. Raises `HarnessError` where a target does not start, or dies."""
    async with AsyncExitStack() as stack:
        sites = {
            role: await stack.enter_async_context(loaded(role, plan, logs)) for role in (Role.BASELINE, Role.CANDIDATE)
        }
        places = {**sites, Role.AGAIN: sites[Role.BASELINE]}
        for role in sites:
            tell(f"{role}: {places[role].target.name} is warmed up")
            await window(places[role], role, plan, plan.warm_up)
        for number in range(plan.rounds):
            for role in _ORDER:
                tell(f"round {number + 1} of {plan.rounds}: {role}")
                yield await window(places[role], role, plan, plan.seconds)


@asynccontextmanager
async def loaded(role: Role, plan: LoadPlan, logs: Path) -> AsyncIterator[Loaded]:
    name = plan.settings.candidate if role is Role.CANDIDATE else plan.settings.baseline
    folder = logs / role.value
    folder.mkdir(parents=True, exist_ok=True)
    mix = _mix(plan.settings.scenarios, folder / "mix.json")
    async with AsyncExitStack() as stack:
        upstream, url = await stack.enter_async_context(upstream_alone(plan, folder))
        with pinned(0):
            target, _ = await stack.enter_async_context(gateway(name, plan.settings, plan.credentials, url, {}, folder))
        yield Loaded(role, target, upstream, url, mix)


@asynccontextmanager
async def upstream_alone(plan: LoadPlan, folder: Path) -> AsyncIterator[tuple[Program, str]]:
    """The simulated provider at the plan's pace, on the second core, and its address."""
    url = f"http://127.0.0.1:{free_port()}"
    with pinned(1):
        upstream = await start("upstream", _upstream(plan, url), dict(os.environ), folder / "upstream.log", ())
    try:
        yield upstream, url
    finally:
        await upstream.stop()


def _mix(scenarios: Path, file: Path) -> Path:
    """Made once: Locust would read all scenarios anew for each window. Raises `BadInput`."""
    file.write_text(_mix_of(scenarios), encoding="utf-8")
    return file


@cache
def _mix_of(scenarios: Path) -> str:
    recorded = (file for client in CLIENTS for file in sorted((scenarios / client).glob("*.yaml")))
    return mix_text(mix_of(map(read, recorded)))


def _upstream(plan: LoadPlan, url: str) -> tuple[str, ...]:
    pace = {"--first-byte": plan.first_byte, "--between": plan.between, "--events": plan.events}
    options = [word for name, value in pace.items() for word in (name, str(value))]
    return (sys.executable, "-m", "harness.upstream", "--port", url.rpartition(":")[2], *options)


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """What is started within the block stays on that core; on a system without such a call nothing happens."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    cores = sorted(before)
    os.sched_setaffinity(0, {cores[core % len(cores)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


# --- one window -----------------------------------------------------------------------------------------------------


async def window(place: Loaded, role: Role, plan: LoadPlan, seconds: float) -> Window:
    await _counts(place, "?reset")
    began, busy = monotonic(), machine_cpu()
    ours, upstream = [os.getpid()], [place.upstream.pid]
    used, answered = sample(ours).cpu, sample(upstream).cpu
    async with sampling(place.target.pids) as samples:
        ledger, generated = await _locust(place, plan, seconds)
    took = monotonic() - began
    place.target.require_alive()
    foreign = max(0.0, machine_cpu() - busy - (sample(ours).cpu - used))
    return Window(
        target=place.target.name,
        role=role.value,
        seconds=seconds,
        ledger=ledger,
        samples=tuple(samples),
        generator=generated / took,
        foreign=foreign / took,
        peak=int((await _counts(place))["peak"]),
        upstream=(sample(upstream).cpu - answered) / took,
    )


async def _counts(place: Loaded, query: str = "") -> dict[str, Any]:
    exchange = await send(Request("GET", f"/counts{query}"), place.upstream_url, patience=10.0)
    if not isinstance(exchange.outcome, Response):
        raise place.upstream.failure("does not answer")
    told: dict[str, Any] = json.loads(b"".join(chunk.data for chunk in exchange.outcome.chunks))
    return told


async def _locust(place: Loaded, plan: LoadPlan, seconds: float) -> tuple[Ledger, float]:
    """What it measured, and the processor seconds that it took itself."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "measured.json")
        command = (
            *(sys.executable, "-m", "locust", "-f", str(Path(__file__).with_name("load.py")), "--headless"),
            *("--host", place.target.url, "--users", str(plan.users), "--spawn-rate", str(plan.users)),
            *("--run-time", f"{seconds:g}", "--stop-timeout", "20", "--shape", plan.shape, "--only", plan.only),
            *("--mix", str(place.mix), "--measured", str(file), "--reset-stats"),
            *("--in-flight", str(plan.in_flight), "--arriving", f"{plan.arriving:g}"),
        )
        env = {**os.environ, "LITELLM_MASTER_KEY": plan.credentials.key}
        before = os.times()
        with pinned(1):
            locust = await start("locust", command, env, Path(folder, "locust.log"), (plan.credentials.key,))
        try:
            await _ended(locust, place)
        finally:
            await locust.stop()
        after = os.times()
        ledger = _measured(file, locust)
        if max(ledger.moments, default=0) + 1 < seconds:
            raise locust.failure(f"ended before its time, after {max(ledger.moments, default=0)} of {seconds:g} s")
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return ledger, spent


async def _ended(locust: Program, place: Loaded) -> None:
    """Raises `TargetFailed` as soon as one of the programs that it sends to has ended before it."""
    programs = (locust, place.upstream, *place.target.programs)
    waiting = [asyncio.ensure_future(program.wait()) for program in programs]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()
    if not locust.ended:
        for program in programs:
            program.require_alive()


def _measured(file: Path, locust: Program) -> Ledger:
    try:
        return ledger_of(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise locust.failure("ended without a measurement") from error


def split(windows: Sequence[Window]) -> tuple[list[Window], list[Window]]:
    """Those of the baseline, both times, in the order in which they were measured; and those of the candidate."""
    candidate = [window for window in windows if window.role == Role.CANDIDATE]
    return [window for window in windows if window.role != Role.CANDIDATE], candidate
