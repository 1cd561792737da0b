"""Two gateways of one screen, one behind the other, play production, and copy their calls; a third is the candidate of
the real command."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from shutil import copytree
from typing import Any

import httpx
import psutil
import pytest
import uvicorn

from deploy.copying import Copies
from deploy.overhearing import hear
from harness.isolation.namespace import BY_CONFIGURATION, INSIDE
from harness.traffic.scenario_file import read_all
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay
from tests.gateway import create_app
from tests.harness.isolation.test_namespace import without_namespaces
from tests.harness.test_journey import RECORDINGS, ROOT, SETTINGS
from tests.waiting import PATIENCE, until, until_async

KEY = "sk-master-of-production"
WORDS = "My name is Alice, and nobody is to know"
BODY = {"model": "claude-sonnet-5", "max_tokens": 9, "messages": [{"role": "user", "content": WORDS}]}
HEADERS = {"authorization": f"Bearer {KEY}", "anthropic-beta": "one,two"}
REQUEST_ID = "/client/*/response/headers/request-id"


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            port=0,
            date_header=False,
            server_header=False,
            log_level="warning",
            lifespan="off",
            timeout_keep_alive=int(PATIENCE),
        )
    )
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started or task.done())
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


class Production:
    def __init__(self, url: str, upstream: SimulatedUpstream, programs: tuple[Copies, Copies]) -> None:
        self.url, self.upstream, self.programs = url, upstream, programs

    async def asks(self, stream: bool = False) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
            return await client.post(f"{self.url}/v1/messages", json={**BODY, "stream": stream}, headers=HEADERS)


@asynccontextmanager
async def production() -> AsyncIterator[Production]:
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(SimulatedUpstream(improvise=autoplay()))
        front, back = Copies(front=True, hear=hear), Copies(front=False, hear=hear)
        behind = await stack.enter_async_context(served(back.around(create_app(upstream.url, "nothing"))))
        before = await stack.enter_async_context(served(front.around(create_app(behind, "nothing"))))
        yield Production(before, upstream, (front, back))
        for each in (front, back):
            await each.end()


class Shadow:
    def __init__(self, folder: Path, process: asyncio.subprocess.Process) -> None:
        self.calls, self._latest, self.process = folder / "calls", folder / "reports" / "latest", process

    async def has_sorted(self, number: int) -> None:
        """So many calls are judged, or cannot be."""
        async with asyncio.timeout(PATIENCE):
            while self._sorted() < number:
                await asyncio.sleep(0.1)

    def _sorted(self) -> int:
        try:
            tree = json.loads((self._latest / "shadow.json").read_text())
        except OSError:
            return 0
        return int(tree["judged"] + sum(tree["not_judged"].values()))

    async def report(self) -> dict[str, Any]:
        """Once it has ended."""
        self.process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(self.process.wait(), PATIENCE)
        found: dict[str, Any] = json.loads((self._latest / "shadow.json").read_text())
        return found

    def written(self) -> str:
        return "".join(file.read_text() for file in self._latest.rglob("*") if file.is_file())


async def begins(copies: Copies, place: Path, process: asyncio.subprocess.Process) -> bool:
    """Return whether the shadow listens there, and takes the copies from now on."""
    assert process.returncode is None
    with suppress(OSError):
        await copies.begin(place)
    return copies.taken


@asynccontextmanager
async def shadow(
    folder: Path, of: Production, broken: str = "nothing", within: tuple[str, ...] = ()
) -> AsyncIterator[Shadow]:
    """It gets the copies of that production's calls. `within`: the command that starts it."""
    (folder / "differences.toml").write_text("")
    places = {"scenarios": RECORDINGS, "differences": folder / "differences.toml", "reports": folder / "reports"}
    text = SETTINGS.format(broken=broken, mark=folder, patience=PATIENCE, **places)
    (folder / "harness.toml").write_text(text.replace("{ KEY", '{ PROVIDER_BASE = "{upstream}", KEY'))
    options = (f"--settings={folder / 'harness.toml'}", "--no-idle")
    words = (*within, sys.executable, "-m", "harness", "shadow", *options, str(folder / "calls"))
    environment = {**os.environ, "KEY": KEY, "PROVIDER_BASE": of.upstream.url}
    process = await asyncio.create_subprocess_exec(*words, cwd=ROOT, env=environment)
    one = Shadow(folder, process)
    try:
        for each in of.programs:
            await until_async(partial(begins, each, one.calls, process))
        yield one
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def judged(folder: Path, broken: str, calls: int = 2, within: tuple[str, ...] = ()) -> tuple[dict[str, Any], str]:
    """The report on some calls, streams among them, and all that was written."""
    async with production() as of, shadow(folder, of, broken, within) as one:
        for number in range(calls):
            assert (await of.asks(stream=number % 2 > 0)).status_code == 200
        asked = len(of.upstream.unscripted)
        await one.has_sorted(calls)
        report = await one.report()
        assert len(of.upstream.unscripted) == asked == calls
    return report, one.written()


async def test_equal_gateways_are_the_same_and_the_provider_is_asked_nothing_more(tmp_path: Path) -> None:
    report, _ = await judged(tmp_path, "nothing")
    assert (report["outcomes"], report["not_judged"], report["exit_code"]) == ({"same": 2}, {}, 0)
    assert report["made"]["network"].startswith((INSIDE, BY_CONFIGURATION))


async def test_where_the_kernel_allows_no_namespace_a_shadow_runs_by_its_configuration_and_says_so(
    tmp_path: Path,
) -> None:
    within = without_namespaces()
    report, written = await judged(tmp_path, "nothing", within=within)
    assert (report["outcomes"], report["exit_code"]) == ({"same": 2}, 0)
    assert report["made"]["network"].startswith(f"{BY_CONFIGURATION} (the kernel does not allow it")
    assert f"Isolation: {BY_CONFIGURATION}" in written


@pytest.mark.parametrize(
    ("broken", "where"),
    [("header-lost", REQUEST_ID), ("beta-changed", "/upstream/*/request/headers/anthropic-beta")],
)
async def test_what_the_candidate_does_otherwise_is_found_on_both_faces(
    tmp_path: Path, broken: str, where: str
) -> None:
    report, written = await judged(tmp_path, broken)
    assert [(way["outcome"], way["places"], way["calls"]) for way in report["ways"]] == [("different", [where], 2)]
    assert report["exit_code"] == 1
    assert where in (tmp_path / "reports" / "latest" / "summary.md").read_text()
    assert "holes" not in (tmp_path / "reports" / "latest" / "shadow.md").read_text()  # of a library, not of production
    assert KEY not in written and "Alice" not in written
    kept = copytree(tmp_path / "reports" / "latest" / "shadow", tmp_path / "scenarios" / "shadow")
    assert [scenario.id for scenario in read_all(kept.parent)] == ["shadow/000001", "shadow/000002"]


async def test_a_shadow_that_is_killed_is_nobodys_concern(tmp_path: Path) -> None:
    async with production() as of, shadow(tmp_path, of) as one:
        assert (await of.asks()).status_code == 200
        one.process.kill()
        answers = [await of.asks(stream=True) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200] * 5
        async with asyncio.timeout(PATIENCE):
            while any(each.taken for each in of.programs):
                await asyncio.sleep(0.01)


async def test_a_candidate_that_dies_ends_the_shadow_with_what_it_has_seen(tmp_path: Path) -> None:
    async with production() as of, shadow(tmp_path, of) as one:
        for candidate in psutil.Process(one.process.pid).children():
            candidate.kill()
        assert (await of.asks()).status_code == 200
        assert await asyncio.wait_for(one.process.wait(), PATIENCE) == 2
    assert json.loads((tmp_path / "reports" / "latest" / "shadow.json").read_text())["exit_code"] == 2


async def test_a_call_whose_client_left_is_not_judged_and_counted(tmp_path: Path) -> None:
    async with production() as of, shadow(tmp_path, of) as one:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(of.url.rpartition(":")[2]))
        body = json.dumps({**BODY, "stream": True}).encode()
        head = f"POST /v1/messages HTTP/1.1\r\nHost: here\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await reader.read(20)
        writer.close()
        await one.has_sorted(1)
        report = await one.report()
    assert report["not_judged"] == {"its client left before the end of the answer": 1}
