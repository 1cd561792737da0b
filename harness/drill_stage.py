"""Where a drill takes place: a launcher, an upstream, and clients that never pause."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

from harness.drill.clients import Answered, Caller
from harness.drill.launched import Launcher
from harness.model import Request
from harness.performance.mix import Call, call_of
from harness.replay.ports import free_port
from harness.settings import Settings
from harness.site import Credentials, environment, refuse_foreign
from harness.upstream.paced import Pace, PacedUpstream

Tell = Callable[[str], None]
_HEADERS = (("authorization", "Bearer <key>"), ("content-type", "application/json"))
_CALLS = (
    ("/v1/messages", "claude-sonnet-5", True),
    ("/v1/chat/completions", "gpt-5", False),
    ("/v1/chat/completions", "gpt-5", True),
    ("/v1/messages", "claude-sonnet-5", False),
)
_USER = "x-memory-user-id"  # as config/config.yaml has it
USERS = tuple(f"drill-{number}" for number in range(21))  # no multiple of the calls: each call is made by all of them


def steady(between: float) -> Pace:
    """40 events, so many seconds between them; a whole answer takes as long."""
    return Pace(0.3, between, 40, whole=0.3 + 40 * between, together=True)


@dataclass(frozen=True, slots=True)
class DrillPlan:
    """`clients` at once; `pace` of their upstream, to which a model's words take their time, streamed or not; `pause`:
    seconds between two requests of one client."""

    settings: Settings
    clients: int = 50
    soak_minutes: float = 10.0
    pace: Pace = field(default_factory=lambda: steady(0.25))
    pause: float = 0.5


@dataclass(slots=True, eq=False)
class Stage:
    """A launcher, an upstream, and what clients have seen since."""

    plan: DrillPlan
    launcher: Launcher
    upstream: PacedUpstream
    key: str
    tell: Tell
    answers: list[Answered] = field(default_factory=list)

    @asynccontextmanager
    async def clients(self, number: int | None = None) -> AsyncIterator[None]:
        """They ask all the time; at the end each has its last answer."""
        stop, pause = asyncio.Event(), self.plan.pause
        turn = self.plan.pace.whole + pause
        turns = islice(zip(cycle(_CALLS), cycle(USERS), strict=False), number or self.plan.clients)
        port, key = self.launcher.port, self.key
        callers = [
            Caller("127.0.0.1", port, key, _call(*call, user), index % 3 > 0, pause, self.answers, user)
            for index, (call, user) in enumerate(turns)
        ]
        running = []
        try:
            for caller in callers:
                running.append(asyncio.create_task(caller.run(stop)))
                await asyncio.sleep(turn / len(callers))  # never all at the same moment
            yield
        finally:
            stop.set()
            await asyncio.gather(*running)


def _call(path: str, model: str, stream: bool, user: str) -> Call:
    words = [{"role": "user", "content": "hi " * 300}]
    body = {"model": model, "max_tokens": 64, "stream": stream, "messages": words}
    return call_of(Request("POST", path, (*_HEADERS, (_USER, user)), json.dumps(body).encode()))


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
    refuse_foreign(plan.settings, (), config=True)
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
                yield Stage(plan, launcher, upstream, credentials.key, tell)
            finally:
                await launcher.stop()
                for pid in launcher.left():
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
