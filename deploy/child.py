"""One program of the launcher's, from its start to its end: started on the launcher's sockets, or found alive."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM, recv_fds, socket
from typing import Any

import httpx
import psutil

from deploy.listening import port_of
from deploy.programs import LOOPBACK, PRODUCTION, Program

_LOOK = 0.05  # seconds between two questions whether a program is ready
_ANSWERS = 15.0  # seconds in which a program's control thread has to answer
_FDS = 8


class Died(Exception):
    """A program ended, or does not answer the launcher. `code`: its exit code, where there is one."""

    def __init__(self, said: str, code: int | None = None) -> None:
        super().__init__(said)
        self.code = code


@dataclass(slots=True, eq=False)
class Child:
    """`process` is None where an earlier launcher had started it: then its end is the end of the connection to it."""

    program: Program
    pid: int
    port: int
    log: Path
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    process: asyncio.subprocess.Process | None = None
    ready: bool = False
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ask(self, what: str) -> dict[str, Any]:
        """`take`, `let_go`, `state`, ...: what it is then. Raises `Died`."""
        try:
            async with self.one_at_a_time, asyncio.timeout(_ANSWERS):
                self.writer.write(json.dumps({"do": what}).encode() + b"\n")
                line = await self.reader.readline()
            state: dict[str, Any] = json.loads(line)
        except (OSError, ValueError, TimeoutError) as error:
            raise Died(f"{self.program.name} does not answer the launcher") from error
        if state["said"]:
            raise Died(f"{self.program.name}: {state['said']}")
        return state

    async def is_outdated(self) -> bool:
        """Return whether files of its code have changed since it began to serve; true where it cannot tell: one that
        an older launcher had started, or that does not answer."""
        try:
            return bool((await self.ask("compare")).get("outdated", True))
        except Died:
            return True

    async def is_ready(self) -> bool:
        url = f"http://{LOOPBACK}:{self.port}{self.program.ready}"
        try:
            async with httpx.AsyncClient(timeout=5, trust_env=False) as calls:
                return (await calls.get(url)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    async def until_ready(self) -> None:
        """Raises `Died` where it ends before."""
        while self.is_alive():
            if await self.is_ready():
                self.ready = True
                return
            await asyncio.sleep(_LOOK)
        raise Died(f"{self.program.name} ended", self.process.returncode if self.process else None)

    def serves(self) -> bool:
        return self.ready and self.is_alive()

    def is_alive(self) -> bool:
        if self.process is not None:
            return self.process.returncode is None
        try:
            return psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    async def ended(self) -> str:
        """Once it has: "exit code -9"."""
        if self.process is not None:
            return f"exit code {await self.process.wait()}"
        while self.is_alive():  # noqa: ASYNC110 - only a parent is told of a process's end
            await asyncio.sleep(_LOOK)
        return "no exit code, for an earlier launcher had started it"

    async def end(self, drain: float) -> None:
        """It may end its streams, `drain` seconds long."""
        self.signal(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(drain):
                await self.ended()
        self.signal(signal.SIGKILL)  # what it has started, too
        await self.ended()
        self.writer.close()

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def memory(self) -> int:
        """Resident bytes of the process and of what it has started; 0 where it is gone."""
        with suppress(psutil.Error):
            process = psutil.Process(self.pid)
            return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))
        return 0


def control_of(folder: Path, program: str) -> Path:
    return folder / f"{program}.sock"


async def started(program: Program, sockets: Mapping[str, socket], folder: Path, log: Path) -> Child:
    """Running, but not ready. Raises `Died`."""
    own = [sockets[name].fileno() for name in program.own]
    production = [sockets[PRODUCTION].fileno()] if program.takes_production else []
    control = control_of(folder, program.name)
    control.unlink(missing_ok=True)
    options = [f"--own={fd}" for fd in own] + [f"--production={fd}" for fd in production]
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deploy.handed", f"--control={control}", *options, "--", *program.command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # signals are the launcher's to pass on
            pass_fds=(*own, *production),
        )
    try:
        words = await _connected(control, process)
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    return Child(program, process.pid, port_of(sockets, program.own[0]), log, *words, process)


async def _connected(
    control: Path, process: asyncio.subprocess.Process
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    while process.returncode is None:
        with suppress(OSError):
            return await asyncio.open_unix_connection(control)
        await asyncio.sleep(_LOOK)
    raise Died("ended", process.returncode)


@dataclass(frozen=True, slots=True)
class Found:
    """A program that an earlier launcher had started, and the sockets that it was given: its own, then production's."""

    name: str
    pid: int
    argv: tuple[str, ...]
    serving: bool
    sockets: tuple[socket, ...]
    words: socket


def found(folder: Path) -> list[Found]:
    """Those that are alive, whose launcher was killed."""
    return [each for file in sorted(folder.glob("*.sock")) if (each := _asked(file)) is not None]


def _asked(control: Path) -> Found | None:
    words = socket(AF_UNIX, SOCK_STREAM)
    words.settimeout(_ANSWERS)
    try:
        words.connect(str(control))
        words.sendall(b'{"do": "sockets"}\n')
        line, fds, _, _ = recv_fds(words, 1 << 16, _FDS)
        state = json.loads(line)
    except (OSError, ValueError):
        words.close()
        return None
    listening = tuple(socket(fileno=fd) for fd in fds)
    return Found(control.stem, state["pid"], tuple(state["argv"]), state["serving"], listening, words)


async def adopted(program: Program, one: Found, log: Path) -> Child:
    one.words.setblocking(False)
    reader, writer = await asyncio.open_unix_connection(sock=one.words)
    return Child(program, one.pid, one.sockets[0].getsockname()[1], log, reader, writer)


def ended(one: Found) -> None:
    """Of an earlier launcher's, and of no use to this one."""
    one.words.close()
    for each in one.sockets:
        each.close()
    with suppress(ProcessLookupError):
        os.killpg(one.pid, signal.SIGTERM)
    _, alive = psutil.wait_procs([psutil.Process(one.pid)] if psutil.pid_exists(one.pid) else [], timeout=10)
    for process in alive:
        process.kill()
