from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest

from harness.clients.program import bare_environment, install, run
from harness.errors import BadInput, HarnessError
from tests.waiting import PATIENCE, until


def python(code: str) -> tuple[str, str, str]:
    return (sys.executable, "-c", code)


async def test_a_program_gives_its_exit_code_and_all_that_it_says(tmp_path: Path) -> None:
    code = "import os, sys; print(os.getcwd(), os.environ['A']); print('oh', file=sys.stderr); sys.exit(3)"
    exit_code, output = await run(python(code), {"A": "given"}, tmp_path)
    assert exit_code == 3
    assert sorted(output.split()) == sorted([str(tmp_path), "given", "oh"])


async def test_a_program_that_never_ends_is_ended_and_so_is_what_it_started(tmp_path: Path) -> None:
    code = (
        "import subprocess; p = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(p.pid)); p.wait()"
    )
    # The program is given more time until that was enough to start another; an idle machine needs the first second.
    for patience in (1.0, 10.0, PATIENCE):
        with pytest.raises(HarnessError, match=rf"has not ended after {patience:g} s"):
            await run(python(code), os.environ, tmp_path, patience=patience)
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
            break
    pid = int((tmp_path / "pid").read_text())
    await until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


async def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no-such-program cannot be started"):
        await run(("no-such-program",), {}, tmp_path)


async def test_a_package_manager_that_fails_says_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="no such package"):
        await install(python("import sys; print('no such package'); sys.exit(1)"), tmp_path)


def test_nothing_of_the_users_environment_reaches_a_client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "HTTPS_PROXY", "CLAUDE_CONFIG_DIR"):
        monkeypatch.setenv(name, "the user's")
    assert bare_environment(tmp_path)["HOME"] == str(tmp_path)
    assert "the user's" not in bare_environment(tmp_path).values()
