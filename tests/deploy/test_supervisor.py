"""Real processes: small web servers that play the proxies."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from deploy.programs import BadInput, Program
from deploy.supervisor import Failed, Supervisor, owner_of
from harness.replay.ports import free_port

SERVER = "import sys, http.server as h; h.test(h.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind='127.0.0.1')"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "


def server(name: str = "proxy", before: str = "") -> Program:
    port = free_port()
    command = (sys.executable, "-c", before + SERVER, str(port))
    return Program(name, command, port, f"http://127.0.0.1:{port}/")


def one_that_ends(code: int) -> Program:
    return Program(
        "proxy", (sys.executable, "-c", f"print('so it goes'); exit({code})"), free_port(), "http://127.0.0.1:9/"
    )


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.02)


@pytest.fixture
def told() -> list[str]:
    return []


async def test_each_is_ready_before_the_next_starts_and_none_is_left_behind(tmp_path: Path, told: list[str]) -> None:
    stop, wanted = asyncio.Event(), [server("first"), server("second")]
    run = asyncio.create_task(Supervisor(tmp_path, told.append).run(wanted, stop))
    await until(lambda: len(told) == 2)
    assert [line.partition(" after")[0] for line in told] == [
        f"{each.name}: ready on port {each.port}" for each in wanted
    ]
    assert "python" in owner_of(wanted[0].port)
    stop.set()
    await run
    assert [owner_of(program.port) for program in wanted] == ["", ""]


async def test_what_dies_is_started_again(tmp_path: Path, told: list[str]) -> None:
    stop, program = asyncio.Event(), server()
    run = asyncio.create_task(Supervisor(tmp_path, told.append).run([program], stop))
    await until(lambda: len(told) == 1)
    os.kill(int(told[0].partition("pid ")[2].partition(",")[0]), signal.SIGKILL)
    await until(lambda: len(told) == 3)
    assert told[1] == "proxy: ended with exit code -9; it starts again in 1 s"
    assert told[2].startswith(f"proxy: ready on port {program.port}")
    stop.set()
    await run
    assert owner_of(program.port) == ""


async def test_one_that_hears_no_sigterm_is_killed_after_the_drain(tmp_path: Path, told: list[str]) -> None:
    stop, program = asyncio.Event(), server(before=DEAF)
    run = asyncio.create_task(Supervisor(tmp_path, told.append, drain=0.1).run([program], stop))
    await until(lambda: len(told) == 1)
    stop.set()
    await run
    assert owner_of(program.port) == ""


async def test_a_stop_during_the_start_leaves_nothing_behind(tmp_path: Path, told: list[str]) -> None:
    stop = asyncio.Event()
    slow = Program("slow", (sys.executable, "-c", "import time; time.sleep(600)"), free_port(), "http://127.0.0.1:9/")
    run = asyncio.create_task(Supervisor(tmp_path, told.append).run([slow, server()], stop))
    await until(lambda: bool(psutil.Process().children()))
    stop.set()
    await run
    assert (told, psutil.Process().children()) == ([], [])


@pytest.mark.parametrize(("ends_with", "code"), [(2, 2), (3, 1)])
async def test_one_that_does_not_start_is_told_with_its_last_words(
    tmp_path: Path, told: list[str], ends_with: int, code: int
) -> None:
    with pytest.raises(Failed, match=rf"proxy ended with exit code {ends_with}(.|\n)*so it goes") as failed:
        await Supervisor(tmp_path, told.append).run([one_that_ends(ends_with)], asyncio.Event())
    assert failed.value.code == code


async def test_a_port_that_is_taken_is_told_with_who_has_it(tmp_path: Path, told: list[str]) -> None:
    listener = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    with pytest.raises(BadInput, match=rf"proxy needs port {port}, where .* \(pid {os.getpid()}\) listens"):
        await Supervisor(tmp_path, told.append).run([Program("proxy", ("true",), port, "")], asyncio.Event())
    listener.close()
