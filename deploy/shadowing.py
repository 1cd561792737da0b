"""The launcher's shadow: a program beside the others that gets a copy of each call, and that no client waits for.

What it does with them is its own affair (`python -m harness shadow`): here it is started, last in the queue for the
processors, the programs of the binary path are told to copy for it, and its end, of whatever kind, is told.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM, socket

from deploy.copying import shadow_of
from deploy.programs import BadInput

_START = 120.0  # seconds
_END = 20.0  # seconds for its last report
_LOOK = 0.05  # seconds
_LAST_LINES = 20

Say = Callable[[str], None]


@dataclass(slots=True, eq=False)
class Shadow:
    """`command`: the program; it gets the place where it is to take the calls as its last word, and takes them once it
    is ready."""

    command: tuple[str, ...]
    folder: Path
    log: Path
    root: Path
    say: Say
    _process: asyncio.subprocess.Process | None = None
    _watching: asyncio.Task[None] | None = None
    _starting: bool = False
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def pid(self) -> int | None:
        """None where none runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def on(self) -> bool:
        """Ready for calls; true where it was already. Raises `BadInput` where it does not get so far."""
        async with self._one_at_a_time:
            if self.pid is not None:
                return True
            place = shadow_of(self.folder)
            place.unlink(missing_ok=True)
            self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self.log.open("ab") as output:
                before = output.tell()
                self._process = await asyncio.create_subprocess_exec(
                    *self.command,
                    str(place),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=asyncio.subprocess.STDOUT,
                    start_new_session=True,  # signals are the launcher's to pass on
                    cwd=self.root,
                )
            self._starting = True
            try:
                await self._until_there(place, self._process, before)
            except BaseException:
                await self._ended()
                raise
            finally:
                self._starting = False
            self._watching = asyncio.create_task(self._watched(self._process))
            return False

    async def _until_there(self, place: Path, process: asyncio.subprocess.Process, before: int) -> None:
        """`before`: bytes of the log that are of earlier shadows."""
        try:
            async with asyncio.timeout(_START):
                while process.returncode is None and not _is_listening(place):  # noqa: ASYNC110 - once, at its start
                    await asyncio.sleep(_LOOK)
        except TimeoutError as error:
            raise BadInput(f"the shadow was not ready within {_START:g} s; see {self.log}") from error
        if process.returncode is not None:
            raise BadInput(
                f"the shadow ended with exit code {process.returncode}; see {self.log}{self._last_words(before)}"
            )

    def _last_words(self, before: int) -> str:
        """Return what it has said in the end, so that a refusal is read where the shadow was asked for."""
        with self.log.open("rb") as log:
            log.seek(before)
            lines = log.read().decode("utf-8", "replace").splitlines()
        return "".join(f"\n{line}" for line in lines[-_LAST_LINES:])

    async def off(self) -> None:
        """It has written its report; one that is not ready yet has none."""
        if self._starting:
            self.kill()
        async with self._one_at_a_time:
            if self._watching is not None:
                self._watching.cancel()
            await self._ended()

    def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _ended(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(_END):
                await process.wait()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what it has started, too
        await process.wait()

    async def _watched(self, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        self.say(f"the shadow ended with exit code {code}; clients are answered as before; see {self.log}")


def _is_listening(place: Path) -> bool:
    """A socket's file is there before its program listens (bind(2), listen(2)): only a connection tells."""
    with socket(AF_UNIX, SOCK_STREAM) as probe:
        try:
            probe.connect(str(place))
        except OSError:
            return False
        return True


def command(config: Path, reports: Path) -> tuple[str, ...]:
    """What `on` starts."""
    return (sys.executable, "-m", "harness", "shadow", f"--config={config.resolve()}", f"--reports={reports.resolve()}")


def last_told(reports: Path) -> str:
    """What the shadow has said of its calls in its last report."""
    file = reports / "latest" / "shadow.json"
    try:
        tree = json.loads(file.read_text(encoding="utf-8"))
        return f"{file}, {tree['made']['at']}: {tree['told']}"
    except (OSError, ValueError, KeyError, TypeError):
        return f"{file}: no report yet"
