"""The real clients, put through every situation before the candidate: does each come out as it is meant to?

What they are compared with is the situation itself: the exit code of the client's program, and the answers of the
provider that it asks for, all of them and no others.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from harness import situations
from harness.client_recordings import CLIENTS, Client, Script, client_of
from harness.clients.program import Finished
from harness.errors import HarnessError
from harness.gate.counted_lines import Driven
from harness.model import Role
from harness.replay.run import Site, warm_up
from harness.settings import Settings
from harness.site import Credentials, gateway
from harness.situations.situation import Situation
from harness.upstream.app import SimulatedUpstream

# Side by side, each lane before a candidate of its own: as many as there are cores on a small machine.
LANES = (("claude-code", "pycharm", "openai-node"), ("openai-python", "anthropic-python", "anthropic-node", "curl"))
_LAST_CALLS = 2.0  # seconds
NAMES = tuple(name for lane in LANES for name in lane)

# Where a client is to notice a declared difference (scenarios/differences.toml): its exit code, and how many of the
# provider's answers it does not ask for any more.
_BETTER = {
    "claude-code/request-too-large-upstream-413": (1, 2),  # the 413 comes through, and nobody tries again
    "anthropic-python/stream-truncated": (1, 0),  # half an answer is an error, not an answer
    "openai-python/upstream-422": (1, 0),  # what was refused twice is refused, and not nothing under 200
}

Tell = Callable[[str], None]
Keep = Callable[[Driven], None]


@dataclass(frozen=True, slots=True)
class Trial:
    """`cache` holds the installed clients; `missing`: why one is not there. `only`: what an id holds."""

    settings: Settings
    cache: Path
    logs: Path
    only: str = ""
    missing: Mapping[str, str] = field(default_factory=dict)


async def install_clients(cache: Path) -> dict[str, str]:
    """Install what is not there yet, while there is a network: why a client could not be, by its name."""
    missing = dict[str, str]()
    for name in NAMES:
        try:
            await CLIENTS[client_of(next(situations_of(name)))].installed(cache)
        except HarnessError as error:
            missing[name] = str(error).partition("\n")[0]
    return missing


async def drive_clients(trial: Trial, tell: Tell, keep: Keep) -> None:
    """Each client is kept as soon as it is through, or cannot be installed. Raises `HarnessError` where the candidate
    does not start, or dies."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for number, lane in enumerate(LANES):
                tasks.create_task(_lane(lane, trial, trial.logs / f"clients-{number}", tell, keep))
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


async def _lane(names: Sequence[str], trial: Trial, logs: Path, tell: Tell, keep: Keep) -> None:
    async with _stage(trial.settings, logs) as place:
        for name in names:
            chosen = [each for each in situations_of(name) if trial.only in each.id]
            if chosen:
                keep(await _driven(name, chosen, place, trial, tell))
            place.target.require_alive()


def situations_of(name: str) -> Iterator[Situation]:
    """openai-node is who sends for VS Code's extensions."""
    folder = {"openai-node": "vscode"}.get(name, name)
    return (each for each in (*situations.ALL, *situations.UNRECORDED) if client_of(each) == folder)


@asynccontextmanager
async def _stage(settings: Settings, logs: Path) -> AsyncIterator[Site]:
    own = Credentials()
    async with (
        SimulatedUpstream(patience=settings.patience) as upstream,
        gateway(settings.candidate, settings, own, upstream.url, {}, logs) as (target, _),
    ):
        place = Site(target, upstream, own.key, Role.CANDIDATE)
        await warm_up(place, settings.warm_up)
        yield place


async def _driven(name: str, chosen: Sequence[Situation], place: Site, trial: Trial, tell: Tell) -> Driven:
    client = CLIENTS[client_of(chosen[0])]
    if name in trial.missing:
        tell(f"{name}: cannot be installed")
        return Driven(name, "", 0, (), trial.missing[name])
    try:
        program = await client.installed(trial.cache)
    except HarnessError as error:
        tell(f"{name}: cannot be installed")
        return Driven(name, "", 0, (), str(error).partition("\n")[0])
    wrong, version = list[str](), ""
    for situation in chosen:
        said, version = await _played(situation, client, program, place)
        wrong += [f"{situation.id}: {said}"] if said else []
    tell(f"{version}: {len(chosen) - len(wrong)} of {len(chosen)} situations")
    return Driven(name, version, len(chosen), tuple(wrong))


async def _played(situation: Situation, client: Client, program: Path, place: Site) -> tuple[str, str]:
    """What went otherwise than it should (empty: nothing), and the client's version."""
    script = Script(situation.answers)
    with place.upstream.improvising(script.answer):
        try:
            finished = await client.drive(program, place.target.url, place.key, situation)
        except HarnessError as error:
            return str(error).partition("\n")[0], ""
        await _settled(script)
    return "; ".join(_wrong(situation, finished, script)), finished.version


def _wrong(situation: Situation, finished: Finished, script: Script) -> Iterator[str]:
    if script.surprises:
        yield f"{len(script.surprises)} calls that should not be"
    if _BETTER.get(situation.id) == (finished.exit_code, script.left):
        return
    if finished.exit_code != situation.exit_code:
        last = finished.output.strip().rpartition("\n")[2][-200:]
        yield f"exit code {finished.exit_code}, not {situation.exit_code}: {last}"
    if script.left:
        yield f"{script.left} answers were not asked for"


async def _settled(script: Script) -> None:
    """A call that is on its way when the client ends is still to come."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LAST_CALLS):
            while script.left:  # noqa: ASYNC110 - a script has nothing to wake anybody with
                await asyncio.sleep(0.02)
