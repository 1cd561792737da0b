"""Calls of production, copied while they are answered -> the candidate gets each of them, and what the provider has
said as its own provider's answer: compared, judged, and told. No provider is asked, and nobody waits for any of it.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import count, islice
from pathlib import Path
from time import monotonic
from typing import Any

from harness.comparison.shadowed import Learnt, Seen
from harness.errors import HarnessError
from harness.isolation.config_tree import config_files
from harness.isolation.fetching import is_fetching
from harness.journey import beside_latest
from harness.model import (
    Declaration,
    Effects,
    Exchange,
    Failure,
    Judgement,
    Observation,
    Outcome,
    Response,
    Role,
    Scenario,
)
from harness.provenance import Made, made
from harness.recording import keep
from harness.replay.room import REST, cools
from harness.replay.run import Site, hidden, warm_up
from harness.replay.schedule import replay_all
from harness.report.files import written
from harness.report.markdown import markdown
from harness.report.redaction import Redaction
from harness.report.summary import summary
from harness.settings import Settings
from harness.shadow_world import World, moved, world
from harness.site import Credentials, isolate, site
from harness.traffic.copied import LONGEST_LINE, Copied, Joining, messages
from harness.traffic.pseudonym import Pseudonyms
from harness.traffic.scrub import credentials
from harness.traffic.scrub_found import scrub_found
from harness.traffic.scrub_text import Texts
from harness.traffic.to_scenario import to_scenario
from harness.verdict.judge import judge
from harness.verdict.shadowed import Tally

REPORT = "shadow"
_APART = (Outcome.COSMETIC, Outcome.DIFFERENT)  # what is kept as a scenario
_WAITING = 100  # calls that wait for the candidate; further ones are let go, and counted
_BATCH = 4
_LOOK = 0.2  # seconds
_REPORTS = 2.0  # seconds between two reports, at least
_SETTLED = 0.5  # seconds of the copies that were under way

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ShadowPlan:
    """`production`: the environment of the gateway whose calls are copied. `idle`: it computes where nobody else wants
    to, which on a machine that is always busy is nowhere."""

    settings: Settings
    declared: tuple[Declaration, ...]
    production: Mapping[str, str] = field(repr=False)
    idle: bool = True


@dataclass(slots=True)
class _Inbox:
    """What has been copied. `dropped`: calls that the programs themselves did not tell, by program."""

    joining: Joining = field(default_factory=Joining)
    waiting: deque[Copied] = field(default_factory=deque)
    tally: Tally = field(default_factory=Tally)
    dropped: dict[int, int] = field(default_factory=dict)
    seen: int = 0
    programs: set[asyncio.StreamWriter] = field(default_factory=set)
    _numbers: Any = field(default_factory=count)

    async def heard(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        program = next(self._numbers)
        self.programs.add(writer)
        with suppress(ValueError, KeyError, OSError):  # none of ours
            async for message in messages(reader):
                self.joining.add(message, monotonic())
                self.dropped[program] = int(message.head["lost"])
                self.sort()
        self.programs.discard(writer)
        writer.close()

    async def close(self) -> None:
        """Nobody copies for it any more."""
        for each in self.programs:
            each.close()
        while self.programs:  # noqa: ASYNC110 - each goes on once more, and has ended
            await asyncio.sleep(0)

    def sort(self) -> None:
        """What can be compared waits for the candidate; of the rest, and of what is too many, the number is kept."""
        for copied in self.joining.joined(monotonic()):
            self.seen += 1
            reason = copied.unfit or _reason_to_skip(copied)
            reason = reason or ("the shadow was behind" if len(self.waiting) >= _WAITING else None)
            if reason is None:
                self.waiting.append(copied)
            else:
                self.tally.not_judged[reason] += 1

    def next(self) -> list[Copied]:
        """They wait until they are `done`."""
        return [*islice(self.waiting, _BATCH)]

    def done(self, batch: Sequence[Copied]) -> None:
        for _ in batch:
            self.waiting.popleft()


def _reason_to_skip(copied: Copied) -> str | None:
    sent = [each.request.body for each in copied.upstream]
    return "the gateway fetched an address for it" if is_fetching(copied.client.request.body, sent) else None


@dataclass(slots=True)
class _Judge:
    plan: ShadowPlan
    world: World
    place: Site
    bases: Mapping[str, str]
    folder: Path
    tally: Tally
    made: Made
    learnt: Learnt = field(default_factory=Learnt)
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    exchanges: tuple[int, int] = (0, 0)
    _numbers: Any = field(default_factory=lambda: count(1))

    async def judge(self, batch: Sequence[Copied]) -> float:
        """Seconds that the candidate has to rest then. Raises `TargetFailed` where it has died."""
        calls = [self._known(copied) for copied in batch]
        scenarios = [to_scenario(self._about(each), [each.client], each.upstream, as_sent=True) for each in calls]
        once, again = [await self._played(scenarios, seed) for seed in (0, 1)]
        seen = {
            scenario.id: Seen(_recorded(scenario.id, copied), once[scenario.id], again[scenario.id])
            for scenario, copied in zip(scenarios, calls, strict=True)
        }
        found = {each.scenario: each for each in self.learnt.compared(seen)}
        for scenario, copied in zip(scenarios, calls, strict=True):
            verdict = judge(scenario, found[scenario.id], self.plan.declared)
            known = credentials((copied.client, *copied.upstream))
            scrubbed = scrub_found(verdict, self.key, {each for each in known if not each.startswith("<")})
            if self.tally.judged(replace(scenario, steps=()), scrubbed) and verdict.outcome in _APART:
                self._keep(scenario, copied)
        sides = [side for each in seen.values() for side in (each.recorded, each.once)]
        both = sum(len(side.client) for side in sides), sum(len(side.upstream) for side in sides)
        self.exchanges = (self.exchanges[0] + both[0], self.exchanges[1] + both[1])
        return REST if any(map(cools, scenarios)) else 0.0

    async def _played(self, scenarios: Sequence[Scenario], seed: int) -> dict[str, Observation]:
        concurrency = self.plan.settings.concurrency
        async with aclosing(replay_all(scenarios, self.place, seed, concurrency)) as observations:
            return {each.scenario: each async for each in observations}

    def _known(self, copied: Copied) -> Copied:
        """In the shadow's world, and without production's keys."""
        hide = partial(hidden, secrets=self.world.secrets)
        upstream = tuple(moved(hide(each), self.bases) for each in copied.upstream)
        return replace(copied, client=moved(hide(copied.client), self.bases), upstream=upstream)

    def _about(self, copied: Copied) -> Scenario:
        request, name = copied.client.request, f"shadow/{next(self._numbers):06}"
        path = Texts.of(Pseudonyms(self.key)).keep(re.sub(r"\?.*", "", request.path))
        source = f"recorded {datetime.now(UTC):%Y-%m-%d}, a call of production"
        return Scenario(name, "shadow", f"A call of production: {request.method} {path}", source, (), ())

    def _keep(self, scenario: Scenario, copied: Copied) -> None:
        """As a scenario that anybody can play again; it is scrubbed."""
        file = self.folder / f"{scenario.id}.yaml"
        with suppress(HarnessError, OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            keep(replace(scenario, covers=("shadow",)), file, [copied.client], copied.upstream, accept_malformed=True)


def _recorded(name: str, copied: Copied) -> Observation:
    left = [f"step 0 call {number}" for number, call in enumerate(copied.upstream) if _failed(call) == "left"]
    effects = Effects(calls=(len(copied.upstream),), aborted=tuple(left))
    return Observation(name, "production", Role.BASELINE, (copied.client,), copied.upstream, effects)


def _failed(call: Exchange) -> str | None:
    match call.outcome:
        case Failure(kind):
            return kind
        case Response(failure=failure):
            return failure.kind if failure else None


# --- the whole ------------------------------------------------------------------------------------------------------


async def shadow(plan: ShadowPlan, calls: Path, tell: Tell) -> int:
    """Until it is cancelled, or whoever has started it is gone; then the exit code: see `Tally`. `calls` is where the
    copies are taken: it is there once the candidate is ready. Raises `HarnessError` where the candidate ends."""
    if plan.idle:
        _step_back((os.getpid(),), 10)  # it has to be ready some time
    texts = [file.read_text(encoding="utf-8") for file in config_files(plan.settings.config)]
    here = world(plan.settings.environment, "\n".join(texts), plan.production)
    settings = plan.settings.model_copy(update={"environment": dict(here.environment)})
    settings = isolate(settings, (settings.candidate,), tell)
    plan = replace(plan, settings=settings)
    inbox = _Inbox()
    with beside_latest(settings.reports):
        pass  # there is one now, under its own name
    folder = (settings.reports / "latest").resolve()
    async with site(Role.CANDIDATE, settings.candidate, settings, Credentials(), None, folder / "logs" / REPORT) as (
        place,
        version,
    ):
        await warm_up(place, settings.warm_up)
        if plan.idle:
            _step_back((os.getpid(), *place.target.pids), 19, os.SCHED_IDLE)
        names = {
            "upstream": place.upstream.url,
            "upstream_by_name": place.upstream.url.replace("127.0.0.1", "localhost"),
        }
        bases = {real: base.format_map(names) for real, base in here.bases.items()}
        judging = _Judge(plan, here, place, bases, folder, inbox.tally, made(settings.config, network=settings.network))
        server = await _listening(inbox, calls)
        tell(f"the shadow, {version}, is ready for calls")
        ending = partial(_report, plan, inbox, judging, version)
        try:
            async with server:
                await _until_alone(inbox, judging, ending)
        except asyncio.CancelledError:
            await asyncio.sleep(_SETTLED)
            inbox.sort()
        finally:
            await inbox.close()
            if inbox.waiting:
                inbox.tally.not_judged["the shadow ended first"] = len(inbox.waiting)
            ending()
    tell(inbox.tally.told())
    return inbox.tally.exit_code


async def _listening(inbox: _Inbox, calls: Path) -> asyncio.Server:
    before = os.umask(0o177)
    try:
        return await asyncio.start_unix_server(inbox.heard, calls, limit=LONGEST_LINE)
    finally:
        os.umask(before)


async def _until_alone(inbox: _Inbox, judging: _Judge, report: Callable[[], None]) -> None:
    parent, reported, told, rest = os.getppid(), monotonic(), "", 0.0
    while os.getppid() == parent:
        inbox.sort()
        if batch := inbox.next():
            rest = await _judged(batch, inbox, judging)
            inbox.done(batch)
        await asyncio.sleep(rest if batch else _LOOK)
        if monotonic() - reported > _REPORTS and told != inbox.tally.told():
            report()
            reported, told = monotonic(), inbox.tally.told()


async def _judged(batch: Sequence[Copied], inbox: _Inbox, judging: _Judge) -> float:
    """What cannot be judged for a reason of the harness's own is counted: the next call may well be."""
    try:
        return await judging.judge(batch)
    except HarnessError:
        raise
    except Exception as error:  # noqa: BLE001 - production's traffic is whatever it is
        inbox.tally.not_judged[f"the harness stumbled: {type(error).__name__}"] += len(batch)
        return 0.0


def _report(plan: ShadowPlan, inbox: _Inbox, judging: _Judge, version: str) -> None:
    """shadow.json and shadow.md beside the latest run's reports."""
    tally, settings = inbox.tally, plan.settings
    if dropped := sum(inbox.dropped.values()):
        tally.not_judged["the programs had no room to copy it"] = dropped
    scenarios, verdicts = tuple(each for each, _ in tally.examples), tuple(each for _, each in tally.examples)
    targets = ((Role.BASELINE, "production", "unknown"), (Role.CANDIDATE, settings.candidate, version))
    with beside_latest(settings.reports) as folder:
        judgement = Judgement(folder.name, 0, 0.0, targets, scenarios, verdicts, *judging.exchanges, folder=folder)
        redaction = Redaction([*judging.world.secrets])
        told = {**tally.tree(), "copied": inbox.seen, "exit_code": tally.exit_code}
        at = datetime.now(UTC).isoformat(timespec="seconds")
        tree = {**summary(judgement, redaction), **told, "made": {**judging.made, "at": at}}
        written(folder / f"{REPORT}.json", redaction.text(json.dumps(tree, indent=1)) + "\n")
        written(folder / f"{REPORT}.md", redaction.text(_markdown(tree)))


def _markdown(tree: dict[str, Any]) -> str:
    head, _, rest = markdown(tree).partition("\n")
    return f"# Shadow: {tree['told']}\n{rest}" if head else rest


def _step_back(pids: Sequence[int], nice: int, policy: int = os.SCHED_OTHER) -> None:
    """Whoever serves clients goes first, as far as the system lets us."""
    for pid in pids:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, nice)
            os.sched_setscheduler(pid, policy, os.sched_param(0))
        with suppress(OSError):  # sessions share the processors first (sched(7), "The autogroup feature")
            if os.getsid(pid) == pid:  # else it is the session of others, too
                Path(f"/proc/{pid}/autogroup").write_text(str(nice), encoding="ascii")
