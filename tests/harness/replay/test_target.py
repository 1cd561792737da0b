import asyncio
import os
import signal
import socket
import subprocess
import sys
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from harness.errors import BadInput, PortTaken, TargetFailed
from harness.model import Process, Request, Response, Target
from harness.replay.client import send
from harness.replay.ports import free_port
from harness.replay.target import RunningTarget, filled, running, version_of
from tests.waiting import PATIENCE, wait_until

ENV = {"PATH": os.environ["PATH"], "OPENAI_API_KEY": "sk-very-secret"}
SERVE = (
    "import http.server, os, sys; print('serving with', os.environ['OPENAI_API_KEY'], flush=True);"
    "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()"
)
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
SPAWNING = "import subprocess; subprocess.Popen(['sleep', '600']);"


def program(code: str, *arguments: str, name: str = "gateway", ready: str = "http://127.0.0.1:{port}/") -> Process:
    return Process(name, (sys.executable, "-c", code, *arguments), ready)


def target(*processes: Process) -> Target:
    return Target("candidate", "http://127.0.0.1:{port}", processes)


def names() -> dict[str, str]:
    return {"port": str(free_port()), "other_port": str(free_port())}


def alive(pid: int) -> bool:
    """A zombie has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def number_in(file: Path) -> int:
    """Once somebody has written it."""
    wait_until(lambda: file.exists() and file.read_text())
    return int(file.read_text())


def group_of(pid: int) -> list[int]:
    """The processes of that process group."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile, whosever it was
            state, _, group, *_ = place.read_text().rpartition(")")[2].split()
            if int(group) == pid and state != "Z":
                found.append(int(place.parent.name))
    return found


async def test_a_target_is_ready_inside_and_gone_afterwards(tmp_path: Path) -> None:
    async with running(target(program(SERVE, "{port}")), names(), tmp_path, ENV) as place:
        exchange = await send(Request("GET", "/"), place.url)
        assert isinstance(exchange.outcome, Response)
        assert all(map(alive, place.pids))
    assert not any(map(alive, place.pids))


async def test_all_programs_start_at_once_and_are_waited_for(tmp_path: Path) -> None:
    first = program(SERVE, "{other_port}", name="first", ready="http://127.0.0.1:{other_port}/")
    async with running(target(first, program(SERVE, "{port}")), names(), tmp_path, ENV) as place:
        assert len(place.pids) == 2
        assert [log.name for log in place.logs] == ["first.log", "gateway.log"]
    assert not any(map(alive, place.pids))


async def test_what_a_program_started_is_stopped_with_it(tmp_path: Path) -> None:
    async with running(target(program(SPAWNING + SERVE, "{port}")), names(), tmp_path, ENV) as place:
        assert len(group_of(place.pids[0])) == 2
    async with asyncio.timeout(PATIENCE):  # all have had their signal: each ends when it is its turn to run
        while group_of(place.pids[0]):
            await asyncio.sleep(0.01)


async def test_a_program_that_ends_at_once_shows_the_end_of_its_log_without_secrets(tmp_path: Path) -> None:
    lines = "import os; [print('line', n, flush=True) for n in range(30)];"
    code = lines + "raise SystemExit('bad key ' + os.environ['OPENAI_API_KEY'])"
    with pytest.raises(TargetFailed) as caught:
        async with running(target(program(code)), names(), tmp_path, ENV):
            pass
    message = str(caught.value)
    assert message.startswith("gateway ended with exit code 1; the end of ")
    assert message.endswith("line 29\nbad key ***")
    assert "line 10\n" not in message
    assert "very-secret" not in (tmp_path / "gateway.log").read_text()


async def test_a_program_that_never_gets_ready_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(TargetFailed, match=r"gateway was not ready after 0\.3 s"):
        async with running(
            target(program("print('hm', flush=True); import time; time.sleep(600)")), names(), tmp_path, ENV, 0.3
        ):
            pass


async def test_a_program_that_fails_takes_the_others_with_it(tmp_path: Path) -> None:
    pid = str(tmp_path / "pid")
    first = f"import os; open({pid!r}, 'w').write(str(os.getpid()));" + SERVE
    second = f"import os, time\nwhile not os.path.exists({pid!r}) or not open({pid!r}).read(): time.sleep(0.01)\n1/0"
    broken = program(second, name="broken", ready="http://127.0.0.1:{other_port}/")
    with pytest.raises(TargetFailed, match="broken ended with exit code 1"):
        async with running(target(program(first, "{port}"), broken), names(), tmp_path, ENV):
            pass
    assert not alive(int((tmp_path / "pid").read_text()))


async def test_a_cancellation_during_the_start_leaves_no_process(tmp_path: Path) -> None:
    code = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)"

    async def start() -> None:
        async with running(target(program(code)), names(), tmp_path, ENV):
            pass

    task = asyncio.create_task(start())
    pid = await asyncio.to_thread(number_in, tmp_path / "pid")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(pid)


async def test_a_second_ctrl_c_kills_what_does_not_want_to_stop(tmp_path: Path) -> None:
    stack = AsyncExitStack()
    place = await stack.enter_async_context(
        running(target(program(STUBBORN + SERVE, "{port}")), names(), tmp_path, ENV)
    )
    stopping = asyncio.create_task(stack.aclose())
    await asyncio.sleep(0.05)
    assert alive(place.pids[0])
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    await asyncio.wait_for(place.programs[0].wait(), PATIENCE)
    assert not alive(place.pids[0])


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_a_harness_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    code = f"""
import asyncio
from pathlib import Path
from tests.harness.replay.test_target import *
async def main():
    async with running(target(program(SERVE, "{{port}}")), names(), Path({str(tmp_path)!r}), ENV) as place:
        print(place.pids[0], flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    ) as harness:
        assert harness.stdout
        pid = int(harness.stdout.readline())
        assert alive(pid)
        harness.send_signal(signal.SIGKILL)
        harness.wait()
    _wait_for_end(pid)


def _wait_for_end(pid: int) -> None:
    """Not our child, so it cannot be waited for: pytest's patience is the limit."""
    descriptor = os.pidfd_open(pid) if alive(pid) else None
    if descriptor is not None:
        import select

        assert select.select([descriptor], [], [], PATIENCE)[0], f"process {pid} outlived the harness"


async def test_a_target_that_dies_is_noticed(tmp_path: Path) -> None:
    async with running(target(program(SERVE, "{port}")), names(), tmp_path, ENV) as place:
        place.require_alive()
        os.kill(place.pids[0], signal.SIGKILL)
        await place.programs[0].wait()
        with pytest.raises(TargetFailed, match=r"gateway ended with exit code -9; .*\nserving with \*\*\*"):
            place.require_alive()


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        taken = {"port": str(sock.getsockname()[1])}
        with pytest.raises(PortTaken, match=taken["port"]):
            async with running(target(program("1/0")), taken, tmp_path / "logs", ENV):
                pass


async def test_a_program_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    gateway = Process("gateway", ("no-such-program",), "http://127.0.0.1:{port}/")
    with pytest.raises(BadInput, match="gateway cannot be started: No such file or directory: no-such-program"):
        async with running(target(gateway), names(), tmp_path, ENV):
            pass


async def test_a_target_that_runs_already_only_has_to_answer(tmp_path: Path) -> None:
    async with (
        running(target(program(SERVE, "{port}")), names(), tmp_path, ENV) as place,
        running(Target("ours", place.url), {}, tmp_path, ENV) as reached,
    ):
        assert reached == RunningTarget("ours", place.url)
    with pytest.raises(TargetFailed, match="ours does not answer at http"):
        async with running(Target("ours", place.url), {}, tmp_path, ENV):
            pass


def test_a_name_that_nobody_gave_is_bad_input() -> None:
    assert filled("--port {port}", {"port": "1"}) == "--port 1"
    with pytest.raises(BadInput, match="prot"):
        filled("--port {prot}", {"port": "1"})


@pytest.mark.parametrize(
    ("command", "version"),
    [
        ((sys.executable, "-c", "print('1.2.3')"), "1.2.3"),
        ((sys.executable, "-c", "1/0"), "unknown"),
        (("no-such-program",), "unknown"),
        ((), "unknown"),
    ],
)
async def test_the_version_is_what_its_command_prints(command: tuple[str, ...], version: str) -> None:
    assert await version_of(Target("t", "", version=command), {}, ENV) == version
