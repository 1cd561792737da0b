"""The rollout, rehearsed with the real programs and clients that never pause: what is promised of it is measured."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from time import monotonic

from harness.drill.clients import Answered, Caller
from harness.drill.figures import Line, at_most, failed, pauses, quantile, within
from harness.drill.launched import BINARY, SDK, Launcher
from harness.errors import TargetFailed
from harness.model import Request
from harness.performance.mix import Call, call_of
from harness.replay.ports import free_port
from harness.settings import Settings
from harness.site import Credentials, environment
from harness.upstream.paced import Pace, PacedUpstream

Tell = Callable[[str], None]
_HEADERS = (("authorization", "Bearer <key>"), ("content-type", "application/json"))
_CALLS = (
    ("/v1/messages", "claude-sonnet-5", True),
    ("/v1/chat/completions", "gpt-5", False),
    ("/v1/chat/completions", "gpt-5", True),
    ("/v1/messages", "claude-sonnet-5", False),
)
_SETTLES = 4.0  # seconds between two changes
_AFTER = 2.0  # seconds after a change that still count as its own
_BACK = 60.0  # seconds for a program that was killed
_ROLLED_BACK = 60.0  # seconds in which a flaw has to be noticed, at all
_CUTOVER = ("cutover", "--force", "a drill")
_MOVES = ((_CUTOVER, SDK), (("rollback",), BINARY), (_CUTOVER, SDK))
KILLED = ("sdk-proxy", "binary-proxy", "litellm", "launcher")
FLAWS = ("errors", "leak", "cloudflare")


@dataclass(frozen=True, slots=True)
class DrillPlan:
    """`clients` at once; `pace` of their upstream; `pause`: seconds between two requests of one client."""

    settings: Settings
    clients: int = 50
    soak_minutes: float = 10.0
    pace: Pace = field(default_factory=lambda: Pace(0.3, 0.1, 40))
    pause: float = 0.5


@dataclass(slots=True, eq=False)
class Stage:
    """A launcher, an upstream, and what clients have seen since."""

    plan: DrillPlan
    launcher: Launcher
    key: str
    tell: Tell
    answers: list[Answered] = field(default_factory=list)

    @asynccontextmanager
    async def clients(self, number: int | None = None) -> AsyncIterator[None]:
        """They ask all the time; at the end each has its last answer."""
        stop, pause = asyncio.Event(), self.plan.pause
        calls = islice(cycle(_calls()), number or self.plan.clients)
        callers = [
            Caller("127.0.0.1", self.launcher.port, self.key, call, index % 3 > 0, pause, self.answers)
            for index, call in enumerate(calls)
        ]
        running = []
        try:
            for caller in callers:
                running.append(asyncio.create_task(caller.run(stop)))
                await asyncio.sleep(1 / len(callers))  # not all at the same moment
            yield
        finally:
            stop.set()
            await asyncio.gather(*running)


def _calls() -> list[Call]:
    def body(model: str, stream: bool) -> bytes:
        words = f'{{"role": "user", "content": "{"hi " * 300}"}}'
        return (
            f'{{"model": "{model}", "max_tokens": 64, "stream": {str(stream).lower()}, "messages": [{words}]}}'.encode()
        )

    return [call_of(Request("POST", path, _HEADERS, body(model, stream))) for path, model, stream in _CALLS]


@contextmanager
def _home(plan: DrillPlan, logs: Path) -> Iterator[tuple[str, Path]]:
    """The configuration has a name of its own there: what is left behind is found by it."""
    logs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gateway-drill-") as home:
        config = Path(home, "config.yaml")
        config.write_bytes(Path(plan.settings.config).read_bytes())
        yield home, config


@asynccontextmanager
async def stage(plan: DrillPlan, logs: Path, tell: Tell) -> AsyncIterator[Stage]:
    """Whatever happens, nothing of it is left at the end."""
    credentials = Credentials()
    with _home(plan, logs) as (home, config):
        async with PacedUpstream(pace=plan.pace) as upstream:
            names = {
                "upstream": upstream.url,
                "upstream_by_name": upstream.url.replace("//127.0.0.1:", "//localhost:"),
                "key": credentials.key,
            }
            env = environment(plan.settings.environment, credentials, names, home) | {"XDG_STATE_HOME": home}
            launcher = Launcher(config, free_port(), free_port(), env, logs)
            try:
                yield Stage(plan, launcher, credentials.key, tell)
            finally:
                await launcher.stop()
                for pid in launcher.left():
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)


async def changes(plan: DrillPlan, logs: Path, tell: Tell) -> list[Line]:
    """Cutover, rollback, cutover under clients; what they saw, and how long the ways back take."""
    async with stage(plan, logs, tell) as here:
        launcher, pace = here.launcher, plan.pace
        tell(f"the binary path answers after {await launcher.start('--no-watch'):.1f} s")
        moves: list[tuple[float, float]] = []
        async with here.clients():
            await asyncio.sleep(_SETTLES * 2)
            calm = monotonic()
            await asyncio.sleep(_SETTLES)
            moves.append((calm, monotonic()))
            for words, to in _MOVES:
                began = monotonic()
                took = await launcher.command(*words)
                await launcher.until(partial(_answers, launcher, to), f"{to} answers", 5)
                moves.append((began, monotonic() + _AFTER))
                tell(f"{words[0]}: {took:.2f} s, {to} answers after {monotonic() - began:.2f} s")
                await asyncio.sleep(_SETTLES)
        warm = await _way_back(launcher)
        await launcher.command(*_CUTOVER)
        before = len(launcher.journal())
        await launcher.stop()
        await launcher.start("--no-standby", "--no-watch")
        cold = await _way_back(launcher)
        tell(f"rollback: {warm:.2f} s warm, {cold:.2f} s cold; {before} changes in the journal")
        await launcher.stop()
        left = launcher.left()
    quiet, *moved = ([*within(here.answers, *move)] for move in moves)
    seen = [pause for each in moved for pause in pauses(each, pace.first_byte, pace.between)]
    usual = quantile(pauses(quiet, pace.first_byte, pace.between), 0.99)
    ended = failed(here.answers)
    streams = sum(each.streams for each in here.answers)
    about = (
        f"{len(here.answers)} answers, {streams} streams, {plan.clients} clients; {', '.join(sorted(set(ended))[:3])}"
    )
    pause = quantile(seen, 0.99)
    return [
        at_most("failed requests and cut streams", 0, len(ended), "", about),
        at_most(
            "pause that a client sees, p99",
            100,
            None if pause is None else pause * 1000,
            "ms",
            f"over the upstream's own pace, of {len(seen)} answers open from a command to {_AFTER:g} s after it;"
            f" {(usual or 0) * 1000:.0f} ms without a change",
        ),
        at_most("rollback, warm", 1, warm, "s", "from the command to the binary proxy's first answer"),
        at_most("rollback, cold", 10, cold, "s", "the same, with neither LiteLLM nor the binary proxy running"),
        at_most("processes left behind", 0, len(left), "", "after SIGTERM to the launcher"),
    ]


def _answers(launcher: Launcher, who: str) -> bool:
    return launcher.answering() == who


async def archive(plan: DrillPlan, logs: Path, tell: Tell) -> list[Line]:
    """The launcher is killed with all that it had started; what the cutover archived answers on its port."""
    async with stage(plan, logs, tell) as here:
        launcher = here.launcher
        await launcher.start("--no-watch")
        await launcher.command(*_CUTOVER)
        await launcher.kill_itself()
        for pid in launcher.left():
            os.kill(pid, signal.SIGKILL)
        began = monotonic()
        await launcher.start_archived()
        took = monotonic() - began
        async with here.clients(8):
            await asyncio.sleep(_SETTLES)
        await launcher.stop()
    wrong = failed(here.answers)
    tell(f"from the archive: {took:.1f} s, then {len(here.answers)} answers, {len(wrong)} failed")
    about = f"all killed; sdk_proxy/archive/start.py to its first answer; then {len(here.answers)} answers"
    return [
        at_most("restore from the archive", 60, took, "s", about),
        at_most("failed requests of the archived proxy", 0, len(wrong), "", ", ".join(sorted(set(wrong))[:3])),
    ]


async def _way_back(launcher: Launcher) -> float:
    _, took = await asyncio.gather(
        launcher.command("rollback"), launcher.until(partial(_answers, launcher, BINARY), "the binary proxy", 60)
    )
    return took


async def kills(plan: DrillPlan, logs: Path, tell: Tell) -> list[Line]:
    """Each of them ends by `kill -9` under clients; the requests that were open are its own."""
    lines = []
    async with stage(plan, logs, tell) as here:
        launcher = here.launcher
        await launcher.start("--no-watch")
        await launcher.command(*_CUTOVER)
        for victim in KILLED:
            if victim == "binary-proxy":
                await launcher.command("rollback")
            here.answers.clear()
            async with here.clients():
                await asyncio.sleep(_SETTLES)
                killed = monotonic()
                await _killed(launcher, victim)
                back = monotonic() - killed
                await asyncio.sleep(_SETTLES)
            wrong = failed(here.answers, killed)
            later = sum(each.began > killed for each in here.answers)
            about = (
                f"of {later} requests begun after it; as before after {back:.1f} s; {', '.join(sorted(set(wrong))[:3])}"
            )
            lines.append(at_most(f"failed after kill -9 of {victim}", 0, len(wrong), "", about))
            tell(f"kill -9 {victim}: {len(wrong)} failed {about}")
        await launcher.stop()
        lines.append(at_most("processes left behind after the kills", 0, len(launcher.left()), "", "after SIGTERM"))
    return lines


async def _killed(launcher: Launcher, victim: str) -> None:
    """Until it is there again."""
    if victim == "launcher":
        await launcher.kill_itself()
        await launcher.start("--no-watch")
        await asyncio.sleep(_SETTLES)
        return
    before = launcher.said().count(f"{victim}: ready")
    launcher.kill(victim)
    await launcher.until(lambda: launcher.said().count(f"{victim}: ready") > before, f"{victim} is back", _BACK)


async def flaws(plan: DrillPlan, logs: Path, tell: Tell) -> list[Line]:
    """An SDK proxy with a planted flaw is cut over to by force: it has to be rolled back, and nobody says so."""
    lines = []
    for flaw in FLAWS:
        async with stage(plan, logs / flaw, tell) as here:
            await here.launcher.start(flaw=flaw)
            async with here.clients():
                await here.launcher.command(*_CUTOVER)
                took, why = await _rolled_back(here.launcher)
            tell(f"{flaw}: {why}" if took is None else f"{flaw}: rolled back after {took:.1f} s: {why}")
            line = at_most(f"rollback by itself: {flaw}", 30, took, "s", f"from the end of the cutover: {why}")
            lines.append(replace(line, met=False) if took is None else line)
    return lines


async def _rolled_back(launcher: Launcher) -> tuple[float | None, str]:
    def is_rolled_back() -> bool:
        return bool(launcher.journal()[-1]["what"] == "rollback")

    try:
        took = await launcher.until(is_rolled_back, "the rollback", _ROLLED_BACK)
    except TargetFailed:
        return None, f"not rolled back within {_ROLLED_BACK:g} s"
    return took, launcher.journal()[-1]["reason"]


async def healthy(plan: DrillPlan, logs: Path, tell: Tell) -> list[Line]:
    """Minutes of clients on a sound SDK proxy: nothing is rolled back."""
    minutes = plan.soak_minutes
    async with stage(plan, logs, tell) as here:
        await here.launcher.start()
        await here.launcher.command(*_CUTOVER)
        async with here.clients():
            ends = monotonic() + minutes * 60
            while monotonic() < ends:
                await asyncio.sleep(min(60.0, max(0.1, ends - monotonic())))
                tell(f"{max(0.0, ends - monotonic()) / 60:.0f} minutes left, {len(here.answers)} answers")
        found = [each for each in here.launcher.journal() if each["what"] != "cutover"]
    wrong = failed(here.answers)
    about = f"{minutes:g} minutes, {plan.clients} clients, {len(here.answers)} answers, {len(wrong)} failed"
    reasons = "; ".join(each["reason"] for each in found)
    line = at_most(
        "changes by itself of a healthy SDK proxy", 0, len(found), "", f"{about}{reasons and f': {reasons}'}"
    )
    return [line if minutes >= 10 else replace(line, value=None, met=None, measured_as=f"only {about}")]


PARTS: Mapping[str, Callable[[DrillPlan, Path, Tell], Awaitable[list[Line]]]] = {
    "changes": changes,
    "archive": archive,
    "kills": kills,
    "flaws": flaws,
    "healthy": healthy,
}


async def drill(plan: DrillPlan, parts: Sequence[str], logs: Path, tell: Tell) -> list[Line]:
    """All lines, those of parts that were not asked for as not measured."""
    lines: list[Line] = []
    for name, part in PARTS.items():
        if name not in parts:
            lines.append(Line(name, "", None, "", None, "not asked for"))
            continue
        tell(f"--- {name}")
        try:
            lines += await part(plan, logs / name, tell)
        except TargetFailed as error:
            lines.append(Line(name, "", None, "", met=False, measured_as=str(error)))
    return lines
