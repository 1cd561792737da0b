"""Locust as a user runs it: a process of its own, since gevent patches the one that it is in."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from harness.performance.mix import mix_of, mix_text
from harness.replay.ports import free_port
from harness.upstream.paced import Pace, PacedUpstream
from tests.library import library
from tests.waiting import PATIENCE, until

LOCUST = (sys.executable, "-m", "locust", "-f", "harness/load.py", "-u", "4", "-r", "4")


@pytest.fixture(scope="module")
def mix(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The recorded mix in one file, as the harness gives it to Locust: it reads no scenarios then."""
    file = tmp_path_factory.mktemp("mix") / "mix.json"
    file.write_text(mix_text(mix_of(library())), encoding="utf-8")
    return str(file)


async def locust(
    *options: str, key: str = "sk-a-key-of-the-gateway", page: str = "--headless"
) -> asyncio.subprocess.Process:
    environ = {"PATH": os.environ["PATH"], "LITELLM_MASTER_KEY": key}
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *LOCUST, page, *options, env=environ, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    try:
        said, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode, said.decode()


async def has_sent(process: asyncio.subprocess.Process, upstream: PacedUpstream, number: int) -> bool:
    """Return once so many answers are complete; false where Locust has ended before."""
    try:
        await until(lambda: upstream.counts.complete >= number or process.returncode is not None)
    except TimeoutError:
        process.kill()
        raise
    return process.returncode is None


@pytest.mark.parametrize("more", [(), ("--processes", "2")])
async def test_it_sends_the_recorded_mix_and_tells_what_it_measured(
    tmp_path: Path, more: tuple[str, ...], mix: str
) -> None:
    """Alone it reads the scenarios themselves, with workers the file of the mix."""
    measured = tmp_path / "measured.json"
    async with PacedUpstream(pace=Pace(0.01, 0.001, 5)) as upstream:
        process = await locust(
            "--host", upstream.url, "--measured", str(measured), *more, *(("--mix", mix) if more else ())
        )
        if await has_sent(process, upstream, 100):
            process.send_signal(signal.SIGINT)
        code, said = await ended(process)
    assert code == 0, said
    told = json.loads(measured.read_text())
    assert {"/messages streamed", "/chat/completions streamed"} <= told["rows"].keys()
    assert all(not row["failures"] for row in told["rows"].values())
    assert 90 <= sum(row["calls"] for row in told["rows"].values()) <= upstream.counts.calls
    assert "TTFT" in said
    assert "sk-a-key" not in said


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_workers_that_are_lost_end_it_with_a_line_what_was_measured_and_exit_3(
    tmp_path: Path, number: signal.Signals, mix: str
) -> None:
    measured = tmp_path / "measured.json"
    async with PacedUpstream(pace=Pace(0.01, 0.001, 5)) as upstream:
        port = str(free_port())
        ends = ("--mix", mix, "--processes", "2", "--master-bind-port", port, "--master-port", port)
        process = await locust("--host", upstream.url, "--measured", str(measured), *ends)
        await has_sent(process, upstream, 20)
        for worker in psutil.Process(process.pid).children():
            worker.send_signal(number)
        code, said = await ended(process)
    assert code == 3, said
    assert said.splitlines()[-1].startswith("error: 2 of 2 workers of Locust were lost in the middle")
    assert json.loads(measured.read_text())["lost"] == 2


async def test_the_web_page_holds_no_key() -> None:
    port = free_port()
    async with (
        asyncio.timeout(PATIENCE),
        httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(retries=10), timeout=PATIENCE) as calls,
    ):
        process = await locust("--web-host", "127.0.0.1", "--web-port", str(port), page="--loglevel=WARNING")
        try:
            page = await calls.get(f"http://127.0.0.1:{port}/")
        finally:
            process.terminate()
            await ended(process)
    assert (page.status_code, "promised" in page.text) == (200, True)
    assert "sk-a-key" not in page.text


async def test_without_a_key_it_says_so_and_sends_nothing() -> None:
    code, said = await ended(await locust(key=""))
    assert code != 0
    assert "give --key, or set LITELLM_MASTER_KEY" in said


async def test_a_gateway_that_is_not_there_is_all_failures_and_exit_1() -> None:
    # Longer where Locust has not asked at all within the first second, as on a machine that is very busy.
    for seconds in ("1", "10", "60"):
        code, said = await ended(await locust("--host", "http://127.0.0.1:9", "-t", seconds))
        if "refused" in said:
            break
    assert code == 1
    assert "refused" in said
