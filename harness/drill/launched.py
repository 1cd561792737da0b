"""`python deploy/run_proxies.py` as its users start it: what they see of it are its lines, its journal, its port."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic
from typing import Any

import psutil

from harness.drill.clients import MARK
from harness.errors import TargetFailed

PROGRAM = Path("deploy") / "run_proxies.py"
BINARY, SDK = "binary", "sdk"
_LOOK = 0.02  # seconds
_START = 120.0  # seconds


@dataclass(slots=True, eq=False)
class Launcher:
    """One production port. `options` are those of each start, `environment` the whole of it."""

    config: Path
    port: int
    litellm_port: int
    environment: Mapping[str, str]
    folder: Path
    process: asyncio.subprocess.Process | None = None

    @property
    def archive(self) -> Path:
        """Of the drill's own cutovers: the project's is none of its business."""
        return self.config.parent / "archive"

    @property
    def reports(self) -> Path:
        """Of the drill's own shadow."""
        return self.config.parent / "reports"

    async def start(self, *options: str, flaw: str | None = None) -> float:
        """Seconds until the port answers. Raises `TargetFailed`."""
        began = monotonic()
        environment = dict(self.environment)
        if flaw is not None:
            planted = Path(__file__).parent / "planted"
            environment |= {"DRILL_FLAW": flaw, "PYTHONPATH": str(planted)}
        own = ("--logs", str(self.folder), "--archive", str(self.archive), "--reports", str(self.reports))
        await self._started(environment, str(PROGRAM), *own, *options)
        return monotonic() - began

    async def start_archived(self) -> None:
        """Without a launcher: what the cutover has archived. Raises `TargetFailed`."""
        await self._started(dict(self.environment), str(self.archive / "start.py"))

    async def _started(self, environment: Mapping[str, str], *words: str) -> None:
        with (self.folder / "launcher.log").open("ab") as out:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, *words, "--config", str(self.config), "--port", str(self.port)),
                *("--litellm-port", str(self.litellm_port)),
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=asyncio.subprocess.STDOUT,
            )
        await self.until(lambda: self.answering() is not None, "the production port answers", _START)

    async def command(self, *words: str) -> float:
        """Seconds until it has ended. Raises `TargetFailed` where it did not succeed."""
        began = monotonic()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(PROGRAM), "--port", str(self.port), *words),
            env=dict(self.environment),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        if process.returncode != 0:
            raise TargetFailed(f"{' '.join(words)} ended with {process.returncode}: {said.decode()[-2000:]}")
        return monotonic() - began

    async def until(self, holds: Callable[[], bool], what: str, patience: float) -> float:
        """Seconds. Raises `TargetFailed` where it does not come."""
        began = monotonic()
        while not await asyncio.to_thread(holds):
            if self.process is not None and self.process.returncode is not None:
                raise TargetFailed(
                    f"the launcher ended with exit code {self.process.returncode}: {self.said()[-2000:]}"
                )
            if monotonic() - began > patience:
                raise TargetFailed(f"{what}: not within {patience:g} s: {self.said()[-2000:]}")
            await asyncio.sleep(_LOOK)
        return monotonic() - began

    def answering(self) -> str | None:
        """Who answers on the production port, by a new connection."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/health")
            answer = connection.getresponse()
            answer.read()
        except OSError:
            return None
        finally:
            connection.close()
        return SDK if answer.getheader(MARK.decode()) else BINARY

    def shadow(self) -> int:
        """Its pid. Raises `TargetFailed` where none was ever on."""
        found = re.findall(r"^the shadow is on \(pid (\d+)\)", self.said(), re.MULTILINE)
        if not found:
            raise TargetFailed(f"the shadow was never on: {self.said()[-2000:]}")
        return int(found[-1])

    def shadowed(self) -> dict[str, Any]:
        """What the shadow has reported. Raises `TargetFailed` where that is nothing."""
        file = self.reports / "latest" / "shadow.json"
        try:
            tree: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise TargetFailed(f"the shadow has reported nothing: {error}") from error
        return tree

    def journal(self) -> list[dict[str, Any]]:
        file = Path(self.environment["XDG_STATE_HOME"], "run-proxies", str(self.port), "journal.ndjson")
        return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []

    def said(self) -> str:
        return (self.folder / "launcher.log").read_text(encoding="utf-8", errors="replace")

    def pid(self, program: str) -> int:
        """Of the newest of that name: litellm, binary-proxy, sdk-proxy. Raises `TargetFailed`."""
        lines = [line for line in self.said().splitlines() if line.startswith(f"{program}: ready")]
        if not lines:
            raise TargetFailed(f"{program} was never ready: {self.said()[-2000:]}")
        return int(lines[-1].rpartition("(pid ")[2].split(",")[0].rstrip(")"))

    def kill(self, program: str) -> None:
        os.kill(self.pid(program), signal.SIGKILL)

    async def kill_itself(self) -> None:
        if self.process is not None:
            self.process.kill()
            await self.process.wait()

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()

    def left(self) -> list[int]:
        """Programs that are still there: none after `stop`. Each serves with this configuration file."""
        found = []
        for each in psutil.process_iter(["pid", "cmdline"]):
            words = each.info["cmdline"] or []
            if any(word.endswith(str(self.config)) for word in words):
                found.append(int(each.info["pid"]))
        return found
