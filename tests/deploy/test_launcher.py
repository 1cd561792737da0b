"""Real processes on real sockets: small web servers that play the proxies."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from deploy.child import Child
from deploy.journal import Change, Journal
from deploy.launcher import Failed, Launcher, Plan
from deploy.listening import owner_of, port_of
from deploy.programs import PRODUCTION, BadInput, Primary, Program
from deploy.state import sockets_folder
from tests.waiting import PATIENCE, until, until_async

PROXY = str(Path(__file__).with_name("one_proxy.py"))
CUTOVER = Change("cutover", "me", "binary", "sdk", "a test")
ROLLBACK = Change("rollback", "me", "sdk", "binary", "a test")


def proxy(name: str, *words: str, production: bool = True) -> Program:
    return Program(name, (PROXY, name, *words), "/", (name,), production)


def plan(folder: Path, *sdk_words: str, primary: Primary = "binary", warm: bool = False, port: int = 0) -> Plan:
    """The production port is any that is free when the launcher binds it."""
    programs: dict[Primary, tuple[Program, ...]] = {
        "binary": (proxy("litellm", production=False), proxy("binary-proxy")),
        "sdk": (proxy("sdk-proxy", *sdk_words),),
    }
    addresses = {PRODUCTION: ("127.0.0.1", port)}
    return Plan(programs, primary, warm, addresses, folder / "logs", patience=PATIENCE, drain=PATIENCE)


class Running:
    def __init__(self, plan: Plan, state: Path) -> None:
        self.told: list[str] = []
        self.journal = Journal(state)
        state.mkdir(exist_ok=True)
        self.launcher = Launcher(plan, self.journal, sockets_folder(state), self.told.append)

    @property
    def port(self) -> int:
        return port_of(self.launcher.sockets, PRODUCTION)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def answer(self) -> str:
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
            return (await client.get(self.url)).text.splitlines()[0]

    def kill(self, name: str) -> None:
        self.launcher.children[name].signal(signal.SIGKILL)

    def changes(self) -> list[tuple[str, str, str]]:
        return [(each["what"], each["from"], each["to"]) for each in self.journal.changes()]


@asynccontextmanager
async def running(plan: Plan, state: Path) -> AsyncIterator[Running]:
    one, stop = Running(plan, state), asyncio.Event()
    task = asyncio.create_task(one.launcher.run(stop))
    try:
        await until(lambda: task.done() or one.launcher.answering is not None)
        if task.done():
            task.result()
        yield one
    finally:
        stop.set()
        await asyncio.wait_for(task, PATIENCE)


async def test_the_primary_answers_on_the_port_and_nothing_is_left_behind(tmp_path: Path) -> None:
    async with running(plan(tmp_path), tmp_path) as one:
        assert await one.answer() == "binary-proxy"
        assert sorted(one.launcher.children) == ["binary-proxy", "litellm"]
        port = one.port
        assert [f"on port {port} after" in line for line in one.told if line.startswith("binary-proxy")] == [True]
        pids = [child.pid for child in one.launcher.children.values()]
    assert (owner_of(port), [pid for pid in pids if psutil.pid_exists(pid)]) == ("", [])


async def test_a_cutover_and_a_rollback_fail_no_request_and_cut_no_stream(tmp_path: Path) -> None:
    async with running(plan(tmp_path), tmp_path) as one, httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
        answers: list[str] = []
        stop = asyncio.Event()

        async def asks() -> None:
            while not stop.is_set():
                answers.append(await one.answer())

        async def streams() -> str:
            return (await client.get(one.url + "stream", headers={"until": str(tmp_path / "go on")})).text

        work = [asyncio.create_task(asks()) for _ in range(4)]
        stream = asyncio.create_task(streams())
        await until(lambda: len(answers) > 4)
        await one.launcher.move("sdk", CUTOVER)
        await until(lambda: answers[-1] == "sdk-proxy")
        await one.launcher.move("binary", ROLLBACK)
        await until(lambda: answers[-1] == "binary-proxy")
        stop.set()
        (tmp_path / "go on").touch()
        await asyncio.gather(*work)
        assert await stream == "binary-proxy\nend"
        assert set(answers) == {"binary-proxy", "sdk-proxy"}
        assert one.changes() == [("cutover", "binary", "sdk"), ("rollback", "sdk", "binary")]
        assert one.launcher.ready("sdk")


async def test_who_let_go_of_the_port_closes_its_connections_with_an_answer(tmp_path: Path) -> None:
    async with running(plan(tmp_path), tmp_path) as one, httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
        assert "connection" not in (await client.get(one.url)).headers
        await one.launcher.move("sdk", CUTOVER)
        last = await client.get(one.url)
        assert (last.text.splitlines()[0], last.headers["connection"]) == ("binary-proxy", "close")
        assert (await client.get(one.url)).text.startswith("sdk-proxy")


async def test_the_binary_proxy_takes_over_from_a_dead_sdk_proxy_and_gives_it_back(tmp_path: Path) -> None:
    async with running(plan(tmp_path, primary="sdk", warm=True), tmp_path) as one:
        await until(lambda: one.launcher.ready("binary"))
        one.kill("sdk-proxy")
        await until(lambda: one.launcher.answering == "binary")
        assert await one.answer() == "binary-proxy"
        await until(lambda: one.launcher.answering == "sdk")
        assert await one.answer() == "sdk-proxy"
        assert one.changes() == [("failover", "sdk", "binary"), ("failback", "binary", "sdk")]
        assert one.launcher.primary == "sdk"


async def test_an_sdk_proxy_that_dies_three_times_is_taken_out(tmp_path: Path) -> None:
    async with running(plan(tmp_path, primary="sdk", warm=True), tmp_path) as one:
        await until(lambda: one.launcher.ready("binary"))
        for _ in range(3):
            await until(lambda: one.launcher.answering == "sdk" and one.launcher.ready("sdk"))
            one.kill("sdk-proxy")
            await until(lambda: one.launcher.answering == "binary")
        await until(lambda: one.launcher.primary == "binary")
        await until(lambda: one.launcher.ready("sdk"))
        assert (await one.answer(), one.changes()[-1]) == ("binary-proxy", ("rollback", "sdk", "binary"))


async def test_requests_wait_for_a_dead_binary_proxy_and_never_go_to_the_other(tmp_path: Path) -> None:
    async with running(plan(tmp_path, warm=True), tmp_path) as one:
        await until(lambda: one.launcher.ready("sdk"))
        one.kill("binary-proxy")
        assert [await one.answer() for _ in range(3)] == ["binary-proxy"] * 3
        assert "binary-proxy: ended with exit code -9; it starts again at once" in one.told
        assert one.changes() == []


async def test_a_launcher_after_a_killed_one_adopts_what_serves(tmp_path: Path) -> None:
    wanted = plan(tmp_path)
    first = Running(wanted, tmp_path)
    killed = asyncio.create_task(first.launcher.run(asyncio.Event()))
    await until(lambda: first.launcher.answering is not None)
    pids = {name: child.pid for name, child in first.launcher.children.items()}
    left = await forgotten(first.launcher, killed)
    async with running(wanted, tmp_path) as one:
        assert {name: child.pid for name, child in one.launcher.children.items()} == pids
        assert await one.answer() == "binary-proxy"
        one.kill("binary-proxy")
        assert await one.answer() == "binary-proxy"
        assert one.launcher.children["binary-proxy"].pid != pids["binary-proxy"]
    assert [child for child in left if _runs(child.pid)] == []


async def test_what_a_killed_launcher_had_started_with_other_options_is_ended(tmp_path: Path) -> None:
    wanted = plan(tmp_path)
    first = Running(wanted, tmp_path)
    killed = asyncio.create_task(first.launcher.run(asyncio.Event()))
    await until(lambda: first.launcher.answering is not None)
    left = await forgotten(first.launcher, killed)
    other: dict[Primary, tuple[Program, ...]] = {
        "binary": (proxy("litellm", "other", production=False), proxy("binary-proxy", "other"))
    }
    async with running(replace(wanted, programs={**wanted.programs, **other}), tmp_path) as one:
        assert await one.answer() == "binary-proxy"
        assert [child for child in left if _runs(child.pid)] == []


async def forgotten(launcher: Launcher, task: "asyncio.Task[None]") -> list[Child]:
    """What is left of a launcher that was killed: its sockets and connections are closed, its programs live on. They
    are returned, for asyncio kills a process that nobody refers to."""
    left = list(launcher.children.values())
    for keeping in launcher._keeping.values():
        keeping.cancel()
    for child in launcher.children.values():
        child.writer.transport.abort()
    for each in launcher.sockets.values():
        each.close()
    launcher.children.clear()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return left


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@pytest.mark.parametrize(("ends_with", "code"), [("2", 2), ("3", 1)])
async def test_one_that_does_not_start_is_told_with_its_last_words(tmp_path: Path, ends_with: str, code: int) -> None:
    with pytest.raises(Failed, match=rf"sdk-proxy ended with exit code {ends_with}(.|\n)*so it goes") as failed:
        async with running(plan(tmp_path, "exit", ends_with, primary="sdk"), tmp_path):
            pass
    assert failed.value.code == code


async def test_a_cutover_to_one_that_does_not_start_changes_nothing(tmp_path: Path) -> None:
    async with running(plan(tmp_path, "exit", "3"), tmp_path) as one:
        with pytest.raises(Failed, match="exit code 3"):
            await one.launcher.move("sdk", CUTOVER)
        assert (await one.answer(), one.changes(), one.launcher.primary) == ("binary-proxy", [], "binary")


async def test_a_change_that_cannot_be_written_down_is_not_made(tmp_path: Path) -> None:
    async with running(plan(tmp_path), tmp_path) as one:
        one.journal.file.mkdir()
        with pytest.raises(OSError, match="journal"):
            await one.launcher.move("sdk", CUTOVER)
        assert (await one.answer(), one.launcher.primary) == ("binary-proxy", "binary")


async def test_a_stop_during_the_start_leaves_nothing_behind(tmp_path: Path) -> None:
    one, stop = Running(plan(tmp_path, "asleep", primary="sdk"), tmp_path), asyncio.Event()
    task = asyncio.create_task(one.launcher.run(stop))
    await until(lambda: bool(one.launcher.children))
    pid = one.launcher.children["sdk-proxy"].pid
    stop.set()
    await task
    assert not _runs(pid)


async def test_one_that_is_not_ready_in_time_is_told(tmp_path: Path) -> None:
    slow = replace(plan(tmp_path, "asleep", primary="sdk"), patience=0.2)
    with pytest.raises(Failed, match=r"sdk-proxy was not ready within 0\.2 s"):
        async with running(slow, tmp_path):
            pass


async def test_a_port_that_is_taken_is_told_with_who_has_it(tmp_path: Path) -> None:
    listener = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    with pytest.raises(BadInput, match=rf"production needs port {port}, where .* \(pid {os.getpid()}\) listens"):
        async with running(plan(tmp_path, port=port), tmp_path):
            pass
    listener.close()


async def test_a_process_counts_what_the_clients_of_the_port_were_answered(tmp_path: Path) -> None:
    async with running(plan(tmp_path), tmp_path) as one, httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
        for path in ("", "unavailable", "cloudflare"):
            await client.get(one.url + path)
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(one.url + "broken")
        child = one.launcher.children["binary-proxy"]
        await until_counted(child, 4)
        state = await child.ask("state")
        assert {name: state[name] for name in ("answers", "errors", "cloudflare", "open")} == {
            "answers": 4,
            "errors": 3,
            "cloudflare": 1,
            "open": 0,
        }


async def until_counted(child: Child, answers: int) -> None:
    async def are_counted() -> bool:
        return bool((await child.ask("state"))["answers"] >= answers)

    await until_async(are_counted)
