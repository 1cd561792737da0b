"""The real openai-python and anthropic-python: one small program (python_sdk/) for both, each in an environment of its
own, installed with pip from the versions that its list pins."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from harness.clients import project
from harness.clients.program import Finished, bare_environment, run

PROJECT = Path(__file__).with_name("python_sdk")
VERSIONS = {"openai": "3.54.0", "anthropic": "2.12.0"}  # as openai.txt and anthropic.txt have them


async def installed(sdk: str, cache: Path) -> Path:
    """The folder with the program and the environment that it runs in, below `cache`: made unless it is there."""
    folder = project.place(PROJECT, cache, f"{sdk}-python-{VERSIONS[sdk]}")
    environment = (sys.executable, "-m", "venv", str(folder / ".venv"))
    packages = (str(_python(folder)), "-m", "pip", "install", "-q", "--no-deps", "-r", str(folder / f"{sdk}.txt"))
    proof = folder / ".venv" / "installed"
    await project.built(PROJECT, folder, proof, environment, packages)
    proof.touch()
    return folder


async def drive(sdk: str, folder: Path, base_url: str, key: str, calls: str) -> Finished:
    """One run of main.py. `base_url` is the gateway's: openai-python asks below its /v1, anthropic-python adds that."""
    with tempfile.TemporaryDirectory(prefix=f"{sdk}-python-") as home:
        place = {"OPENAI_BASE_URL": f"{base_url}/v1", "ANTHROPIC_BASE_URL": base_url}
        env = {**bare_environment(Path(home)), **place, "OPENAI_API_KEY": key, "ANTHROPIC_API_KEY": key}
        code, output = await run((str(_python(folder)), str(folder / "main.py"), sdk, calls), env, Path(home))
    return Finished(code, output, f"{sdk}-python {VERSIONS[sdk]}")


def _python(folder: Path) -> Path:
    return folder / ".venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
