"""A client's program: run to its end, with nothing of the user's environment, and never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.errors import BadInput, HarnessError

_LAST_WORDS = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class Finished:
    exit_code: int
    output: str
    version: str  # "claude-cli 2.1.330": the client's name and version


async def run(command: Sequence[str], env: Mapping[str, str], cwd: Path, patience: float = 120.0) -> tuple[int, str]:
    """Exit code and standard output with standard error in it. Raises `BadInput` if there is no such program, and
    `HarnessError` if it has not ended after `patience` seconds."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(env),
            cwd=cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise BadInput(f"{command[0]} cannot be started: {error.strerror}: install it first") from error
    try:
        async with asyncio.timeout(patience):
            output, _ = await process.communicate()
    except TimeoutError as error:
        raise HarnessError(f"{Path(command[0]).name} has not ended after {patience:g} s") from error
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(TimeoutError):  # to the end of its output: a pipe that stays open outlives the event loop
            async with asyncio.timeout(_LAST_WORDS):
                await process.communicate()
    return process.returncode or 0, output.decode("utf-8", "replace")


async def install(command: Sequence[str], folder: Path) -> None:
    """Run a package manager, which may use the user's environment. Raises `HarnessError` with what it said."""
    code, output = await run(command, os.environ, folder, patience=600.0)
    if code:
        raise HarnessError(f"{' '.join(command)} failed:\n{output[-2000:]}")


def bare_environment(home: Path) -> dict[str, str]:
    """Nothing of the user's but the path: no key, no setting, no proxy."""
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "LANG": "C.UTF-8", "TERM": "dumb"}
