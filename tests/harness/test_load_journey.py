"""A window of load, with real programs: a pass-through, a simulated upstream, Locust."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from harness import generator_command
from harness.errors import TargetFailed
from harness.load_journey import Loaded, LoadPlan, loaded, window
from harness.model import Request, Response, Role
from harness.performance.window import Window, told
from harness.replay.client import send
from harness.settings import read_settings
from tests.waiting import PATIENCE, until, until_async

SETTINGS = read_settings(Path("harness.toml"), {"candidate": "pass-through"})


@asynccontextmanager
async def place(logs: Path) -> AsyncIterator[tuple[Loaded, LoadPlan]]:
    plan = LoadPlan(SETTINGS, users=3, first_byte=0.01, between=0.005, events=4, in_flight=2)
    async with loaded(Role.CANDIDATE, plan, logs) as found:
        yield found, plan


def _locust() -> int | None:
    for each in psutil.Process().children():
        try:
            if "locust" in " ".join(each.cmdline()):
                return each.pid
        except psutil.Error:
            continue  # gone in the meantime
    return None


async def _begun(place: Loaded) -> bool:
    """Before its first call Locust may not have begun at all."""
    exchange = await send(Request("GET", "/counts"), place.upstream_url)
    assert isinstance(exchange.outcome, Response)
    return int(json.loads(exchange.outcome.body)["calls"]) > 0


def test_a_window_has_the_curves_and_the_course_of_what_it_measured(tmp_path: Path) -> None:
    async def measured(seconds: float) -> Window:
        async with place(tmp_path) as (found, plan):
            return await window(found, Role.CANDIDATE, plan, seconds)

    # A longer window where Locust has not begun within the first one, as on a machine that is very busy.
    for seconds in (2.0, 10.0, 60.0):
        seen = asyncio.run(measured(seconds))
        if seen.ledger.together().calls:
            break
    tree = told(seen)
    assert not tree["failures"]
    assert tree["figures"]["throughput"] > 0
    assert tree["peak_in_flight"] <= 2
    assert [share for share, _ in tree["percentiles"]["ttft"]] == sorted({s for s, _ in tree["percentiles"]["ttft"]})
    assert sum(each["calls"] for each in tree["series"]) == seen.ledger.together().calls
    assert {each["users"] for each in tree["steps"]} == {3}
    assert tree["generator_late_p95_ms"] is not None


@pytest.mark.parametrize(
    ("victim", "number", "said"),
    [
        (lambda found: found.target.pids[0], signal.SIGKILL, "pass-through ended with exit code -9"),
        (lambda found: found.upstream.pid, signal.SIGKILL, "upstream ended with exit code -9"),
        (lambda _: _locust(), signal.SIGKILL, "locust ended without a measurement"),
        (lambda _: _locust(), signal.SIGINT, "locust ended before its time, after .* of 600 s"),
    ],
)
def test_a_program_that_is_killed_in_the_middle_ends_the_window_at_once(
    tmp_path: Path, victim: Callable[[Loaded], int | None], number: signal.Signals, said: str
) -> None:
    async def killed() -> None:
        async with place(tmp_path) as (found, plan):
            measuring = asyncio.ensure_future(window(found, Role.CANDIDATE, plan, 600.0))
            await until(lambda: measuring.done() or _locust() is not None)
            await until_async(lambda: _begun(found))
            pid = victim(found)
            assert pid  # 0 would be every process of this group
            os.kill(pid, number)
            await measuring

    with pytest.raises(TargetFailed, match=said):
        asyncio.run(killed())


def test_streams_of_the_generator_begin_within_the_time_of_one_stream() -> None:
    plan = LoadPlan(SETTINGS, users=1000, seconds=30.0, between=0.1, events=60)
    assert generator_command._arriving(plan) == 6.0
    assert generator_command._arriving(replace(plan, seconds=9.0)) == 3.0


# In a process of its own, for Locust replaces what every program waits and connects with.
ARRIVALS = """
import json
from types import SimpleNamespace
from harness import load
waits = []
load.sleep, load._mix = waits.append, lambda _: None
for _ in range(20):
    user = object.__new__(load._Client)
    user.environment = SimpleNamespace(parsed_options=SimpleNamespace(pause=0, arriving=3.0))
    user.on_start()
print(json.dumps(waits))
"""


def test_users_begin_each_at_a_time_of_its_own() -> None:
    command = [sys.executable, "-c", ARRIVALS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    waits = json.loads(done.stdout.splitlines()[-1])
    assert len({*waits}) == 20 and min(waits) >= 0 and max(waits) <= 3
    thirds = [sum(third <= wait < third + 1 for wait in waits) for third in range(3)]
    assert min(thirds) >= 3, thirds  # spread over all of the time, as far as twenty are


async def test_locust_is_told_in_which_time_its_users_begin(tmp_path: Path) -> None:
    plan = LoadPlan(SETTINGS, users=3, first_byte=0.01, between=0.005, events=4, arriving=0.25)
    async with loaded(Role.CANDIDATE, plan, tmp_path) as found:
        measuring = asyncio.ensure_future(window(found, Role.CANDIDATE, plan, 1.0))
        await until(lambda: measuring.done() or _locust() is not None)
        command = psutil.Process(_locust()).cmdline()
        await measuring
    assert command[command.index("--arriving") + 1] == "0.25"
