"""The real clients, put through every situation before the baseline -> recorded scenarios."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from harness import situations
from harness.clients import anthropic_node, claude_code, curl, openai_java, openai_node, python_sdk
from harness.clients.program import Finished
from harness.errors import BadInput, HarnessError
from harness.model import Reply, Request, Role, Scenario
from harness.replay.run import Site, warm_up
from harness.settings import Settings
from harness.site import Credentials, gateway, isolate, refuse_foreign
from harness.situations.situation import Answer, Situation
from harness.traffic.recorder import Recorder
from harness.traffic.scenario_file import write
from harness.traffic.scrub import credentials, scrub
from harness.traffic.to_scenario import to_scenario
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import nobody_scripted

# Nobody's words are in what the situations say: their stand-ins may be the same in every recording.
_SITUATIONS_KEY = b"situations"
_SETTLE, _LONGEST = 0.3, 4.0  # seconds for what the gateway and its provider still say after the client has gone

Announce = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Client:
    """A client's program: installed below a folder, and driven with (program, gateway, key, situation)."""

    installed: Callable[[Path], Awaitable[Path]]
    drive: Callable[[Path, str, str, Situation], Awaitable[Finished]]


async def _drive_claude_code(program: Path, url: str, key: str, situation: Situation) -> Finished:
    return await claude_code.drive(program, url, key, situation.runs, dict(situation.files))


async def _drive_openai_java(program: Path, url: str, key: str, situation: Situation) -> Finished:
    return await openai_java.drive(program, url, key, situation.title, situation.runs[0])


async def _drive_openai_node(program: Path, url: str, key: str, situation: Situation) -> Finished:
    return await openai_node.drive(program, url, key, *situation.runs[0])


async def _drive_anthropic_node(program: Path, url: str, key: str, situation: Situation) -> Finished:
    return await anthropic_node.drive(program, url, key, *situation.runs[0])


async def _drive_curl(program: Path, url: str, key: str, situation: Situation) -> Finished:
    return await curl.drive(program, url, key, situation.runs[0])


def _python_sdk(sdk: str) -> Client:
    async def drive(program: Path, url: str, key: str, situation: Situation) -> Finished:
        return await python_sdk.drive(sdk, program, url, key, *situation.runs[0])

    return Client(partial(python_sdk.installed, sdk), drive)


CLIENTS = {
    "claude-code": Client(claude_code.installed, _drive_claude_code),
    "pycharm": Client(openai_java.built, _drive_openai_java),
    "vscode": Client(openai_node.installed, _drive_openai_node),
    "openai-python": _python_sdk("openai"),
    "anthropic-python": _python_sdk("anthropic"),
    "anthropic-node": Client(anthropic_node.installed, _drive_anthropic_node),
    "curl": Client(curl.installed, _drive_curl),
}


async def record_clients(settings: Settings, only: str, update: bool, cache: Path, announce: Announce) -> None:
    """Put the real clients through every situation whose id contains `only`, before the baseline; write the scenarios.

    Those that have a scenario are left as they are, unless with `update`. `cache` holds the installed clients. Raises
    `HarnessError` at the end if a client did not do what a situation is about.
    """
    chosen = _chosen(settings.scenarios, only, update)
    refuse_foreign(settings, (settings.baseline,))
    programs = await _programs(chosen, cache)  # package managers need the network
    settings = isolate(settings, (settings.baseline,), announce)
    failed: list[HarnessError] = []
    async with _stage(settings, cache / "logs") as stage:
        for situation in chosen:
            try:
                announce(await _record(situation, stage, programs, settings.scenarios))
            except HarnessError as error:
                failed.append(error)
    if failed:
        raise HarnessError("\n".join(map(str, failed)))


def _chosen(folder: Path, only: str, update: bool) -> list[Situation]:
    named = [situation for situation in situations.ALL if only in situation.id]
    if not named:
        raise BadInput(f"no situation's id contains {only!r}: {', '.join(each.id for each in situations.ALL)}")
    chosen = [each for each in named if update or not (folder / f"{each.id}.yaml").exists()]
    if not chosen:
        raise BadInput("every situation has its scenario: --update records them again", folder)
    return chosen


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
    names = {client_of(situation) for situation in chosen}
    return {name: await client.installed(cache) for name, client in CLIENTS.items() if name in names}


def client_of(situation: Situation) -> str:
    return situation.id.partition("/")[0]


async def _record(situation: Situation, stage: _Stage, programs: dict[str, Path], folder: Path) -> str:
    stage.before.forget()
    stage.between.forget()
    script, name = Script(situation.answers), client_of(situation)
    with stage.upstream.improvising(script.answer):
        finished = await CLIENTS[name].drive(programs[name], stage.before.url, stage.key, situation)
        await _settle(stage.between)
    _require(situation, script, finished, len(stage.before.exchanges))
    path = folder / f"{situation.id}.yaml"
    write(_scenario(situation, stage, finished.version), path)
    return f"{path}: {len(stage.before.exchanges)} requests, {len(stage.between.exchanges)} upstream"


async def _settle(between: Recorder) -> None:
    await asyncio.sleep(_SETTLE)
    with suppress(TimeoutError):
        async with asyncio.timeout(_LONGEST):
            while between.busy:  # noqa: ASYNC110 - a recorder has nothing to wake anybody with
                await asyncio.sleep(_SETTLE / 10)


def _scenario(situation: Situation, stage: _Stage, version: str) -> Scenario:
    client, upstream = stage.before.exchanges, stage.between.exchanges
    source = f"recorded {datetime.now(UTC):%Y-%m-%d}, {version}"
    about = Scenario(situation.id, client_of(situation), situation.title, source, situation.covers, ())
    scenario = to_scenario(about, client, upstream)
    known = credentials((*client, *upstream))
    return scrub([scenario], _SITUATIONS_KEY, secrets=known, accept_malformed=True)[0]


def _require(situation: Situation, script: Script, finished: Finished, requests: int) -> None:
    """A recording of something else than the situation is no recording of it."""
    if finished.exit_code != situation.exit_code or script.left or script.surprises or not requests:
        raise HarnessError(
            f"{situation.id}: {finished.version} ended with exit code {finished.exit_code} after {requests} requests,"
            f" {script.left} answers were not asked for, {len(script.surprises)} calls had none; it said:\n"
            f"{finished.output[-2000:]}"
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
