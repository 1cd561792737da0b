"""A launcher with small proxies, and a small shadow that writes down what it is told."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from deploy.child import Died
from deploy.programs import BadInput
from deploy.shadowing import Shadow, command, last_told
from tests.deploy.test_launcher import CUTOVER, ROLLBACK, Running, plan, running
from tests.harness.test_isolation import KEY, KINDS, RealProvider, provider, write_config
from tests.waiting import PATIENCE, until

PROGRAM = str(Path(__file__).with_name("one_shadow.py"))
ROOT = Path(__file__).parents[2]
__all__ = ["provider"]  # a fixture


def add_shadow(one: Running, folder: Path, *words: str) -> Shadow:
    """To a launcher; it writes `folder / "told"`."""
    run = (sys.executable, PROGRAM, str(folder / "told"), *words)
    one.launcher.shadow = Shadow(run, one.launcher.folder, folder / "logs" / "shadow.log", folder, one.told.append)
    return one.launcher.shadow


def told(folder: Path, face: str = "front") -> list[dict[str, Any]]:
    file = folder / "told"
    heads = [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []
    return [head for head in heads if head["face"] == face]


async def test_a_shadow_is_told_the_calls_of_the_port_and_ends_with_the_launcher(tmp_path: Path) -> None:
    async with running(plan(tmp_path), tmp_path) as one:
        shadow = add_shadow(one, tmp_path)
        assert await one.answer() == "binary-proxy"
        await one.launcher.shadow_on()
        assert await one.answer() == "binary-proxy"
        await until(lambda: bool(told(tmp_path)))
        (head,) = told(tmp_path)
        assert (head["method"], head["path"], head["status"], head["how"]) == ("GET", "/", 200, "whole")
        assert one.launcher.state()["shadow"] == shadow.pid
        pid = shadow.pid
    assert pid is not None and not psutil.pid_exists(pid)


async def test_the_program_behind_the_proxy_tells_its_calls_too(tmp_path: Path) -> None:
    async with running(plan(tmp_path), tmp_path) as one, httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
        add_shadow(one, tmp_path)
        await one.launcher.shadow_on()
        await client.get(f"http://127.0.0.1:{one.launcher.children['litellm'].port}/")
        await until(lambda: bool(told(tmp_path, "back")))


async def test_a_shadow_that_is_killed_fails_no_client_and_can_be_turned_on_again(tmp_path: Path) -> None:
    async with running(plan(tmp_path), tmp_path) as one:
        shadow = add_shadow(one, tmp_path)
        await one.launcher.shadow_on()
        assert shadow.pid is not None
        os.kill(shadow.pid, signal.SIGKILL)
        assert [await one.answer() for _ in range(5)] == ["binary-proxy"] * 5
        await until(lambda: any("the shadow ended with exit code -9" in line for line in one.told))
        await one.launcher.shadow_on()
        await one.answer()
        await until(lambda: bool(told(tmp_path)))


async def test_a_proxy_that_was_started_again_copies_again(tmp_path: Path) -> None:
    async with running(plan(tmp_path), tmp_path) as one:
        add_shadow(one, tmp_path)
        await one.launcher.shadow_on()
        one.kill("binary-proxy")
        await until(lambda: one.launcher.answering is None)
        assert await one.answer() == "binary-proxy"
        await until(lambda: bool(told(tmp_path)))


async def test_a_cutover_ends_the_shadow_and_after_it_there_is_none(tmp_path: Path) -> None:
    async with running(plan(tmp_path), tmp_path) as one:
        shadow = add_shadow(one, tmp_path)
        await one.launcher.shadow_on()
        await one.launcher.move("sdk", CUTOVER)
        await until(lambda: shadow.pid is None)
        with pytest.raises(BadInput, match="before a cutover"):
            await one.launcher.shadow_on()
        await one.launcher.move("binary", ROLLBACK)
        await one.launcher.shadow_on()


async def test_a_shadow_that_does_not_start_is_told_and_changes_nothing(tmp_path: Path) -> None:
    async with running(plan(tmp_path), tmp_path) as one:
        add_shadow(one, tmp_path, "exit", "3")
        with pytest.raises(BadInput, match="the shadow ended with exit code 3"):
            await one.launcher.shadow_on()
        assert (await one.answer(), one.launcher.state()["shadow"]) == ("binary-proxy", None)


async def test_a_shadow_that_is_not_ready_yet_does_not_hold_up_the_launchers_end(tmp_path: Path) -> None:
    shadow = Shadow((sys.executable, "-c", "import time; time.sleep(600)"), tmp_path, tmp_path / "l", tmp_path, print)
    starting = asyncio.create_task(shadow.on())
    await until(lambda: shadow.pid is not None)
    async with asyncio.timeout(PATIENCE):
        await shadow.off()
    with pytest.raises(BadInput, match="exit code -9"):
        await starting


LATE = """
import pathlib, socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[-1])
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.01)
listener.listen()
time.sleep(600)
"""


async def test_a_shadow_is_ready_when_it_listens_and_not_when_its_socket_is_there(tmp_path: Path) -> None:
    go_on = tmp_path / "go on"
    shadow = Shadow((sys.executable, "-c", LATE, str(go_on)), tmp_path, tmp_path / "log", tmp_path, print)
    starting = asyncio.create_task(shadow.on())
    await until((tmp_path / "shadow.calls").exists)
    done, _ = await asyncio.wait({starting}, timeout=0.5)
    assert not done
    go_on.touch()
    assert await asyncio.wait_for(starting, PATIENCE) is False
    await shadow.off()


async def test_where_a_program_cannot_copy_there_is_no_shadow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(plan(tmp_path), tmp_path) as one:
        shadow = add_shadow(one, tmp_path)
        child = one.launcher.children["litellm"]

        async def deaf(_: str) -> dict[str, Any]:
            raise Died("litellm does not answer the launcher")

        with monkeypatch.context() as patched:
            patched.setattr(type(child), "ask", lambda _, what: deaf(what))
            with pytest.raises(Died):
                await one.launcher.shadow_on()
        assert shadow.pid is None and await one.answer() == "binary-proxy"


def test_the_harness_is_asked_for_it_with_whole_paths() -> None:
    words = command(Path("config/config.yaml"), Path("reports"))
    assert words[1:4] == ("-m", "harness", "shadow")
    assert words[4:] == (f"--config={Path.cwd()}/config/config.yaml", f"--reports={Path.cwd()}/reports")


def test_its_last_report_is_told_in_its_own_words(tmp_path: Path) -> None:
    assert last_told(tmp_path).endswith("no report yet")
    (tmp_path / "latest").mkdir()
    (tmp_path / "latest" / "shadow.json").write_text(json.dumps({"told": "3 calls judged", "made": {"at": "then"}}))
    assert last_told(tmp_path).endswith("shadow.json, then: 3 calls judged")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_shadow_that_could_ask_a_real_provider_does_not_start_and_the_launcher_says_why(
    tmp_path: Path, provider: RealProvider, kind: str
) -> None:
    config, line = write_config(tmp_path, kind, provider.server_port)
    async with running(plan(tmp_path), tmp_path) as one:
        run = command(config, tmp_path / "reports")
        one.launcher.shadow = Shadow(run, one.launcher.folder, tmp_path / "shadow.log", ROOT, one.told.append)
        with pytest.raises(BadInput, match=f"{config}:{line}: ") as refused:
            await one.launcher.shadow_on()
        assert "nothing was started" in str(refused.value)
        assert KEY not in str(refused.value) + (tmp_path / "shadow.log").read_text()
        assert one.launcher.shadow.pid is None
        assert await one.answer() == "binary-proxy"
    assert provider.asked == 0
