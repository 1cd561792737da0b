"""Recordings: live traffic that passes two recorders -> a scenario; the real clients, put through every situation."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness import situations
from harness.clients import claude_code, openai_java
from harness.clients.program import Finished
from harness.errors import BadInput, HarnessError
from harness.model import Reply, Request, Role, Scenario
from harness.replay.run import Site, warm_up
from harness.settings import Settings
from harness.site import Credentials, gateway
from harness.situations.situation import Answer, Situation
from harness.traffic.recorder import Recorder
from harness.traffic.scenario_file import write
from harness.traffic.scrub import credentials, scrub
from harness.traffic.to_scenario import to_scenario
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import nobody_scripted

# Nobody's words are in what the situations say: their stand-ins may be the same in every recording.
_SITUATIONS_KEY = b"situations"
_SETTLE = 0.3  # seconds for what the gateway still says to its provider after its client has gone

Announce = Callable[[str], None]


# --- live traffic ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recording:
    """What to listen to, and what to make of it."""

    about: Scenario  # everything but the steps
    file: Path
    gateway: str  # a URL
    provider: str | None = None  # a URL; without one the scenario has no replies
    port: int = 0
    provider_port: int = 0
    keep_text: bool = False


async def record(recording: Recording, announce: Announce) -> int:
    """Record until cancelled (Ctrl-C), then scrub and write. Gives the number of the client's requests; if there were
    none, nothing is written."""
    async with Recorder(recording.gateway, recording.port) as before, _between(recording) as between:
        announce(f"clients: send to {before.url}, which forwards to {recording.gateway}")
        if between is not None:
            announce(f"gateway: send to {between.url}, which forwards to {recording.provider}")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return _keep(recording, before, between)
    return 0


@asynccontextmanager
async def _between(recording: Recording) -> AsyncIterator[Recorder | None]:
    if recording.provider is None:
        yield None
        return
    async with Recorder(recording.provider, recording.provider_port) as recorder:
        yield recorder


def _keep(recording: Recording, before: Recorder, between: Recorder | None) -> int:
    client, upstream = before.exchanges, between.exchanges if between else ()
    if client:
        scenario = to_scenario(recording.about, client, upstream)
        known = credentials((*client, *upstream))
        write(scrub([scenario], secrets.token_bytes(32), recording.keep_text, known)[0], recording.file)
    return len(client)


# --- the real clients -----------------------------------------------------------------------------------------------


async def record_clients(settings: Settings, only: str, cache: Path, announce: Announce) -> tuple[Path, ...]:
    """Put the real clients through every situation whose id contains `only`, before the baseline; write the scenarios.

    `cache` holds the installed clients. Raises `HarnessError` if a client does not do what the situation is about.
    """
    chosen = [situation for situation in situations.ALL if only in situation.id]
    if not chosen:
        raise BadInput(f"no situation's id contains {only!r}: {', '.join(each.id for each in situations.ALL)}")
    programs = await _programs(chosen, cache)
    async with _stage(settings, cache / "logs") as stage:
        return tuple([await _record(situation, stage, programs, settings.scenarios, announce) for situation in chosen])


@dataclass(frozen=True, slots=True)
class _Stage:
    """The baseline with a recorder on either side."""

    before: Recorder
    between: Recorder
    upstream: SimulatedUpstream
    key: str


@asynccontextmanager
async def _stage(settings: Settings, logs: Path) -> AsyncIterator[_Stage]:
    own = Credentials()
    async with (
        SimulatedUpstream() as upstream,
        Recorder(upstream.url) as between,
        gateway(settings.baseline, settings, own, between.url, {}, logs) as (target, _),
        Recorder(target.url) as before,
    ):
        await warm_up(Site(target, upstream, own.key, Role.BASELINE), settings.warm_up)
        yield _Stage(before, between, upstream, own.key)


async def _programs(chosen: Sequence[Situation], cache: Path) -> dict[str, Path]:
    clients = {situation.id.partition("/")[0] for situation in chosen}
    places = {"claude-code": claude_code.installed, "pycharm": openai_java.built}
    return {name: await place(cache) for name, place in places.items() if name in clients}


async def _record(
    situation: Situation, stage: _Stage, programs: dict[str, Path], folder: Path, announce: Announce
) -> Path:
    stage.before.forget()
    stage.between.forget()
    script = Script(situation.answers)
    with stage.upstream.improvising(script.answer):
        finished = await _drive(situation, programs, stage.before.url, stage.key)
        await asyncio.sleep(_SETTLE)
    _require(situation, script, finished)
    path = folder / f"{situation.id}.yaml"
    write(_scenario(situation, stage, finished.version), path)
    announce(f"{path}: {len(stage.before.exchanges)} requests, {len(stage.between.exchanges)} upstream")
    return path


def _scenario(situation: Situation, stage: _Stage, version: str) -> Scenario:
    client, upstream = stage.before.exchanges, stage.between.exchanges
    source = f"recorded {datetime.now(UTC):%Y-%m-%d}, {version}"
    name = situation.id.partition("/")[0]
    about = Scenario(situation.id, name, situation.title, source, situation.covers, ())
    scenario = to_scenario(about, client, upstream)
    return scrub([scenario], _SITUATIONS_KEY, secrets=credentials((*client, *upstream)))[0]


async def _drive(situation: Situation, programs: dict[str, Path], url: str, key: str) -> Finished:
    name = situation.id.partition("/")[0]
    if name == "claude-code":
        return await claude_code.drive(programs[name], url, key, situation.runs, dict(situation.files))
    (arguments,) = situation.runs
    return await openai_java.drive(programs[name], url, key, *arguments)


def _require(situation: Situation, script: Script, finished: Finished) -> None:
    """A recording of something else than the situation is no recording of it."""
    if finished.exit_code != situation.exit_code or script.left or script.surprises:
        raise HarnessError(
            f"{situation.id}: {finished.version} ended with exit code {finished.exit_code}, {script.left} answers were"
            f" not asked for, {len(script.surprises)} calls had none; it said:\n{finished.output[-2000:]}"
        )


class Script:
    """Gives each call the first answer that is left and meant for it."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self._answers = list(answers)
        self.surprises: list[Request] = []

    @property
    def left(self) -> int:
        return len(self._answers)

    def answer(self, request: Request) -> Reply:
        meant = next((answer for answer in self._answers if answer.to.encode() in request.body), None)
        if meant is None:
            self.surprises.append(request)
            return nobody_scripted(request)
        self._answers.remove(meant)
        return meant.reply
