"""False alarms: the baseline compared with itself, again and again. What is found then is the harness's own fault."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import BadInput, TargetFailed
from harness.journey import OBSERVATIONS, Plan, Watch, observe, without_musts
from harness.judging import judge_stored
from harness.model import Excess, Json, Verdict
from harness.provenance import Measured, stamped
from harness.verdict.lateness import excess_of

_DEATHS = 2  # of a baseline, which dies of a signal now and then (LiteLLM 1.106.2, in C), and has judged nothing then


@dataclass(frozen=True, slots=True)
class SelfRun:
    """One comparison of the baseline (twice) with the baseline as its own candidate."""

    number: int
    seed: int
    seconds: float
    scenarios: int
    found: tuple[Verdict, ...]  # with a difference, noise or a problem
    flaky: tuple[str, ...] = ()  # the baseline answers them in more than one way: replays have shown it
    late: Excess | None = None  # streams that came late now and then

    @property
    def has_alarm(self) -> bool:
        return bool(self.found) or self.late is not None


@dataclass(frozen=True, slots=True)
class SelfRuns:
    """`died`: what ended of the baseline's programs; such a run is begun anew. `ended`: why there are no more runs."""

    done: tuple[SelfRun, ...]
    died: tuple[str, ...] = ()
    ended: str | None = None


async def compare_with_itself(plan: Plan, runs: int, folder: Path, told: Callable[[SelfRun | str], None]) -> SelfRuns:
    """Each run starts the three targets anew, in an order of its own; nothing is declared. What was observed stays in
    `folder` where something was found. Raises `BadInput`; where targets die again and again, what was done is there."""
    if not plan.scenarios:
        raise BadInput("no scenario is left to replay: choose fewer filters", plan.settings.scenarios)
    baseline = plan.settings.model_copy(update={"candidate": plan.settings.baseline})
    scenarios = tuple(map(without_musts, plan.scenarios))
    done, died = list[SelfRun](), list[str]()
    while len(done) < runs:
        number = len(done)
        one = replace(plan, settings=baseline, scenarios=scenarios, declared=(), seed=plan.seed + number, ports={})
        try:
            own = f"self-{number}-{len(died)}" if died else f"self-{number}"  # of who died, all is kept
            done.append(await _run(one, number, folder / own))
            told(done[-1])
        except TargetFailed as error:
            died.append(f"run {number}: {str(error).partition(chr(10))[0]}")
            if len(died) > _DEATHS:
                if not done:
                    raise
                return SelfRuns(tuple(done), tuple(died), str(error))
            told(f"{died[-1]} It is begun anew.")
    return SelfRuns(tuple(done), tuple(died))


async def _run(plan: Plan, number: int, folder: Path) -> SelfRun:
    began = time.monotonic()
    await observe(plan, folder, Watch())
    judged = judge_stored(plan.scenarios, folder / OBSERVATIONS, plan.declared)
    verdicts, late = judged.verdicts, excess_of(judged.late_again)
    found = tuple(verdict for verdict in verdicts if verdict.unexplained or verdict.noise or verdict.problem)
    flaky = tuple(verdict.scenario for verdict in verdicts if verdict.replays and verdict not in found)
    run = SelfRun(number, plan.seed, time.monotonic() - began, len(verdicts), found, flaky, late)
    if not run.has_alarm:
        shutil.rmtree(folder)
    return run


# --- what is written ------------------------------------------------------------------------------------------------


def as_json(all_runs: SelfRuns) -> dict[str, Json]:
    """`findings` counts the scenarios of all runs in which something was found; `details` has them."""
    runs = all_runs.done
    details: list[Json] = [_finding(run, verdict) for run in runs for verdict in run.found]
    details += [_late(run, run.late) for run in runs if run.late]
    return {
        "runs": len(runs),
        "runs_with_findings": sum(run.has_alarm for run in runs),
        "findings": len(details),
        "scenarios": runs[-1].scenarios if runs else 0,
        "flaky": [f"run {run.number}: {name}" for run in runs for name in run.flaky],
        "seconds": round(sum(run.seconds for run in runs), 1),
        "died": [*all_runs.died],
        "ended": all_runs.ended,
        "details": details,
    }


def _finding(run: SelfRun, verdict: Verdict) -> Json:
    paths: list[Json] = [difference.path for difference in (*verdict.noise, *verdict.unexplained)]
    return {
        "run": run.number,
        "seed": run.seed,
        "scenario": verdict.scenario,
        "outcome": verdict.outcome.value,
        "problem": verdict.problem,
        "paths": paths,
    }


def _late(run: SelfRun, late: Excess) -> Json:
    whole: dict[str, Json] = {"scenario": "all streams", "outcome": late.sense, "problem": late.told, "paths": []}
    return {"run": run.number, "seed": run.seed, **whole}


def write(runs: SelfRuns, folder: Path, settings: Measured) -> Path:
    file = folder / "self.json"
    file.write_text(json.dumps(stamped(as_json(runs), settings), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return file
