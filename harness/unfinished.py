"""What a run had observed when it was interrupted: kept beside the runs until it is resumed, or another one begins."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import BadInput
from harness.model import Role
from harness.observation import store

FOLDER = ".unfinished"  # in the reports' folder
_PLAN, _OBSERVATIONS = "plan.json", "observations.ndjson"


@dataclass(frozen=True, slots=True)
class Part:
    """Who was compared, in which order; a run that resumes another one has the same."""

    seed: int
    baseline: str
    candidate: str


def read_part(reports: Path) -> Part:
    """Raises `BadInput` if there is nothing to resume."""
    file = reports / FOLDER / _PLAN
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        return Part(int(told["seed"]), str(told["baseline"]), str(told["candidate"]))
    except OSError as error:
        raise BadInput(f"cannot be read ({error.strerror}): there is no interrupted run to resume", file) from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput("is not what an interrupted run leaves", file) from error


def taken_over(reports: Path, part: Part, observations: Path) -> frozenset[tuple[Role, str]]:
    """Copies what was observed to `observations`; gives the role and the scenario of each. A line that was not written
    to its end is left out. Raises `BadInput` if it is of other targets, or if a line within is damaged."""
    if (found := read_part(reports)) != part:
        raise BadInput(f"cannot be resumed: it is of {found}, not of {part}", reports / FOLDER)
    kept = reports / FOLDER / _OBSERVATIONS
    whole = [*store.whole(kept)]
    first = [one for one in whole if not one.attempt]
    with store.writing(observations) as keep:
        for one in first:
            keep(one)
    return frozenset((one.role, one.scenario) for one in first)


@contextmanager
def keeping(reports: Path, part: Part, observations: Path) -> Iterator[None]:
    """What the block has observed stays in `reports/.unfinished` if it does not come to its end."""
    plan = observations.parent / _PLAN
    told = {"seed": part.seed, "baseline": part.baseline, "candidate": part.candidate}
    try:
        plan.parent.mkdir(parents=True, exist_ok=True)
        plan.write_text(json.dumps(told), encoding="utf-8")  # now: once the disk is full it is too late
    except OSError as error:
        raise BadInput(f"cannot be written: {error.strerror}", plan) from error
    try:
        yield
    except BaseException:
        _keep(reports / FOLDER, plan, observations)
        raise
    plan.unlink()
    shutil.rmtree(reports / FOLDER, ignore_errors=True)


def _keep(folder: Path, plan: Path, observations: Path) -> None:
    if not observations.exists() or not observations.stat().st_size:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in (observations, plan):
        file.replace(folder / file.name)
