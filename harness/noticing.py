"""The proof that the harness notices: every sabotage is planted around the candidate, and must be caught.

The baseline is observed twice and the candidate once, as in any run, and nothing may be undeclared. Then the candidate
plays on with a hop on either side of it, and one sabotage after the other is switched on in one of them.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from harness.comparison.run import Reference, compare_attempts, late_in
from harness.errors import BadInput, HarnessError
from harness.footprint import measuring
from harness.journey import first_cause
from harness.model import Declaration, Footprint, LateStreams, Observation, Outcome, Planted, Role, Scenario, Verdict
from harness.replay.run import Site, replay, warm_up
from harness.replay.schedule import replay_all
from harness.sabotage.catalogue import ALL
from harness.sabotage.hop import Hop
from harness.sabotage.mutation import NOTHING
from harness.sabotage.processes import command
from harness.sabotage.sabotage import Face, Sabotage
from harness.settings import ProcessSettings, Settings
from harness.site import Credentials, gateway, site
from harness.upstream.app import SimulatedUpstream
from harness.verdict.declared import read_declarations
from harness.verdict.footprint import START_MORE, START_RATIO, excesses
from harness.verdict.judge import judge
from harness.verdict.lateness import excess_of
from harness.verdict.senses import LATE_STREAMS, MUST, sense_of, senses

Announce = Callable[[Planted], None]
_PATIENCE = 15.0  # seconds for a step: some sabotages let the client wait for what never comes
_TIMES = 5  # that a scenario of many streams is played, one of which is late now and then
_CLEAN = (Outcome.SAME, Outcome.ALLOWED)
_FLAWED = "candidate with flaws"
_Seen = dict[Role, dict[str, Observation]]


@dataclass(frozen=True, slots=True)
class Proof:
    """What is planted, in what, and what it is judged by."""

    settings: Settings
    sabotages: tuple[Sabotage, ...]
    scenarios: tuple[Scenario, ...]
    declared: tuple[Declaration, ...]
    seed: int
    credentials: Credentials


def proof_of(settings: Settings, scenarios: Sequence[Scenario], text: str, seed: int | None) -> Proof:
    """Of the sabotages whose name contains the text. Raises `BadInput`."""
    sabotages, needed = _chosen(text, scenarios)
    order = secrets.randbelow(2**32) if seed is None else seed
    return Proof(settings, sabotages, needed, read_declarations(settings.differences), order, Credentials())


def targets_of(settings: Settings) -> dict[str, str]:
    return {"baseline": settings.baseline, "candidate": settings.candidate}


def _chosen(text: str, scenarios: Sequence[Scenario]) -> tuple[tuple[Sabotage, ...], tuple[Scenario, ...]]:
    picked = tuple(sabotage for sabotage in ALL if text in sabotage.name)
    if not picked:
        raise BadInput(f"no sabotage's name contains {text!r}")
    needed = {sabotage.scenario for sabotage in picked if sabotage.scenario}
    if any(sabotage.face is Face.PROCESS for sabotage in picked):  # its memory needs many requests
        needed |= {sabotage.scenario for sabotage in ALL if sabotage.scenario}
    if missing := sorted(needed - {scenario.id for scenario in scenarios}):
        raise BadInput(f"a sabotage needs the scenario {missing[0]!r}, which is not there")
    return picked, tuple(scenario for scenario in scenarios if scenario.id in needed)


async def prove(proof: Proof, logs: Path, announce: Announce) -> tuple[Planted, ...]:
    """What came of each sabotage. Raises `HarnessError` if the candidate differs while nothing is planted."""
    try:
        return await _prove(proof, logs, announce)
    except BaseExceptionGroup as group:
        raise first_cause(group) from None


async def _prove(proof: Proof, logs: Path, announce: Announce) -> tuple[Planted, ...]:
    async with asyncio.TaskGroup() as tasks:
        baselines = {
            role: tasks.create_task(_observed(role, proof.settings.baseline, proof.settings, each, logs))
            for role, each in {Role.BASELINE: proof, Role.AGAIN: _in_another_order(proof)}.items()
        }
        async with _stage(proof, logs) as stage:
            candidate = await _replayed(proof, stage.site)
            results = {role: await task for role, task in baselines.items()}
            judges = _Judge(proof, {role: seen for role, (seen, _) in results.items()})
            _require_clean([await _looked_at(each, judges, stage.site) for each in candidate.values()])
            costs = tuple(footprint for _, footprint in results.values())
            flawed = tasks.create_task(_flawed(proof, costs, logs / "flawed", announce))
            hops = [sabotage for sabotage in proof.sabotages if sabotage.face in stage.hops]
            planted = [await _plant(sabotage, stage, judges, announce) for sabotage in hops]
            return (*planted, *await flawed)


def _in_another_order(proof: Proof) -> Proof:
    """Where the machine stands still for a moment, both of a scenario's baselines would be late: no lag beside them."""
    return replace(proof, seed=proof.seed + 1)


# --- who is observed ------------------------------------------------------------------------------------------------


async def _observed(
    role: Role, target: str, settings: Settings, proof: Proof, logs: Path
) -> tuple[dict[str, Observation], Footprint]:
    began = time.monotonic()
    async with site(role, target, settings, proof.credentials, None, logs) as (place, _):
        start = time.monotonic() - began
        await warm_up(place, settings.warm_up)
        with measuring(place, start) as meter:
            seen = await _replayed(proof, place)
            meter.requests = sum(len(observation.client) for observation in seen.values())
    return seen, meter.result()


async def _replayed(proof: Proof, place: Site) -> dict[str, Observation]:
    playing = replay_all(proof.scenarios, place, proof.seed, proof.settings.concurrency)
    return {observation.scenario: observation async for observation in playing}


@dataclass(frozen=True, slots=True)
class _Stage:
    """The candidate between two hops."""

    site: Site
    hops: dict[Face, Hop]


@asynccontextmanager
async def _stage(proof: Proof, logs: Path) -> AsyncIterator[_Stage]:
    settings, own = proof.settings, proof.credentials
    hidden = own.hidden(settings.environment)
    named = {name.strip("<>"): secret for secret, name in hidden.items()}
    async with (
        SimulatedUpstream(patience=settings.patience) as upstream,
        Hop(upstream.url, named, apart=True) as behind,
        gateway(settings.candidate, settings, own, behind.url, {}, logs / Role.CANDIDATE.value) as (target, _),
        Hop(target.url, named) as before,
    ):
        place = Site(replace(target, url=before.url), upstream, own.key, Role.CANDIDATE, hidden, _PATIENCE)
        await warm_up(place, settings.warm_up)
        yield _Stage(place, {Face.CLIENT: before, Face.UPSTREAM: behind})


# --- what is judged -------------------------------------------------------------------------------------------------


class _Judge:
    def __init__(self, proof: Proof, seen: _Seen) -> None:
        self._declared, self._seen = proof.declared, seen
        self.scenarios = {scenario.id: scenario for scenario in proof.scenarios}
        self._reference = Reference.of({scenario: self._baseline(scenario) for scenario in self.scenarios})

    def verdict(self, candidate: Observation, *, doubtful: bool) -> Verdict:
        """`doubtful`: also what a parity run would look at a second time."""
        seen = {**self._baseline(candidate.scenario), Role.CANDIDATE: candidate}
        (compared,) = compare_attempts(self._reference, candidate.scenario, {0: seen}, doubtful=doubtful)
        return judge(self.scenarios[candidate.scenario], compared, self._declared)

    def late(self, candidate: Observation) -> LateStreams:
        return late_in({**self._baseline(candidate.scenario), Role.CANDIDATE: candidate})

    def _baseline(self, scenario: str) -> dict[Role, Observation]:
        return {role: observations[scenario] for role, observations in self._seen.items()}


async def _looked_at(candidate: Observation, judges: _Judge, place: Site) -> Verdict:
    """What differs is played once more, as in a parity run: it may be chance."""
    verdict = judges.verdict(candidate, doubtful=False)
    if verdict.outcome in _CLEAN:
        return verdict
    return judges.verdict(await replay(judges.scenarios[candidate.scenario], place), doubtful=False)


def _require_clean(verdicts: Sequence[Verdict]) -> None:
    wrong = [verdict for verdict in verdicts if verdict.outcome not in _CLEAN]
    if wrong:
        told = [
            f"{each.path}: {each.baseline!r}, {each.candidate!r}" for each in (*wrong[0].noise, *wrong[0].unexplained)
        ]
        first = told[0] if told else wrong[0].problem or "a must"
        raise HarnessError(f"{wrong[0].scenario} is {wrong[0].outcome} while nothing is planted: {first}")


async def _plant(sabotage: Sabotage, stage: _Stage, judges: _Judge, announce: Announce) -> Planted:
    hop = stage.hops[sabotage.face]
    times = _TIMES if sabotage.sense == LATE_STREAMS else 1
    hop.mutation, hop.bitten = sabotage.mutation, False
    try:
        seen = [await replay(judges.scenarios[sabotage.scenario], stage.site) for _ in range(times)]
    finally:
        hop.mutation = NOTHING
    if sabotage.sense == LATE_STREAMS:
        planted = _noticed_late(sabotage, hop.bitten, sum((judges.late(each) for each in seen), LateStreams()))
    else:
        planted = _noticed(sabotage, hop.bitten, judges.verdict(seen[0], doubtful=True))
    announce(planted)
    return planted


# --- a candidate whose process is flawed ------------------------------------------------------------------------------


async def _flawed(
    proof: Proof, baselines: tuple[Footprint, ...], logs: Path, announce: Announce
) -> tuple[Planted, ...]:
    """One with all flaws at once, each with a sense of its own. A target that we do not start cannot have any."""
    chosen = [sabotage for sabotage in proof.sabotages if sabotage.face is Face.PROCESS]
    if not chosen or not proof.settings.target(proof.settings.candidate).processes:
        return tuple(Planted(each.name, each.face.value, each.sense, "", bitten=False) for each in chosen)
    slow = START_RATIO * max(each.start for each in baselines) + 2 * START_MORE
    settings = _with_flaws(proof.settings, slow)
    _, footprint = await _observed(Role.CANDIDATE, _FLAWED, settings, proof, logs)
    found = {excess.sense: excess.told for excess in excesses((*baselines, footprint))}
    planted = tuple(
        Planted(each.name, each.face.value, each.sense, "", True, tuple(found), found.get(each.sense, ""))
        for each in chosen
    )
    for each in planted:
        announce(each)
    return planted


def _with_flaws(settings: Settings, slow: float) -> Settings:
    """The candidate, and before it a program that has the flaws."""
    target = settings.target(settings.candidate)
    url = "http://127.0.0.1:{flawed_port}"
    ready = target.processes[-1].ready.replace(target.url, url)
    flawed = ProcessSettings(name="flawed", command=command(target.url, slow), ready=ready)
    whole = target.model_copy(update={"url": url, "processes": (*target.processes, flawed)})
    return settings.model_copy(update={"targets": {**settings.targets, _FLAWED: whole}})


def _noticed_late(sabotage: Sabotage, bitten: bool, late: LateStreams) -> Planted:
    """As the replays of a parity run are judged."""
    found = excess_of(late)
    by, where = ((LATE_STREAMS,), found.told) if found else ((), "")
    return Planted(sabotage.name, sabotage.face.value, sabotage.sense, sabotage.scenario, bitten, by, where)


def _noticed(sabotage: Sabotage, bitten: bool, verdict: Verdict) -> Planted:
    paths = [found.path for found in verdict.unexplained if sense_of(found) == sabotage.sense]
    if sabotage.sense == MUST:
        paths = [broken.must.path for broken in verdict.broken if broken.role is Role.CANDIDATE]
    return Planted(
        sabotage.name,
        sabotage.face.value,
        sabotage.sense,
        sabotage.scenario,
        bitten,
        senses(verdict),
        paths[0] if paths else "",
    )
