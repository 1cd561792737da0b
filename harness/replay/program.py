"""One program of a target: started so that it cannot outlive the harness, stopped with everything that it started."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

from harness.errors import BadInput, TargetFailed

_PR_SET_PDEATHSIG = 1  # prctl(2)


class Program:
    """A process in a session of its own; stdout and stderr go to `log`, and no secret stays in there."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path, secrets: Collection[str]) -> None:
        self.name = name
        self.log = log
        self._process = process
        self._secrets = secrets

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None

    async def wait(self) -> None:
        await self._process.wait()

    def failure(self, what: str) -> TargetFailed:
        return TargetFailed(f"{self.name} {what}; the end of {self.log}:", log_tail(self.log, self._secrets))

    def require_alive(self) -> None:
        """Raises `TargetFailed` with the end of the log."""
        if self.ended:
            raise self.failure(f"ended with exit code {self._process.returncode}")

    async def stop(self, patience: float = 5.0) -> None:
        """SIGTERM to the whole group, SIGKILL to what is left after `patience` seconds, or at a second Ctrl-C."""
        try:
            self._signal(signal.SIGTERM)
            async with asyncio.timeout(patience):
                await self._process.wait()
        except TimeoutError:
            pass  # `finally` does it
        finally:
            self._signal(signal.SIGKILL)
            scrub_log(self.log, self._secrets)
        await self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)


async def start(
    name: str, command: tuple[str, ...], env: Mapping[str, str], log: Path, secrets: Collection[str]
) -> Program:
    """Raises `BadInput` if there is no such program."""
    with log.open("wb") as output:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_dies_with_parent(),
            )
        except OSError as error:
            raise BadInput(f"{name} cannot be started: {error.strerror}: {command[0]}") from error
    return Program(name, process, log, secrets)


def _dies_with_parent() -> Callable[[], None] | None:
    """Linux only: the kernel kills the process when the harness is gone, however that came about."""
    if sys.platform != "linux":
        return None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def before_exec() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it was gone before we asked
            os._exit(1)

    return before_exec


# --- logs -----------------------------------------------------------------------------------------------------------


def scrubbed(text: str, secrets: Collection[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def log_tail(log: Path, secrets: Collection[str], lines: int = 20) -> str:
    text = log.read_text(encoding="utf-8", errors="replace")
    return "\n".join(scrubbed(text, secrets).splitlines()[-lines:])


def scrub_log(log: Path, secrets: Collection[str]) -> None:
    text = log.read_bytes().decode("utf-8", "surrogateescape")
    clean = scrubbed(text, secrets)
    if clean != text:
        log.write_bytes(clean.encode("utf-8", "surrogateescape"))


def secrets_of(env: Mapping[str, str]) -> frozenset[str]:
    """The values that must not be printed, by the names of their variables; short ones are no secrets."""
    marks = ("KEY", "TOKEN", "SECRET", "PASSWORD")
    return frozenset(value for name, value in env.items() if len(value) >= 8 and any(m in name.upper() for m in marks))
