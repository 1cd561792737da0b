from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import pytest

from harness.errors import BadInput
from harness.model import Reply, Request, Scenario, Send
from harness.recording import Recording, record
from harness.replay.client import send
from harness.replay.ports import free_port
from harness.traffic.recorder import Recorder
from harness.traffic.scenario_file import read
from harness.upstream.app import SimulatedUpstream

ABOUT = Scenario("live/session", "live", "A session", "recorded 2026-11-23, curl 8", ("chat",), ())
KEY = "sk-live-0123456789abcdef"
BODY = b'{"messages":[{"role":"user","content":"a private question"}]}'
ASKS = Request("POST", "/v1/messages", (("Host", "h"), ("Authorization", f"Bearer {KEY}")), BODY)
STREAM = Reply(200, (("content-type", "text/event-stream; charset=utf-8"),), acts=(Send(b"data: private\n\n"),))


async def live(recording: Recording, calls: int, requests: Iterator[Request] = repeat(ASKS)) -> int:
    """Record until the calls have passed, then press Ctrl-C."""
    told: list[str] = []
    task = asyncio.create_task(record(recording, told.append))
    while not told:
        await asyncio.sleep(0)
    url = told[0].split()[3].rstrip(",")
    for _ in range(calls):
        await send(next(requests), url)
    task.cancel()
    return await task


async def test_live_traffic_on_both_sides_of_a_gateway_becomes_a_scrubbed_scenario(tmp_path: Path) -> None:
    file, port = tmp_path / "live" / "session.yaml", free_port()
    async with (
        SimulatedUpstream(improvise=lambda _: STREAM) as provider,
        Recorder(f"http://127.0.0.1:{port}") as gateway,
    ):
        assert await live(Recording(ABOUT, file, gateway.url, provider.url, provider_port=port), 2) == 2
    scenario = read(file)
    assert (scenario.title, len(scenario.steps)) == ("A session", 2)
    assert [len(step.replies) for step in scenario.steps] == [1, 1]
    assert scenario.steps[0].request.headers == (("Host", "<host>"), ("Authorization", "Bearer <key>"))
    assert KEY not in file.read_text()
    assert "private" not in file.read_text()
    assert [path.name for path in file.parent.iterdir()] == ["session.yaml"]


async def test_without_traffic_nothing_is_written(tmp_path: Path) -> None:
    assert await live(Recording(ABOUT, tmp_path / "session.yaml", "http://127.0.0.1:1"), 0) == 0
    assert not list(tmp_path.iterdir())


BROKEN = Request(
    "POST", "/v1/messages", (("Host", "h"), ("content-type", "application/json")), b'{"content": Guacamole'
)


async def record_two(tmp_path: Path, *, accept_malformed: bool) -> int:
    """A call without fault, and one without JSON."""
    async with SimulatedUpstream(improvise=lambda _: Reply()) as gateway:
        file = tmp_path / "live" / "session.yaml"
        recording = Recording(ABOUT, file, gateway.url, accept_malformed=accept_malformed)
        return await live(recording, 2, iter((BROKEN, ASKS)))


async def test_a_live_call_that_cannot_be_scrubbed_is_left_out_and_told_and_the_others_are_not_lost(
    tmp_path: Path,
) -> None:
    with pytest.raises(BadInput, match=r"request 1 .*line 1, column 13.*\n.*1 left out, the other 1 requests") as told:
        await record_two(tmp_path, accept_malformed=False)
    assert "Guacamole" not in str(told.value)
    (step,) = read(tmp_path / "live" / "session.yaml").steps
    assert step.request.body.startswith(b'{"messages":[{"role":"user","content":"')


async def test_where_it_is_accepted_it_is_written_as_text(tmp_path: Path) -> None:
    assert await record_two(tmp_path, accept_malformed=True) == 2
    first, _ = read(tmp_path / "live" / "session.yaml").steps
    assert first.request.body.startswith(b'{"content": ') and b"Guacamole" not in first.request.body


async def test_where_nothing_can_be_scrubbed_nothing_is_written(tmp_path: Path) -> None:
    async with SimulatedUpstream(improvise=lambda _: Reply()) as gateway:
        with pytest.raises(BadInput, match="1 left out, nothing is written"):
            await live(Recording(ABOUT, tmp_path / "session.yaml", gateway.url), 1, iter((BROKEN,)))
    assert not list(tmp_path.iterdir())
