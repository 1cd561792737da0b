"""The journey from traffic to a verdict, one function a step. Read this first."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path

from harness.comparison.arrival import is_lag
from harness.errors import BadInput, HarnessError
from harness.footprint import measuring, read_footprints, store_footprints
from harness.judging import Judged, judge_stored
from harness.model import (
    Cut,
    Declaration,
    Excess,
    Footprint,
    Json,
    Judgement,
    Observation,
    Outcome,
    Role,
    Scenario,
    Verdict,
    Wait,
)
from harness.observation import store
from harness.replay.rounds import Rounds
from harness.replay.run import warm_up
from harness.replay.schedule import replay_all
from harness.settings import Settings
from harness.site import Credentials, site
from harness.traffic.scenario_file import read_all
from harness.unfinished import Part, keeping, taken_over
from harness.verdict.declared import read_declarations
from harness.verdict.footprint import excesses
from harness.verdict.gate import gate
from harness.verdict.lateness import ENOUGH, excess_of, is_suspicious

OBSERVATIONS = "observations.ndjson"
_LAST_WORDS = 0.2  # seconds until it is known of a program that it has died of its last request
_STREAMS = 60  # at most, that a round of replays looks at for a candidate that is late now and then
_REPLAYED = 12  # scenarios at most of each kind (noisy, late, different, broken) that are played again


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run replays, and against what."""

    settings: Settings
    scenarios: tuple[Scenario, ...]
    declared: tuple[Declaration, ...]
    seed: int
    whole: bool = True  # False: some scenarios were picked, so that the others' declarations may be unused
    ports: Mapping[Role, int] = field(default_factory=dict)  # of the client's side; free ones where not given
    credentials: Credentials = field(default_factory=Credentials)
    resume: bool = False  # what an interrupted run has observed counts


@dataclass(frozen=True, slots=True)
class Run:
    """What was observed: where it is, and of whom (role, name, version)."""

    id: str
    folder: Path
    targets: tuple[tuple[Role, str, str], ...]
    seconds: float
    made: Json = None  # of what it is true: see `provenance`

    @property
    def names(self) -> dict[str, str]:
        """The names of its baseline and its candidate, as settings."""
        return {str(role): name for role, name, _ in self.targets if role is not Role.AGAIN}


class Watch:
    """What somebody who looks on is told; a terminal overrides it."""

    def starting(self, role: Role, target: str) -> None: ...
    def ready(self, role: Role, version: str) -> None: ...
    def observed(self, role: Role) -> None: ...


# --- the whole ------------------------------------------------------------------------------------------------------


async def parity(plan: Plan, watch: Watch, report: Callable[[Judgement, Path], None]) -> Judgement:
    """Observe, compare, judge, report. Raises `HarnessError` if no judgement is possible.

    The run's folder appears under its name only when everything is in it: a run that was interrupted, or whose reports
    could not be written, leaves no half of one, but what it has observed is there to be resumed.
    """
    began = time.monotonic()
    _refuse_nothing(plan)
    with new_run(plan.settings.reports) as (run, folder):
        observations, part = folder / OBSERVATIONS, _part(plan)
        seen = taken_over(plan.settings.reports, part, observations) if plan.resume else frozenset()
        with keeping(plan.settings.reports, part, observations):
            targets, footprints = await observe(plan, folder, watch, seen)
            store_footprints(footprints, folder)
            judgement = judged(plan, Run(run, folder, targets, time.monotonic() - began))
            report(judgement, folder)
    return judgement


async def observe(
    plan: Plan, folder: Path, watch: Watch, seen: Collection[tuple[Role, str]] = ()
) -> tuple[tuple[tuple[Role, str, str], ...], tuple[Footprint, ...]]:
    """Every scenario against baseline, baseline again and candidate, side by side. Who they were, in what version, and
    what running them cost. Those in `seen` are observed already."""

    def again() -> list[Scenario]:
        found = judge_stored(plan.scenarios, folder / OBSERVATIONS, plan.declared, doubtful=True)
        names = {*undecided(found.verdicts), *streams_to_replay(plan.scenarios, found)}
        return [scenario for scenario in plan.scenarios if scenario.id in names]

    rounds = Rounds(len(Role), again)
    with store.writing(folder / OBSERVATIONS) as keep:
        try:
            async with asyncio.TaskGroup() as tasks:
                left = {role: [each for each in plan.scenarios if (role, each.id) not in seen] for role in Role}
                roles = [
                    tasks.create_task(_observe(role, left[role], plan, folder, keep, watch, rounds)) for role in Role
                ]
        except BaseExceptionGroup as group:
            raise first_cause(group) from None
    results = [role.result() for role in roles]
    return tuple(target for target, _ in results), tuple(footprint for _, footprint in results)


def judged(plan: Plan, run: Run) -> Judgement:
    """From the stored observations alone, so that a run can be judged again."""
    found = judge_stored(plan.scenarios, run.folder / OBSERVATIONS, plan.declared)
    judgement = Judgement(
        run.id,
        plan.seed,
        run.seconds,
        run.targets,
        plan.scenarios,
        found.verdicts,
        found.client,
        found.upstream,
        folder=plan.settings.reports / "runs" / run.id,
        footprints=(footprints := read_footprints(run.folder)),
        excesses=(*excesses(footprints), *_some(excess_of(found.late_again))),
        cosmetic=plan.settings.cosmetic,
    )
    return gate(judgement, plan.declared, datetime.now(UTC).date(), whole=plan.whole)


def undecided(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """What could be chance, and is played again: noise, and, once, a difference. Many of those are no chance, but for
    lags: a machine that stands still makes many."""
    noisy = [verdict.scenario for verdict in verdicts if verdict.noise and not verdict.problem]
    broken = [v for v in verdicts if v.outcome is Outcome.BROKEN and not v.problem]
    apart = [v for v in verdicts if v.outcome in (Outcome.DIFFERENT, Outcome.COSMETIC)]
    late = [v for v in apart if v.unexplained and all(map(is_lag, v.unexplained)) and not v.broken]
    others = [v for v in apart if v not in late]
    once = [*late[:_REPLAYED], *_if_few(others), *_if_few(broken)]
    return (*noisy[:_REPLAYED], *(verdict.scenario for verdict in once if not verdict.replays))


def streams_to_replay(scenarios: Sequence[Scenario], found: Judged) -> list[str]:
    """Name scenarios with many streams, where so many came late that they may be late now and then on the candidate."""
    is_decided = found.late_again.streams >= ENOUGH or excess_of(found.late_again) is not None
    if is_decided or not is_suspicious(found.late_at_first):
        return []
    plain = [scenario for scenario in scenarios if _only_streams(scenario)]
    most_first = sorted(plain, key=lambda scenario: -len(scenario.steps))
    streams = accumulate(len(scenario.steps) for scenario in most_first)
    return [scenario.id for scenario, many in zip(most_first, streams, strict=True) if many <= _STREAMS]


def _only_streams(scenario: Scenario) -> bool:
    """Whether each step is a stream that goes well and one at a time: such steps take little time."""
    replies = [reply for step in scenario.steps for reply in step.replies]
    acts = [act for reply in replies for act in reply.acts or ()]
    return (
        len(replies) == len(scenario.steps)
        and not any(step.together or step.leave_after is not None for step in scenario.steps)
        and all(reply.status == 200 and reply.acts and not reply.before for reply in replies)
        and not any(isinstance(act, Wait | Cut) for act in acts)
    )


def _if_few(verdicts: list[Verdict]) -> list[Verdict]:
    return verdicts if len(verdicts) <= _REPLAYED else []


def _some(excess: Excess | None) -> tuple[Excess, ...]:
    return () if excess is None else (excess,)


# --- one target -----------------------------------------------------------------------------------------------------


async def _observe(
    role: Role,
    scenarios: Sequence[Scenario],
    plan: Plan,
    folder: Path,
    keep: Callable[[Observation], None],
    watch: Watch,
    rounds: Rounds,
) -> tuple[tuple[Role, str, str], Footprint]:
    name = plan.settings.candidate if role is Role.CANDIDATE else plan.settings.baseline
    watch.starting(role, name)
    port, logs = plan.ports.get(role), folder / "logs"
    began = time.monotonic()
    async with site(role, name, plan.settings, plan.credentials, port, logs) as (place, version):
        start = time.monotonic() - began
        await warm_up(place, plan.settings.warm_up)
        watch.ready(role, version)
        with measuring(place, start) as meter:
            async for observation in replay_all(scenarios, place, plan.seed, plan.settings.concurrency):
                keep(observation)
                watch.observed(role)
                meter.requests += len(observation.client)
        async for observation in rounds.again(place, plan.seed):
            keep(observation)
        await asyncio.sleep(_LAST_WORDS)
        place.target.require_alive()
    return (role, name, version), meter.result()


# --- the run's folder -----------------------------------------------------------------------------------------------


@contextmanager
def new_run(reports: Path) -> Iterator[tuple[str, Path]]:
    """`reports/runs/<id>`, and `reports/latest` for it, once the block is through; nothing at all before."""
    run = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    folder = reports / "runs" / f".{run}.unfinished"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise BadInput(f"cannot be made: {error.strerror}", folder) from error
    try:
        yield run, folder
        folder.rename(folder.parent / run)
        _point_latest(reports, run)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def beside_latest(reports: Path) -> Iterator[Path]:
    """The folder of the latest run, for what is to be found beside its reports; a new one where there is none."""
    latest = reports / "latest"
    if latest.is_dir():
        yield latest.resolve()
        return
    with new_run(reports) as (_, folder):
        yield folder


def stored_run(folder: Path) -> tuple[Run, int]:
    """A run that was reported, and the seed of its order. Raises `BadInput` if the folder holds none."""
    file = folder.resolve() / "parity.json"
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        targets = tuple((Role(one["role"]), str(one["name"]), str(one["version"])) for one in told["targets"])
        return Run(file.parent.name, file.parent, targets, float(told["seconds"]), told.get("made")), int(told["seed"])
    except OSError as error:
        raise BadInput(f"cannot be read ({error.strerror}): name the folder of a run", file) from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput("is not the report of a run", file) from error


def failed_last(reports: Path) -> frozenset[str]:
    """The scenarios of the last run that were neither the same nor allowed. Raises `BadInput` if there was no run."""
    run, _ = stored_run(reports / "latest")
    told = json.loads((run.folder / "parity.json").read_text(encoding="utf-8"))["scenarios"]
    return frozenset(one["id"] for one in told if one["outcome"] not in (Outcome.SAME, Outcome.ALLOWED))


def _point_latest(reports: Path, run: str) -> None:
    new = reports / f".latest-{run}"
    new.symlink_to(Path("runs") / run, target_is_directory=True)
    new.replace(reports / "latest")


def plan_of(
    settings: Settings, scenarios: Sequence[Scenario], seed: int | None, ports: Mapping[Role, int], *, whole: bool
) -> Plan:
    """A gateway beside itself has nothing to declare, and cannot be better: declarations and musts are of two."""
    chosen = secrets.randbelow(2**32) if seed is None else seed
    declared = read_declarations(settings.differences)
    if settings.is_self_comparison:
        scenarios, declared = [without_musts(each) for each in scenarios], ()
    return Plan(settings, tuple(scenarios), declared, chosen, whole, ports)


def without_musts(scenario: Scenario) -> Scenario:
    """Musts are about right and wrong, and some hold for an improved gateway alone."""
    return replace(scenario, steps=tuple(replace(step, must=()) for step in scenario.steps))


def elsewhere(settings: Settings) -> tuple[Scenario, ...]:
    """What runs on other configurations play."""
    return tuple(scenario for folder in settings.further for scenario in read_all(folder))


def _part(plan: Plan) -> Part:
    return Part(plan.seed, plan.settings.baseline, plan.settings.candidate)


def _refuse_nothing(plan: Plan) -> None:
    if not plan.scenarios:
        raise BadInput("no scenario is left to replay: choose fewer filters", plan.settings.scenarios)


def first_cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Of errors that came together the one that a user can act on; the first, if there is none."""
    flat = [*_leaves(group)]
    return next((error for error in flat if isinstance(error, HarnessError)), flat[0])


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
