"""Starts programs one after the other, keeps them running, and leaves none behind."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import httpx
import psutil

from deploy.programs import BadInput, Program

_PR_SET_PDEATHSIG = 1  # prctl(2)
_LOOK = 0.1  # seconds between two questions whether a program is ready
_LONGEST_REST = 30.0  # seconds before one that dies again and again is started again
_SOUND = 60.0  # seconds of life after which a death is the first one

Say = Callable[[str], None]


class Failed(Exception):
    """A program ended, or was not ready in time; `code` is the launcher's exit code."""

    def __init__(self, said: str, code: int) -> None:
        super().__init__(said)
        self.code = code


class Supervisor:
    """`patience`: seconds for a start; `drain`: seconds for an end, after which what is left is killed."""

    def __init__(self, logs: Path, say: Say, patience: float = 120.0, drain: float = 35.0) -> None:
        self._logs = logs
        self._say = say
        self._patience = patience
        self._drain = drain
        self._running: dict[str, asyncio.subprocess.Process] = {}

    async def run(self, programs: Sequence[Program], stop: asyncio.Event) -> None:
        """Until `stop`. Raises `BadInput` for a port that is taken, `Failed` for a program that does not start."""
        stopped = asyncio.create_task(stop.wait())
        try:
            for program in programs:
                if not stop.is_set():
                    await _until(self._start(program), stopped)
            if not stop.is_set():
                await _until(_all(self._keep(program) for program in programs), stopped)
        finally:
            stopped.cancel()
            await self.end()

    async def end(self) -> None:
        """Whoever serves clients first, all at once: each drains its own streams."""
        await asyncio.gather(*(self._end(process) for process in reversed(self._running.values())))

    def kill(self) -> None:
        for process in self._running.values():
            _signal(process, signal.SIGKILL)

    async def _start(self, program: Program) -> None:
        require_free(program.name, program.port)
        log = self._logs / f"{program.name}.log"
        process = await _spawned(program, log)
        self._running[program.name] = process
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._patience):
                await _ready(program, process)
        except TimeoutError as error:
            raise Failed(f"{program.name} was not ready within {self._patience:g} s; see {log}", 1) from error
        if process.returncode is not None:
            code = 2 if process.returncode == 2 else 1
            raise Failed(f"{program.name} ended with exit code {process.returncode}; {log} ends:\n{_tail(log)}", code)
        took = asyncio.get_running_loop().time() - began
        self._say(f"{program.name}: ready on port {program.port} after {took:.1f} s (pid {process.pid}, log {log})")

    async def _keep(self, program: Program) -> None:
        """Starts it again whenever it dies, later each time."""
        rest, clock = 0.5, asyncio.get_running_loop().time
        began = clock()
        while True:
            code = await self._running[program.name].wait()
            rest = 1.0 if clock() - began > _SOUND else min(rest * 2, _LONGEST_REST)
            self._say(f"{program.name}: ended with exit code {code}; it starts again in {rest:g} s")
            await asyncio.sleep(rest)
            began = clock()
            try:
                await self._start(program)
            except (BadInput, Failed) as error:
                self._say(str(error))
                await self._end(self._running[program.name])

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        _signal(process, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._drain):
                await process.wait()
        _signal(process, signal.SIGKILL)  # what it has started, too
        await process.wait()


def require_free(name: str, port: int) -> None:
    """Raises `BadInput`, which says who has it."""
    owner = owner_of(port)
    if owner:
        raise BadInput(f"{name} needs port {port}, where {owner} listens: stop that, or choose another port")


def owner_of(port: int) -> str:
    """Who listens there: "python3 (pid 4711)"; empty where nobody does."""
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            with suppress(psutil.Error):
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
            return "a program of another user"
    return ""


async def _spawned(program: Program, log: Path) -> asyncio.subprocess.Process:
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *program.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_ends_with_parent(),
        )


def _ends_with_parent() -> Callable[[], None] | None:
    """Linux only: a launcher that was killed leaves nothing behind. SIGTERM, so that workers are taken along."""
    if sys.platform != "linux":
        return None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def before_exec() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return before_exec


async def _ready(program: Program, process: asyncio.subprocess.Process) -> None:
    """Returns when it is, or has ended."""
    async with httpx.AsyncClient(timeout=5, trust_env=False) as calls:
        while process.returncode is None:
            with suppress(httpx.HTTPError):
                if (await calls.get(program.ready)).status_code == httpx.codes.OK:
                    return
            await asyncio.sleep(_LOOK)


async def _all(works: Iterable[Coroutine[None, None, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(work)


async def _until(work: Coroutine[None, None, None], stopped: asyncio.Task[bool]) -> None:
    """`work`, unless the launcher is to stop: then it is cancelled."""
    task = asyncio.ensure_future(work)
    await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
    if not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return
    await task


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _tail(log: Path, lines: int = 10) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
