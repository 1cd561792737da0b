from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from harness.clients.claude_code import PACKAGE, VERSION, drive, installed

# Stands for the program: says how it was called, in what folder, with what environment.
CLAUDE = f"""#!{sys.executable}
import json, os, sys
print(json.dumps([sys.argv[1:], sorted(os.listdir()), dict(os.environ)]))
"""


@pytest.fixture
def claude(tmp_path: Path) -> Path:
    path = tmp_path / f"claude-code-{VERSION}" / "node_modules" / f"{PACKAGE}-linux-x64" / "claude"
    path.parent.mkdir(parents=True)
    path.write_text(CLAUDE)
    path.chmod(0o755)
    return path


async def test_the_program_is_installed_once(claude: Path, tmp_path: Path) -> None:
    assert await installed(tmp_path) == claude


async def test_a_relative_cache_is_found_from_every_folder(claude: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(claude.parents[4])
    assert await installed(Path()) == claude


async def test_it_is_driven_against_the_gateway_in_a_new_home_and_folder(claude: Path) -> None:
    prompts = [("Hello", "--model", "m"), ("Again", "--continue")]
    finished = await drive(claude, "http://gateway", "the key", prompts, {"note.txt": "words"})
    (arguments, files, env), (again, _, env_again) = (json.loads(line) for line in finished.output.splitlines())
    assert arguments == ["-p", "--dangerously-skip-permissions", "Hello", "--model", "m"]
    assert again[-2:] == ["Again", "--continue"]
    assert files == ["note.txt"]
    assert (env["ANTHROPIC_BASE_URL"], env["ANTHROPIC_AUTH_TOKEN"]) == ("http://gateway", "the key")
    assert env["HOME"] == env_again["HOME"]
    assert not Path(env["HOME"]).exists()
    assert (finished.exit_code, finished.version) == (0, f"claude-cli {VERSION}")
