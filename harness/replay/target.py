"""A Target, started and stopped: its programs come up together, are waited for in order, and never stay behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from harness.errors import BadInput, TargetFailed
from harness.model import Process, Request, Response, Target
from harness.replay.client import send
from harness.replay.ports import require_free
from harness.replay.program import Program, secrets_of, start

_POLL = 0.1  # seconds


@dataclass(frozen=True, slots=True)
class RunningTarget:
    """A target that can be used at `url`; without programs of ours it is one that runs already."""

    name: str
    url: str
    programs: tuple[Program, ...] = ()

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(program.pid for program in self.programs)

    @property
    def logs(self) -> tuple[Path, ...]:
        return tuple(program.log for program in self.programs)

    def require_alive(self) -> None:
        """Raises `TargetFailed` with the end of the log of a program that has ended."""
        for program in self.programs:
            program.require_alive()


@asynccontextmanager
async def running(
    target: Target, names: Mapping[str, str], folder: Path, env: Mapping[str, str], patience: float = 90.0
) -> AsyncIterator[RunningTarget]:
    """Start a target; it is ready inside the block, and gone after it.

    `names` fill the {names} of its commands, URLs and environment; those that end in "port" must be free. `env` is the
    whole environment of its programs; values of keys and tokens in it are struck out of the logs in `folder`. Raises
    `PortTaken`, `BadInput`, and `TargetFailed` with the end of the log: it ended, or was not ready after `patience`
    seconds.
    """
    for name, value in names.items():
        if name.endswith("port"):
            require_free(int(value))
    programs: list[Program] = []
    try:
        for process in target.processes:
            programs.append(await _started(process, names, folder, env))
        place = RunningTarget(target.name, filled(target.url, names), tuple(programs))
        await _all_ready(target, names, place, patience)
        yield place
    finally:
        await _stop(programs)


async def _started(process: Process, names: Mapping[str, str], folder: Path, env: Mapping[str, str]) -> Program:
    command = tuple(filled(word, names) for word in process.command)
    whole = {name: filled(value, names) for name, value in {**env, **dict(process.env)}.items()}
    return await start(process.name, command, whole, _log_file(folder, process.name), secrets_of(whole))


def _log_file(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.log"


async def _stop(programs: Collection[Program]) -> None:
    """All at once. A second Ctrl-C comes here as a cancellation: `Program.stop` kills what is left then."""
    results = await asyncio.gather(*(program.stop() for program in programs), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def _all_ready(target: Target, names: Mapping[str, str], place: RunningTarget, patience: float) -> None:
    if not target.processes:
        await _reachable(target.name, place.url)
    deadline = asyncio.get_running_loop().time() + patience
    for process, program in zip(target.processes, place.programs, strict=True):
        try:
            async with asyncio.timeout_at(deadline):
                await _ready(filled(process.ready, names), place)
        except TimeoutError as error:
            raise program.failure(f"was not ready after {patience:g} s") from error


async def _ready(url: str, place: RunningTarget) -> None:
    parts = urlsplit(url)
    request = Request("GET", parts._replace(scheme="", netloc="").geturl() or "/")
    while True:
        exchange = await send(request, f"{parts.scheme}://{parts.netloc}", patience=5.0)
        place.require_alive()
        if isinstance(exchange.outcome, Response) and exchange.outcome.status == 200:
            return
        await asyncio.sleep(_POLL)


async def _reachable(name: str, url: str) -> None:
    exchange = await send(Request("GET", "/"), url, patience=5.0)
    if not isinstance(exchange.outcome, Response):
        raise TargetFailed(f"{name} does not answer at {url}: {exchange.outcome.kind}, {exchange.outcome.message}")


async def version_of(target: Target, names: Mapping[str, str], env: Mapping[str, str]) -> str:
    """The first line that the target's version command prints; "unknown" where it has none, or where that fails."""
    if not target.version:
        return "unknown"
    command = [filled(word, names) for word in target.version]
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(*command, env=dict(env), stdout=pipe, stderr=pipe)
    except OSError:
        return "unknown"
    output, _ = await process.communicate()
    lines = output.decode("utf-8", "replace").split("\n")
    return lines[0].strip() if process.returncode == 0 and lines[0].strip() else "unknown"


def filled(text: str, names: Mapping[str, str]) -> str:
    """`text` with its {names}; raises `BadInput` for one that nobody gave."""
    try:
        return text.format_map(names)
    except (KeyError, ValueError, IndexError) as error:
        raise BadInput(f"{text!r} holds a name that is not known: {error}") from error
