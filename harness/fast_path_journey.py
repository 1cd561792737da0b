"""The fast path under generated sequences of calls: with it, without it, and LiteLLM's own path; what differs.

Each worker is a thread in which Hypothesis makes sequences, one after the other, and shrinks those that differ. All of
them play on the same warm gateways, each on deployments and upstreams of its own (`trials.fast_path.deployments`).
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.errors import Flaky
from hypothesis.reporting import with_reporter
from hypothesis.stateful import run_state_machine_as_test

from harness.comparison.bytewise import compare_bytes
from harness.comparison.cookies import Jar, jars, set_by
from harness.comparison.run import Reference, compare_attempts
from harness.errors import HarnessError
from harness.model import Declaration, Difference, Observation, Request, Role, Scenario, Step
from harness.performance.sampling import sample
from harness.replay.run import Site, play, warm_up
from harness.replay.target import RunningTarget
from harness.settings import Settings
from harness.site import Credentials, gateway
from harness.traffic import scenario_file
from harness.trials.fast_path import deployments
from harness.trials.fast_path.calls import Model
from harness.trials.fast_path.deployments import TokenIssuer
from harness.trials.fast_path.machine import STEPS, FastPathMachine
from harness.upstream.app import SimulatedUpstream
from harness.verdict.judge import judge

Tell = Callable[[str], None]
Tree = dict[str, Any]
WITH, WITHOUT, BASELINE = "with the fast path", "without the fast path", "baseline"
_NAME = "fast-path/sequence"
_CONFIRMED = 2  # times that a difference is seen again, in the whole sequence, before it counts
_MOST_CHANCE = 0.1  # of the sequences
_TOLD_EVERY = 15.0  # seconds
_SHOWN = 4000  # characters of a value in the report
_STEP_PATIENCE = 20.0  # seconds
_REST = deployments.COOLDOWN_SECONDS + 0.7  # seconds


@dataclass(frozen=True, slots=True)
class FastPathPlan:
    """`sequences` in all; one of `baseline_share` is compared with the baseline too (0: none). `declared`: the
    differences from the baseline that are allowed; between the two ways of the SDK proxy none is."""

    settings: Settings
    declared: tuple[Declaration, ...]
    sequences: int
    seed: int
    without: str = "sdk-without-fast-path"
    baseline_share: int = 10
    workers: int = 16
    shrink_seconds: float = 60.0  # for one difference
    stops_at: str | None = None  # the run ends when it has found a difference whose paths hold this text


class Differs(AssertionError):
    """The gateways differ in the last step of these."""

    def __init__(self, steps: Sequence[Step], beside: str, found: Sequence[Difference]) -> None:
        self.steps, self.beside, self.found = tuple(steps), beside, tuple(found)
        super().__init__(f"{beside}: {', '.join(difference.path for difference in found)}")

    @property
    def signature(self) -> tuple[str, ...]:
        """What two differences of the same cause have in common, in most cases."""
        return (self.beside, *sorted({_signature(each) for each in self.found}))


def _size(error: Differs) -> tuple[int, int]:
    return len(error.steps), sum(len(step.request.body) + len(str(step)) for step in error.steps)


class Stopped(BaseException):
    """The run ends; no test may take it for a failure."""


def _signature(difference: Difference) -> str:
    path = re.sub(r"/\d+", "/*", difference.path)
    one, other = difference.baseline, difference.candidate
    if isinstance(one, list) and isinstance(other, list):
        lines = set(map(str, one)) ^ set(map(str, other))
        return f"{path} ({', '.join(sorted({line.partition(':')[0].lower() for line in lines}))})"
    return f"{path} ({one} -> {other})" if isinstance(one, int) and isinstance(other, int) else path


# --- the whole ------------------------------------------------------------------------------------------------------


async def fuzz_fast_path(plan: FastPathPlan, folder: Path, tell: Tell) -> Tree:
    """Return the report. Scenario files of what differs are in `folder`. Raises `HarnessError`."""
    began = time.monotonic()
    async with _arena(plan, folder, tell) as arena:
        tell(f"seed {plan.seed}: {plan.sequences} sequences on {plan.workers} workers")
        await arena.run()
        cpu = arena.cpu_seconds()
    tree = _to_tree(arena, folder, cpu, time.monotonic() - began)
    require_evidence(tree, plan)
    return tree


def require_evidence(tree: Tree, plan: FastPathPlan) -> None:
    """Raise `HarnessError` where a run without differences shows nothing: too little was compared, or for chance."""
    if tree["differences"]:
        return
    if tree["sequences"] < plan.sequences:
        raise HarnessError(
            f"only {tree['sequences']} of {plan.sequences} sequences were played: see the logs, run again"
        )
    if tree["unsteady"] > tree["sequences"] * _MOST_CHANCE:
        raise HarnessError(f"{tree['unsteady']} differences were not seen again: run it on a machine that is less busy")
    if plan.baseline_share and tree["noisy"] > max(1, tree["beside_the_baseline"] * _MOST_CHANCE):
        raise HarnessError(f"the baseline differed from itself in {tree['noisy']} sequences: run it again")


async def replay_sequence(plan: FastPathPlan, file: Path, folder: Path, tell: Tell) -> Tree:
    """Return the report of the one sequence of a scenario file."""
    scenario, began = scenario_file.read(file), time.monotonic()
    async with _arena(replace(plan, workers=1, baseline_share=1), folder, tell) as arena:
        await arena.run_only(scenario.steps)
        cpu = arena.cpu_seconds()
    return _to_tree(arena, folder, cpu, time.monotonic() - began)


@asynccontextmanager
async def _arena(plan: FastPathPlan, folder: Path, tell: Tell) -> AsyncIterator[_Arena]:
    config = folder / "fast-path-config.yaml"
    config.write_text(deployments.to_yaml(plan.workers), encoding="utf-8")
    targets = {WITH: plan.settings.candidate, WITHOUT: plan.without}
    if plan.baseline_share:
        targets[BASELINE] = plan.settings.baseline
    credentials = Credentials()
    async with AsyncExitStack() as stack:
        contexts = [_sites(role, name, plan, config, credentials, folder / "logs") for role, name in targets.items()]
        starting = map(stack.enter_async_context, contexts)
        started = await asyncio.gather(*starting, return_exceptions=True)  # those that are up are stopped by the stack
        for each in started:
            if isinstance(each, BaseException):
                raise each
        sites: dict[str, list[Site]] = dict(zip(targets, started, strict=True))  # type: ignore[arg-type]
        await asyncio.gather(*(_warm(each[0]) for each in sites.values()))
        yield _Arena(plan, sites, folder, tell)


@asynccontextmanager
async def _sites(
    role: str, name: str, plan: FastPathPlan, config: Path, credentials: Credentials, logs: Path
) -> AsyncIterator[list[Site]]:
    """Start a gateway; give a site for each worker."""
    async with AsyncExitStack() as stack:
        upstreams = [
            await stack.enter_async_context(SimulatedUpstream(patience=2.0, gap=0.05, first=TokenIssuer().reply))
            for _ in range(plan.workers)
        ]
        given = {name: value for name, value in plan.settings.environment.items() if not _is_provider(name)}
        own = given | deployments.environment(plan.workers)
        changed = plan.settings.model_copy(update={"config": config, "environment": own})
        places = deployments.upstream_names([upstream.url for upstream in upstreams])
        started = gateway(name, changed, credentials, upstreams[0].url, {}, logs / role.replace(" ", "-"), places)
        target, _ = await stack.enter_async_context(started)
        yield [_site(target, upstream, credentials, own) for upstream in upstreams]


def _site(
    target: RunningTarget, upstream: SimulatedUpstream, credentials: Credentials, environment: Mapping[str, str]
) -> Site:
    places = {url.partition("//")[2]: place for url, place in ((upstream.url, "<upstream>"), (target.url, "<host>"))}
    hidden = {**credentials.hidden(environment), **places}
    return Site(target, upstream, credentials.key, Role.CANDIDATE, hidden, step_patience=_STEP_PATIENCE)


def _is_provider(variable: str) -> bool:
    """Whether the library's configuration reads a provider's address or key there, for which this one has others."""
    return variable.endswith(("_API_BASE", "_API_KEY"))


async def _warm(site: Site) -> None:
    """LiteLLM's first calls of a kind load code, and are answered otherwise."""
    names = {"/v1/chat/completions": ("gpt", "claude", "gemini"), "/v1/messages": ("claude",)}
    own = {path: [deployments.name_of(f"fuzz-{name}", 0) for name in each] for path, each in names.items()}
    await warm_up(site, own)


# --- the workers ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Found:
    """One difference as it was shrunk, and how many sequences had one like it."""

    error: Differs
    sequences: int = 1


class _Arena:
    """All workers, and what they have found. The loop that plays is the caller's; the workers are threads."""

    def __init__(self, plan: FastPathPlan, sites: Mapping[str, Sequence[Site]], folder: Path, tell: Tell) -> None:
        self.plan, self.sites, self.folder, self.tell = plan, sites, folder, tell
        self.loop = asyncio.get_running_loop()
        self.counts: Counter[str] = Counter()
        self.known: dict[tuple[str, ...], _Found] = {}
        self.unsteady: dict[tuple[str, ...], _Found] = {}
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.failure: HarnessError | None = None
        self._before = {role: self._cpu(role) for role in sites}

    async def run(self) -> None:
        """Raises `HarnessError` if a gateway has died."""
        shares = [len(range(number, self.plan.sequences, self.plan.workers)) for number in range(self.plan.workers)]
        workers = [_Worker(self, number) for number in range(self.plan.workers)]
        telling = asyncio.create_task(self._tell())
        pool = ThreadPoolExecutor(self.plan.workers)  # asyncio's own has too few threads
        pairs = zip(workers, shares, strict=True)
        running = [self.loop.run_in_executor(pool, worker.run, share) for worker, share in pairs]
        try:
            await asyncio.gather(*running)
        finally:
            self.stopped.set()
            telling.cancel()
            await asyncio.to_thread(pool.shutdown)  # each ends after the call that it plays, which needs this loop
        self._require_alive()

    async def run_only(self, steps: Sequence[Step]) -> None:
        worker = _Worker(self, 0)
        await asyncio.to_thread(worker.run_only, steps)
        self._require_alive()

    def cpu_seconds(self) -> dict[str, float]:
        return {role: round(self._cpu(role) - before, 1) for role, before in self._before.items()}

    def note(self, error: Differs, first: Differs) -> None:
        """Keep a difference under its own signature, and under that which it had `first`, before it was shrunk."""
        with self.lock:
            found = self.known.get(error.signature) or self.known.get(first.signature) or _Found(error)
            if found.error is error:
                self.tell(f"a difference from the one {error.beside}: {'; '.join(error.signature[1:])}")
            self.known |= {error.signature: found, first.signature: found}
            if self.plan.stops_at is not None and self.plan.stops_at in " ".join(error.signature):
                self.stopped.set()

    def doubt(self, error: Differs) -> None:
        """Keep a difference that was not seen again: a machine that stands still makes some."""
        with self.lock:
            self.counts["unsteady"] += 1
            self.unsteady.setdefault(error.signature, _Found(error, 0)).sequences += 1

    def is_known(self, error: Differs) -> bool:
        with self.lock:
            known = self.known.get(error.signature)
            if known is not None:
                known.sequences += 1
        return known is not None

    def _cpu(self, role: str) -> float:
        return sample(self.sites[role][0].target.pids).cpu

    def _require_alive(self) -> None:
        if self.failure is not None:
            raise self.failure
        for sites in self.sites.values():
            sites[0].target.require_alive()

    async def _tell(self) -> None:
        for at in count(1):
            await asyncio.sleep(_TOLD_EVERY)
            self._require_alive()
            done = self.counts
            self.tell(
                f"{at * _TOLD_EVERY:5.0f} s: {done['sequences']} of {self.plan.sequences} sequences, {done['calls']} "
                f"calls, {done['beside the baseline']} beside the baseline, {len(_distinct(self.known))} differences, "
                f"{done['unsteady']} unsteady"
            )


class _Worker:
    """The arena of one thread's state machine (`machine.Arena`)."""

    def __init__(self, arena: _Arena, number: int) -> None:
        self.arena, self.number = arena, number
        self.plan = arena.plan
        self.sites = {role: sites[number] for role, sites in arena.sites.items()}
        self.models: tuple[Model, ...] = deployments.models()
        self.references: deque[Reference] = deque(maxlen=30)
        self.jar: Jar = {}  # of all that its upstream has set: the SDK proxy keeps it
        self._done, self._share = 0, 1
        self._shrinking_since: float | None = None
        self._first: Differs | None = None
        self._smallest: Differs | None = None
        self._played = count(1)
        self._rested = [0.0] * deployments.COOLING

    @property
    def baseline_share(self) -> int:
        return self.plan.baseline_share

    def run(self, sequences: int) -> None:
        """Play that many sequences, besides those that shrink what differs."""
        self._share = sequences
        for turn in count():
            if self._done >= sequences or self.arena.stopped.is_set():
                return
            self._shrinking_since = self._first = self._smallest = None
            with with_reporter(lambda _: None):
                self._search(sequences - self._done, self.plan.seed * 1000 + self.number + 101 * turn)

    def run_only(self, steps: Sequence[Step]) -> None:
        sequence = self.begin(with_baseline=True)
        try:
            for step in steps:
                sequence.send(step)
            sequence.end()
        except Differs as error:
            self.arena.note(error, error)

    def begin(self, with_baseline: bool) -> _Sequence:
        if self._shrinking_since is None:
            if self._done == self._share:
                raise Stopped
            self._done += 1
            self.arena.counts["sequences"] += 1
        return _Sequence(self, with_baseline and BASELINE in self.sites)

    def await_on_loop(self, work: Any) -> Any:
        """The result of a coroutine, which the arena's loop runs."""
        if self.arena.stopped.is_set():
            work.close()
            raise Stopped
        try:
            return asyncio.run_coroutine_threadsafe(work, self.arena.loop).result()
        except HarnessError as error:
            self.arena.failure = error
            self.arena.stopped.set()
            raise Stopped from error

    def check_time(self) -> None:
        """Raises `Stopped` where a difference has been shrunk for long enough."""
        since = self._shrinking_since
        if since is not None and time.monotonic() - since > self.plan.shrink_seconds:
            raise Stopped

    def fail(self, error: Differs) -> None:
        """Raises the difference, which is kept if Hypothesis finds no smaller one."""
        self._first = self._first or error
        self._shrinking_since = self._shrinking_since or time.monotonic()
        self._smallest = min(self._smallest or error, error, key=_size)
        raise error

    def is_known(self, error: Differs) -> bool:
        """Whether one like it was found before. What is being shrunk was not."""
        return self._shrinking_since is None and self.arena.is_known(error)

    def nonce(self) -> str:
        return f"{self.number}-{next(self._played)}"

    async def cooled(self) -> int:
        """The number of a deployment of those with cooldowns that has none now."""
        at = min(range(deployments.COOLING), key=self._rested.__getitem__)
        await asyncio.sleep(max(0.0, self._rested[at] - time.monotonic()))
        return at

    def used(self, cooling: int) -> None:
        self._rested[cooling] = time.monotonic() + _REST

    def _search(self, sequences: int, first: int) -> None:
        chosen = settings(
            max_examples=sequences,
            stateful_step_count=STEPS,
            phases=[Phase.generate, Phase.shrink],
            database=None,
            deadline=None,
            suppress_health_check=[*HealthCheck],
            report_multiple_bugs=False,
            print_blob=False,
            verbosity=Verbosity.quiet,
        )

        @seed(first)
        def machine() -> FastPathMachine:
            return FastPathMachine(self)

        with suppress(Differs, Flaky, Stopped):
            run_state_machine_as_test(machine, settings=chosen)  # type: ignore[arg-type]  # any factory will do
        if self._smallest is not None and self._first is not None:
            self.arena.note(self._smallest, self._first)


class _Sequence:
    """One sequence as it is played (`machine.Sequenced`)."""

    def __init__(self, worker: _Worker, with_baseline: bool) -> None:
        self._worker, self._with_baseline = worker, with_baseline
        self._steps: list[Step] = []
        self._nonce = worker.nonce()
        self._cooling: int | None = None

    def send(self, step: Step) -> None:
        """Raises `Differs`, once it was seen again."""
        self._steps.append(step)
        steps, worker = tuple(self._steps), self._worker
        worker.check_time()
        if self._cooling is None and deployments.has_cooldown(step.request.body):
            self._cooling = worker.await_on_loop(worker.cooled())
        worker.arena.counts["calls"] += 1
        found = worker.await_on_loop(self._pair(step, self._nonce, self._cooling or 0))
        if found and worker.is_known(Differs(steps, WITHOUT, found)):
            return
        if found and all(worker.await_on_loop(self._again(steps)) for _ in range(_CONFIRMED)):
            worker.fail(Differs(steps, WITHOUT, found))
        elif found:
            worker.arena.doubt(Differs(steps, WITHOUT, found))

    def end(self) -> None:
        """Compare with the baseline, if this one is to be. Raises `Differs`, once it was seen again."""
        worker, steps = self._worker, tuple(self._steps)
        if self._cooling is not None:
            worker.used(self._cooling)
        if not self._with_baseline or not steps:
            return
        worker.check_time()
        worker.arena.counts["beside the baseline"] += 1
        found = worker.await_on_loop(self._beside_baseline(steps))
        if found and worker.is_known(Differs(steps, BASELINE, found)):
            return
        if found and worker.await_on_loop(self._beside_baseline(steps)):
            worker.fail(Differs(steps, BASELINE, found))
        elif found:
            worker.arena.doubt(Differs(steps, BASELINE, found))

    async def _again(self, steps: Sequence[Step]) -> tuple[Difference, ...]:
        """What differs in the last of the steps, when all of them are played anew."""
        nonce, cooling = self._worker.nonce(), await self._cooled()
        found: tuple[Difference, ...] = ()
        for step in steps:
            found = await self._pair(step, nonce, cooling)
        if self._cooling is not None:
            self._worker.used(cooling)
        return found

    async def _cooled(self) -> int:
        return 0 if self._cooling is None else await self._worker.cooled()

    async def _pair(self, step: Step, nonce: str, cooling: int) -> tuple[Difference, ...]:
        scenario = _scenario([self._own(step, nonce, cooling)])
        if deployments.exchanges_tokens(step.request.body):
            await asyncio.sleep(deployments.STALE_SECONDS)  # each call needs a token of its own
        with_it, without = await asyncio.gather(self._observe(scenario, WITH), self._observe(scenario, WITHOUT))
        self._worker.jar = jars([self._worker.jar, set_by([with_it])])
        return compare_bytes(scenario, without, with_it)

    async def _observe(self, scenario: Scenario, role: str, as_role: Role = Role.CANDIDATE) -> Observation:
        site = replace(self._worker.sites[role], role=as_role)
        return (await play(scenario, site)).observation

    async def _beside_baseline(self, steps: Sequence[Step]) -> tuple[Difference, ...]:
        """What no declaration explains. Nothing where the baseline differs from itself."""
        worker, nonce, cooling = self._worker, self._worker.nonce(), await self._cooled()
        scenario = _scenario([self._own(step, nonce, cooling) for step in steps])
        seen = {
            Role.BASELINE: await self._observe(scenario, BASELINE, Role.BASELINE),
            Role.CANDIDATE: await self._observe(scenario, WITH),
        }
        if self._cooling is not None:
            worker.used(cooling)
            await asyncio.sleep(_REST)
        seen[Role.AGAIN] = await self._observe(scenario, BASELINE, Role.AGAIN)
        if self._cooling is not None:
            worker.used(cooling)
        worker.references.append(Reference.of({scenario.id: seen}))
        known = Reference.together(worker.references)
        reference = replace(known, jar=jars([known.jar, worker.jar]))
        [compared] = compare_attempts(reference, scenario.id, {0: seen})
        if compared.problem is not None or compared.noise:
            worker.arena.counts["noisy"] += 1
            return ()
        found = judge(scenario, compared, worker.plan.declared).unexplained
        return tuple(each for each in found if not _is_about_time(each))

    def _own(self, step: Step, nonce: str, cooling: int) -> Step:
        """The step with the worker's own names of models, and a header that no other sequence has."""
        request = step.request
        names = {
            model.name: deployments.name_of(model.name, self._worker.number, cooling) for model in self._worker.models
        }
        body, path = request.body, request.path
        for name, own in sorted(names.items(), reverse=True):
            body, path = body.replace(f'"{name}"'.encode(), f'"{own}"'.encode()), path.replace(f"={name}", f"={own}")
        headers = (*request.headers, ("x-sequence", nonce))
        return replace(step, request=Request(request.method, path, headers, body))


def _is_about_time(difference: Difference) -> bool:
    """How a stream's events came together: with so many calls at once that is chance."""
    return difference.path.endswith(("/stream/bursts", "/stream/torn"))


def _scenario(steps: Sequence[Step]) -> Scenario:
    return Scenario(_NAME, "fast-path", "A generated sequence of calls", "scripted", (), tuple(steps))


# --- the report -----------------------------------------------------------------------------------------------------


def _to_tree(arena: _Arena, folder: Path, cpu: Mapping[str, float], seconds: float) -> Tree:
    counts, plan = arena.counts, arena.plan
    return {
        "sequences": counts["sequences"],
        "calls": counts["calls"],
        "seed": plan.seed,
        "workers": plan.workers,
        "beside_the_baseline": counts["beside the baseline"],
        "noisy": counts["noisy"],
        "unsteady": counts["unsteady"],
        "seconds": round(seconds, 1),
        "cpu_seconds": dict(cpu),
        "not_seen_again": [*_differences(arena.unsteady, folder, "not-seen-again")],
        "differences": [*_differences(arena.known, folder, "difference")],
    }


def _differences(found: Mapping[tuple[str, ...], _Found], folder: Path, name: str) -> Iterator[Tree]:
    """Write a scenario file for each."""
    for number, one in enumerate(_distinct(found), start=1):
        file = folder / "fast-path" / f"{name}-{number}.yaml"
        scenario_file.write(replace(_scenario(one.error.steps), id=f"fast-path/{name}-{number}"), file)
        yield {"file": str(file.relative_to(folder)), **_found_tree(one)}


def _distinct(found: Mapping[tuple[str, ...], _Found]) -> list[_Found]:
    """Each once, whatever number of signatures it has."""
    return [*{id(each): each for each in found.values()}.values()]


def _found_tree(found: _Found) -> Tree:
    return {
        "beside": found.error.beside,
        "paths": [*found.error.signature[1:]],
        "sequences": found.sequences,
        "steps": len(found.error.steps),
        "differences": [_shown(each) for each in found.error.found],
    }


def _shown(difference: Difference) -> Tree:
    return {
        "path": difference.path,
        "baseline": str(difference.baseline)[:_SHOWN],
        "candidate": str(difference.candidate)[:_SHOWN],
    }
