"""What the gate puts the candidate under: as many calls at once as it asks for, then more or fewer, to its limit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

from harness.errors import HarnessError
from harness.gate.load_lines import FILE, Step, Targets, UnderLoad, broken, calm
from harness.load_journey import Loaded, LoadPlan, loaded, window
from harness.model import Role
from harness.performance.window import Window, disturbed, told
from harness.replay.target import RunningTarget
from harness.settings import Settings
from harness.site import Credentials

Tell = Callable[[str], None]
_WINDOWS = 4
_MORE = 3  # windows, in place of disturbed ones
_INSIDE = 1.06  # of the calls at once some are within the target, not at its upstream
_UP, _DOWN = (1.5, 2.0, 3.0, 4.0, 6.0), (0.5, 0.25, 0.1)  # of what is asked for
_BEFORE_RAMP = 10.0  # seconds of warm-up, and with the upstream alone


@dataclass(frozen=True, slots=True)
class Load:
    """Times in seconds. `step`: a window of the ramp, which takes `ramp` in all."""

    settings: Settings
    logs: Path
    folder: Path
    step: float = 12.0
    ramp: float = 150.0
    credentials: Credentials = field(default_factory=Credentials)  # one target, one key, however many windows

    @property
    def targets(self) -> Targets:
        gate = self.settings.gate
        return Targets(gate.error_rate, gate.latency_p95, gate.memory, gate.concurrent)

    @property
    def window(self) -> float:
        return self.settings.gate.seconds / _WINDOWS

    @property
    def before(self) -> float:
        return min(_BEFORE_RAMP, self.window)


async def under_load(load: Load, tell: Tell, keep: Callable[[UnderLoad], None]) -> None:
    """`keep` is given all that was seen, each time that there is more. A program that dies, and Ctrl-C, end it: then
    what was seen says so, and the error goes on."""
    seen = UnderLoad()

    def more(now: UnderLoad) -> None:
        nonlocal seen
        seen = now
        _write(load, seen)
        keep(seen)

    try:
        async with loaded(Role.CANDIDATE, _plan(load, load.targets.concurrent), load.logs) as place:
            await _asked(load, place, tell, more)
            await _ramp(load, place, seen, tell, more)
    except (HarnessError, asyncio.CancelledError) as error:
        more(replace(seen, ended=str(error).partition("\n")[0] or "interrupted"))
        raise


async def _asked(load: Load, place: Loaded, tell: Tell, more: Callable[[UnderLoad], None]) -> None:
    level = load.targets.concurrent
    plan, alone = _plan(load, level), replace(place, target=RunningTarget("upstream", place.upstream_url))
    tell(f"load: {level} calls at once at the upstream alone, then through {place.target.name}")
    direct = await window(alone, Role.BASELINE, plan, load.before)
    await window(place, Role.CANDIDATE, plan, load.before)
    windows: tuple[Window, ...] = ()
    while len(windows) < _WINDOWS or (_wanting(windows) and len(windows) < _WINDOWS + _MORE):
        windows = (*windows, await window(place, Role.CANDIDATE, plan, load.window))
        more(UnderLoad(windows, direct))
        tell(f"load: window {len(windows)} of {max(_WINDOWS, len(windows))}, {_said(windows[-1])}")


def _wanting(windows: Sequence[Window]) -> bool:
    """Whether too few of them were undisturbed."""
    return any(disturbed(each) for each in calm(windows))


async def _ramp(load: Load, place: Loaded, seen: UnderLoad, tell: Tell, more: Callable[[UnderLoad], None]) -> None:
    until = monotonic() + load.ramp
    asked = load.targets.concurrent
    holds = not any(broken(each, load.targets) for each in seen.windows)
    held, failed = (asked, 0) if holds else (0, asked)

    async def holds_at(level: int) -> bool:
        nonlocal seen
        found = await window(place, Role.CANDIDATE, _plan(load, level), load.step)
        if broken(found, load.targets) and disturbed(found):
            tell(f"load: {level} at once, {_said(found)}: once more, for {disturbed(found)}")
            found = await window(place, Role.CANDIDATE, _plan(load, level), load.step)
        seen = replace(seen, steps=(*seen.steps, Step(level, found)))
        more(seen)
        why = broken(found, load.targets)
        tell(f"load: {level} at once, {_said(found)}: {why or 'holds'}")
        return not why

    for level in [round(asked * share) for share in (_UP if holds else _DOWN)]:
        if monotonic() > until or level < 1:
            return
        if await holds_at(level):
            held = level
        else:
            failed = level
        if (failed > 0) if holds else (held > 0):
            break
    while held and failed and failed - held > max(5, held // 5) and monotonic() < until:
        middle = (held + failed) // 2
        held, failed = (middle, failed) if await holds_at(middle) else (held, middle)


def _plan(load: Load, level: int) -> LoadPlan:
    calls = round(level * _INSIDE + 0.5)
    return LoadPlan(load.settings, users=level, in_flight=calls, credentials=load.credentials)


def _said(found: Window) -> str:
    row = found.ledger.together()
    times = {"TTFT": row.ttft.percentile(0.95), "whole": row.total.percentile(0.95)}
    p95 = ", ".join(f"{name} p95 {value * 1000:.0f} ms" for name, value in times.items() if value is not None)
    why = f" ({row.failures.most_common(1)[0][0][:120]})" if row.failures else ""
    return f"{row.calls} calls, {row.failed} failed{why}, {p95}"


def _write(load: Load, seen: UnderLoad) -> None:
    tree = {
        "ended": seen.ended or None,
        "direct": told(seen.direct) if seen.direct else None,
        "windows": [told(each) for each in seen.windows],
        "steps": [{"level": step.level, **told(step.window)} for step in seen.steps],
    }
    (load.folder / FILE).write_text(json.dumps(tree), encoding="utf-8")
