"""What is typed, said to a launcher that runs: each command twice, for the second time must disturb nothing."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from deploy.archive import make
from deploy.child import Child
from deploy.commands import BINARY_IS_PRIMARY, NOTHING_TO_RESTORE, SDK_IS_PRIMARY, Desk, Gate
from deploy.programs import Primary, Program
from deploy.state import LAUNCHER, state_folder
from tests.deploy.test_launcher import PROXY, Running, plan, proxy, running
from tests.deploy.test_shadowing import add_shadow, told
from tests.waiting import until

ROOT = Path(__file__).parents[2]
PORT = "9000"  # where the commands look for the launcher's state; it answers on another
CONFIG = """
model_list: [{model_name: m, litellm_params: {model: openai/m, api_key: k}}]
general_settings: {master_key: k}
"""


class Typed:
    """A launcher that hears commands."""

    def __init__(self, one: Running, folder: Path) -> None:
        self.one = one
        self.launcher = one.launcher
        self._folder = folder

    async def say(self, *words: str) -> tuple[int | None, list[str]]:
        """The exit code and the lines of `run_proxies.py`."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "deploy/run_proxies.py", *words, "--port", PORT),
            cwd=ROOT,
            env={**os.environ, "XDG_STATE_HOME": str(self._folder)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return process.returncode, said.decode().splitlines()

    async def restore(self) -> tuple[int | None, list[str]]:
        return await self.say("restore", "--archive", str(self._folder / "archive"))

    def lives(self) -> list[tuple[str, int, float]]:
        """Every program, by its process: another one has another pid or start."""
        pids = [(name, child.pid) for name, child in self.launcher.children.items()]
        return [(name, pid, psutil.Process(pid).create_time()) for name, pid in pids]


@asynccontextmanager
async def typing(folder: Path, binary: Path | None = None) -> AsyncIterator[Typed]:
    """`binary`: the file of the binary proxy, where it is not `one_proxy.py`."""
    state = state_folder(int(PORT), {"XDG_STATE_HOME": str(folder)})
    state.mkdir(parents=True)
    config = folder / "config.yaml"
    config.write_text(CONFIG)
    wanted = plan(folder)
    if binary is not None:
        own = replace(proxy("binary-proxy"), command=(str(binary), "binary-proxy"))
        programs: dict[Primary, tuple[Program, ...]] = {**wanted.programs, "binary": (own,)}
        wanted = replace(wanted, programs=programs)
    async with running(wanted, state) as one:
        gate = Gate(folder / "reports", config, ROOT, timedelta(hours=1), folder / "archive")
        hearing = asyncio.create_task(Desk(one.launcher, gate).serve(one.launcher.folder / LAUNCHER))
        await until((one.launcher.folder / LAUNCHER).exists)
        try:
            yield Typed(one, folder)
        finally:
            hearing.cancel()


@pytest.fixture(scope="module")
def archived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's baseline as it is: a restore of it changes no file."""
    folder = tmp_path_factory.mktemp("archived")
    (folder / "config.yaml").write_text(CONFIG)
    make(ROOT, folder / "config.yaml", folder / "archive")
    return folder / "archive"


async def test_a_restore_with_nothing_to_restore_disturbs_nothing_and_says_so(tmp_path: Path, archived: Path) -> None:
    async with typing(tmp_path) as typed:
        (tmp_path / "archive").symlink_to(archived)
        before = typed.lives()
        for _ in range(2):
            code, lines = await typed.restore()
            assert (code, lines) == (0, [f"0 files restored in {ROOT}", NOTHING_TO_RESTORE])
        assert (typed.lives(), typed.one.changes()) == (before, [])
        assert not [line for line in typed.one.told if "ended" in line]


async def test_a_restore_starts_a_program_again_that_runs_other_files_and_only_once(
    tmp_path: Path, archived: Path
) -> None:
    file = tmp_path / "own_proxy.py"
    file.write_text(Path(PROXY).read_text())
    async with typing(tmp_path, binary=file) as typed:
        (tmp_path / "archive").symlink_to(archived)
        before = {name: pid for name, pid, _ in typed.lives()}
        file.write_text(file.read_text().replace("NAME.encode()", "b'restored'"))
        code, lines = await typed.restore()
        assert (code, lines[1:]) == (
            0,
            ["the binary proxy is started again: its files have changed since its start", BINARY_IS_PRIMARY],
        )
        assert await typed.one.answer() == "restored"
        after = typed.lives()
        assert [name for name, pid, _ in after if before[name] != pid] == ["binary-proxy"]
        code, lines = await typed.restore()
        assert (code, lines[1:], typed.lives()) == (0, [NOTHING_TO_RESTORE], after)


async def test_a_restore_after_a_cutover_is_a_rollback_and_starts_nothing_again(tmp_path: Path, archived: Path) -> None:
    async with typing(tmp_path) as typed:
        assert (await typed.say("cutover", "--force", "a test"))[0] == 0
        before = typed.lives()
        code, lines = await typed.restore()
        assert (code, lines[1].startswith("rollback: sdk -> binary"), typed.lives()) == (0, True, before)
        assert await typed.one.answer() == "binary-proxy"


async def test_a_cutover_a_rollback_and_routes_that_are_so_already_disturb_nothing_and_say_so(tmp_path: Path) -> None:
    async with typing(tmp_path) as typed:
        before = typed.lives()
        assert await typed.say("rollback") == (0, [BINARY_IS_PRIMARY])
        assert await typed.say("route", "--none") == (0, ["the routes are so already: none, all to the binary proxy"])
        assert (typed.lives(), typed.one.changes()) == (before, [])

        assert (await typed.say("route", "user:a=sdk", "sdk=10%"))[0] == 0
        before, changes = typed.lives(), typed.one.changes()
        assert await typed.say("route", "sdk=10%", "user:a=sdk") == (
            0,
            ["the routes are so already: sdk=10%, user:a=sdk"],
        )
        assert (typed.lives(), typed.one.changes()) == (before, changes)

        assert (await typed.say("cutover", "--force", "a test"))[0] == 0
        before, changes = typed.lives(), typed.one.changes()
        assert await typed.say("cutover", "--force", "again") == (0, [SDK_IS_PRIMARY])
        assert (typed.lives(), typed.one.changes()) == (before, changes)


async def test_a_shadow_that_is_on_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with typing(tmp_path) as typed:
        shadow = add_shadow(typed.one, tmp_path)
        assert (await typed.say("shadow", "on"))[0] == 0
        pid, words, ask = shadow.pid, list[str](), Child.ask

        async def noted_ask(child: Child, what: str) -> dict[str, Any]:
            words.append(what)
            return await ask(child, what)

        monkeypatch.setattr(Child, "ask", noted_ask)
        code, lines = await typed.say("shadow", "on")
        assert (code, lines[0].startswith(f"the shadow is on (pid {pid},")) == (0, True)
        assert set(words) == {"state"}  # neither told to copy again, which would connect it anew
        await typed.one.answer()
        await until(lambda: bool(told(tmp_path)))
