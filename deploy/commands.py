"""What is said to a launcher that runs: one line of JSON asks, lines of JSON answer, the last with an exit code."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from deploy.child import Died
from deploy.journal import Change
from deploy.launcher import PROXIES, Failed, Launcher
from deploy.programs import BadInput, Primary
from deploy.routes import read
from deploy.shadowing import last_told
from deploy.users import users

SDK_IS_PRIMARY = "the SDK proxy is the primary already"
BINARY_IS_PRIMARY = "the binary proxy is the primary already"
NOTHING_TO_RESTORE = "nothing to restore: the binary proxy is the primary and runs what its files say"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Gate:
    """Where the gate's verdict is looked for, and of what it has to be; `oldest`: the age at which it says nothing;
    `archive`: where the baseline goes before the cutover."""

    reports: Path
    config: Path
    root: Path
    oldest: timedelta
    archive: Path


@dataclass(frozen=True, slots=True)
class Desk:
    launcher: Launcher
    gate: Gate

    async def serve(self, place: Path) -> None:
        await asyncio.to_thread(place.unlink, missing_ok=True)
        before = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(self._heard, place)
        finally:
            os.umask(before)
        async with server:
            await server.serve_forever()

    async def _heard(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(json.dumps({"say": line}).encode() + b"\n")

        try:
            asked = json.loads(await reader.readline())
            code = await self._done(asked, say)
            writer.write(json.dumps({"code": code, "state": self.launcher.state()}).encode() + b"\n")
            await writer.drain()
        except (ValueError, OSError):
            pass  # whoever asked has gone, or is none of ours
        finally:
            writer.close()

    async def _done(self, asked: dict[str, Any], say: Say) -> int:
        try:
            if asked["do"] == "cutover":
                return await self._cutover(str(asked["by"]), asked["force"], say)
            if asked["do"] == "rollback":
                return await self._rollback(str(asked["by"]), str(asked["reason"]), say)
            if asked["do"] == "route":
                return await self._route(str(asked["by"]), [str(each) for each in asked["routes"]], say)
            if asked["do"] == "shadow":
                return await self._shadow(str(asked["what"]), say)
            if asked["do"] == "restore":
                return await self._restore(str(asked["by"]), str(asked["reason"]), say)
        except (BadInput, Failed, Died, OSError) as error:
            say(f"error: {error}")
            return 2 if isinstance(error, BadInput) else 1
        return 0

    async def _cutover(self, by: str, force: str | None, say: Say) -> int:
        if self.launcher.primary == "sdk" and not self.launcher.routes:
            say(SDK_IS_PRIMARY)
            return 0
        from deploy.verdict import last_verdict  # noqa: PLC0415 - the harness's imports are nothing for a start

        gate = self.gate
        verdict = await asyncio.to_thread(last_verdict, gate.reports, gate.config, gate.root, gate.oldest)
        if verdict.problems and not force:
            for problem in verdict.problems:
                say(problem)
            raise BadInput('no fresh READY verdict: no cutover. With a reason that is kept: --force "REASON"')
        from deploy import archive  # noqa: PLC0415 - as above

        await asyncio.to_thread(archive.make, gate.root, gate.config, gate.archive)
        say(f"the baseline is archived in {gate.archive}")
        await self._move("cutover", "sdk", by, force or "the gate says READY", verdict.told, say)
        return 0

    async def _rollback(self, by: str, reason: str, say: Say) -> int:
        if self.launcher.primary == "binary" and not self.launcher.routes:
            say(BINARY_IS_PRIMARY)
            return 0
        await self._move("rollback", "binary", by, reason, None, say)
        return 0

    async def _restore(self, by: str, reason: str, say: Say) -> int:
        """Make what runs agree with the files, which are restored already; then roll back."""
        if await self.launcher.begin_anew("binary"):
            say("the binary proxy is started again: its files have changed since its start")
        elif self.launcher.primary == "binary" and not self.launcher.routes:
            say(NOTHING_TO_RESTORE)
            return 0
        return await self._rollback(by, reason, say)

    async def _route(self, by: str, said: list[str], say: Say) -> int:
        launcher = self.launcher
        routes = read(said, await asyncio.to_thread(users, self.gate.config))
        if sorted(routes.said) == sorted(launcher.routes.said):
            launcher.routes = routes  # the configuration may give its users other ids by now
            say(f"the routes are so already: {', '.join(said) or f'none, all to the {launcher.primary} proxy'}")
            return 0
        for primary in PROXIES if routes else ():
            if not launcher.ready(primary):
                say(f"the {primary} proxy is started")
        primary = launcher.primary
        told = f"routes: {', '.join(said) or f'none, all to the {primary} proxy'}"
        await launcher.route(routes, Change("route", by, primary, primary, told, routes=routes.said))
        say(told)
        launcher.say(f"{told} (by {by})")
        return 0

    async def _shadow(self, what: str, say: Say) -> int:
        shadow = self.launcher.shadow
        if what == "on":
            await self.launcher.shadow_on()
        elif what == "off" and shadow is not None:
            await shadow.off()
        running = shadow is not None and shadow.pid is not None
        say(f"the shadow is on (pid {shadow.pid}, log {shadow.log})" if shadow and running else "the shadow is off")
        say(await asyncio.to_thread(last_told, self.gate.reports))
        return 0 if running or what == "off" else 1

    async def _move(
        self, what: str, to: Primary, by: str, reason: str, verdict: dict[str, Any] | None, say: Say
    ) -> None:
        origin, routed = self.launcher.primary, self.launcher.routes
        clock = asyncio.get_running_loop().time
        began = clock()
        if not self.launcher.ready(to):
            say(f"the {to} proxy is started")
        await self.launcher.move(to, Change(what, by, origin, to, reason, verdict))
        rest = "all routes are ended" if routed else f"the {origin} proxy stays warm"
        said = f"{what}: {origin} -> {to} after {clock() - began:.2f} s; {rest}"
        say(said)
        self.launcher.say(f"{said} (by {by}: {reason})")
